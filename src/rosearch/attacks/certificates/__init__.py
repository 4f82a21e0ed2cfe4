"""What no attack can flip: exact counts for students whose logits are a sum of bounded votes.

A word is a stretch of letters and digits, as attacks see it. If it is replaced, its vote goes and
another comes, which is at most the bound; no other word is read in another way. So the worst text
is found word by word, and a text whose margin outlasts that is right under every such attack: what
Levine and Feizi 2020 count of an ensemble, of one sum.

Where a reader stands before the votes, that holds of what it reads: see `seen` and `choices`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path

from rosearch.attacks.certificates.any_words import AnyWords
from rosearch.attacks.certificates.choices import Choices
from rosearch.attacks.certificates.framed import FramedChoices
from rosearch.attacks.certificates.options import InTable
from rosearch.attacks.certificates.seen import Seen, seen
from rosearch.attacks.certificates.votes import StringVotes, votes_of
from rosearch.attacks.lexicon import Table
from rosearch.attacks.sources import LEXICONS
from rosearch.attacks.sources.edits import EVERY_EDIT, EVERY_KIND, one_edit_away
from rosearch.encodings.reader import Reader
from rosearch.models.classifier import Classifier
from rosearch.tasks.words import like, segment
from rosearch.types import Text

MOST_WORDS = 3  # that are replaced, inserted or deleted


def certified(
    victim: Classifier,
    texts: Sequence[Text],
    labels: Sequence[int],
    lexicons: Mapping[str, Table] | None = None,
    edits: bool = False,
) -> dict[str, int]:
    """How many texts stay right, by what is done to them; nothing where that cannot be told.

    `1 word replaced`, ...: each by any one stretch of letters and digits (`one_word`), apart from
    what stands beside it. `1 word inserted`, ...: any such words between others; `1 word deleted`,
    ... . `any wordnet`, ...: as many words as there are, each by one of its substitutions in that
    lexicon; stop words stay. `1 word misspelt`, ..., `any words misspelt`: each with one letter (a
    to z) more, less or another, or two neighbours swapped. Of pairs the second text changes.

    It can be told of a student with votes and no inference-time defence, whose tokenizer reads each
    word by itself (BERT's; behind a reader, one without capitals). Of one whose cell reads the
    frame, only substitutions in lexicons of words can be told: any other word may be a function
    word, which changes what others say.

    Args:
        labels: in the victim's order of labels.
        lexicons: name -> substitutions of the words of the texts.
        edits: also count the last kind, and lexicons of edits; a reader takes a tenth of a second a
            text for it.
    """
    votes = votes_of(victim)
    if votes is None:
        return {}
    any_words = _prepared(votes)
    votes = any_words.votes
    if victim.order is not None:
        labels = [victim.order[label] for label in labels]  # as the network numbers them
    read = [seen(segment(text), votes) for text in texts]
    pairs = list(zip(read, labels, strict=True))
    found = {} if votes.framed else _any_words(any_words, pairs)
    edits = edits and not votes.framed
    for name, table in (lexicons or {}).items():
        told = edits or name not in (*EVERY_KIND, EVERY_EDIT.name)
        if told and (name not in LEXICONS or LEXICONS[name].offered):
            of = FramedChoices if votes.framed else Choices
            found[f"any {Path(name).name}"] = of(votes, InTable(table)).outlasting(pairs)
    if edits:
        likely = None if votes.reader is None else partial(_known_edits, votes.reader)
        choices = Choices(votes, _edits, likely)
        for n in (*range(1, MOST_WORDS + 1), None):
            what = f"{'any words' if n is None else _words(n)} misspelt"
            found[what] = sum(choices.outlasted(*pair, n) for pair in pairs)
    return found


def _words(n: int) -> str:
    return f"{n} word{'s' * (n > 1)}"


@lru_cache(maxsize=2)
def _prepared(votes: StringVotes) -> AnyWords:
    """What is the same for all texts of a student, its votes among it."""
    return AnyWords(votes)


def _any_words(any_words: AnyWords, texts: Sequence[tuple[Seen, int]]) -> dict[str, int]:
    """Texts that stay right, by the number of words and what becomes of them."""
    changes = any_words.replaced, any_words.inserted, any_words.deleted
    found = {f"{_words(n)} {c.__name__}": 0 for n in range(1, MOST_WORDS + 1) for c in changes}
    for text, label in texts:
        for n in range(1, MOST_WORDS + 1 if text.right(label) else 1):
            for change in changes:
                found[f"{_words(n)} {change.__name__}"] += change(text, label, n)
    return found


@lru_cache(maxsize=20_000)
def _edits(word: str) -> tuple[str, ...]:
    """A word with one letter edited, in its casing and in small letters; never nothing."""
    lower = word.lower()
    found = dict.fromkeys(filter(None, one_edit_away(lower)))
    return tuple(
        found if word == lower else dict.fromkeys((*found, *(like(word, e) for e in found)))
    )


def _known_edits(reader: Reader, word: str) -> list[str]:
    return [edit for edit in _edits(word) if edit.lower() in reader.prior]

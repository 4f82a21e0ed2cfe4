"""What vocabularies are made of: the tokenizer, the train split, lexicons. Torch-free."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from rosearch.encodings.clusters import Evidence, Lexicon, word_evidence
from rosearch.encodings.confusables import LOOK_ALIKES
from rosearch.encodings.reader import Reader
from rosearch.encodings.reader_forms import TOKEN, as_known
from rosearch.encodings.reader_joins import FREQUENT

RAREST = 0.1  # occurrences that a word counts for of which only a lexicon knows
SHARE = 0.3  # what an occurrence by the tokens' order counts beside one in the train split
ATOMS = re.compile(r"[^\W_]+")
STARTS = ("\u0120", "\u2581")  # marks at which BPE and SentencePiece start a word


@dataclass(frozen=True, eq=False)
class Material:
    """Validation and test texts play no part in it.

    Attributes:
        tokenizer: of the teacher, a fast one of Hugging Face.
        texts: lower-cased words of each train text; after the first `own` come augmented copies.
        targets: (texts, C) logits of the teacher.
        lexicon: substitutions by the name of a lexicon, lower case, of the words of the vocabulary
            and of the texts.
        lexicons: names of those that a run reads.
    """

    tokenizer: Any
    texts: Sequence[Sequence[str]]
    own: int
    targets: np.ndarray
    lexicon: Callable[[str], Lexicon]
    lexicons: tuple[str, ...] = ()
    _tables: dict[str, Lexicon] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def evidence(self) -> Evidence:
        """What the words of the first `own` texts say about the classes."""
        targets = np.asarray(self.targets[: self.own], dtype=np.float32)
        return word_evidence(self.texts[: self.own], targets)

    def united(self, names: Iterable[str]) -> dict[str, list[str]]:
        """Substitutions of several lexicons, in their order, each once."""
        wanted = tuple(names)
        for name in wanted:
            if name not in self._tables:
                self._tables[name] = self.lexicon(name)
        return united(self._tables[name] for name in wanted)


def united(tables: Iterable[Lexicon]) -> dict[str, list[str]]:
    """Substitutions of several lexicons, in their order, each once."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for table in tables:
        for word, others in table.items():
            found[word].update(dict.fromkeys(others))
    return {word: list(others) for word, others in found.items()}


def known_words(material: Material, lexicons: Iterable[str]) -> dict[str, float]:
    """Words that students of a task know, lower case, with the log of how likely each is.

    Words of the train split, whole and in their parts ("co-op", "co", "op"), tokens of the
    teacher's tokenizer that are a whole word, and words of lexicons with their substitutions. A
    word counts as often as the train split has it, and in part as often as Zipf's law lets a text
    of that length have the tokens, which stand in the order of their frequency; likeliest first.
    """
    counts = train_counts(material)
    tokens = whole_words(material.tokenizer)
    share = SHARE * max(counts.total(), 1) / (1 + math.log(max(len(tokens), 1)))
    likely = defaultdict(lambda: RAREST, {w: RAREST + n for w, n in counts.items()})
    for rank, word in enumerate((w for w in tokens if len(w) > 1), start=1):
        likely[word] += share / rank
    for word in (w for w in tokens if len(w) == 1):  # of the alphabet, which has no such order
        likely[word] += 0.0
    for word, others in material.united(lexicons).items():
        for written in (word, *others):
            for part in ATOMS.findall(written):
                likely[part] += 0.0
    total = sum(likely.values())
    found = sorted(likely.items(), key=lambda item: (-item[1], item[0]))
    return {word: math.log(n / total) for word, n in found}


def train_counts(material: Material) -> Counter[str]:
    """How often the train split has each word, and each part of words with hyphens and the like."""
    counts: Counter[str] = Counter()
    for words in material.texts[: material.own]:
        counts.update(words)
        counts.update(part for w in words if not ATOMS.fullmatch(w) for part in ATOMS.findall(w))
    return counts


def whole_words(tokenizer: Any) -> tuple[str, ...]:
    """Tokens of a fast tokenizer that are a whole word, lower case, in the order of their ids."""
    backend = tokenizer.backend_tokenizer
    inner = getattr(backend.model, "continuing_subword_prefix", None)  # of WordPiece
    tokens = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    if inner:
        whole = (token for token, _ in tokens if not token.startswith(inner))
    else:  # bytes stand for letters there: only the decoder knows the word
        whole = (backend.decode([i]).strip() for token, i in tokens if token.startswith(STARTS))
    return tuple(dict.fromkeys(word.lower() for word in whole if word.isalnum()))


def reader_of(material: Material, lexicons: Iterable[str], texts: Sequence[str]) -> Reader:
    """A reader that knows the words of a task and leaves its train texts as they are, but for those
    that look disguised as a whole.

    Args:
        texts: of the train split, as they are written.
    """
    words, pieces = _words_and_pieces(material, lexicons)
    tokens = {token for text in texts for token in TOKEN.findall(text.lower())}
    words |= {token: FREQUENT for token in tokens if not token[0].isalnum()}
    apart: set[str] = set()
    reader = Reader(words, pieces, apart, LOOK_ALIKES)
    while True:
        single = reader.by_words()
        changed = [written for text in texts for written, _ in single.explain(text)]
        new = {form for what in changed for form in (what, *as_known(what))} - apart
        if not new:
            return reader
        apart |= new
        reader = reader.leaving(apart)


def _words_and_pieces(
    material: Material, lexicons: Iterable[str]
) -> tuple[dict[str, float], dict[str, float]]:
    """Known words with their log probability; those of the train split, and what may be a piece of
    another word: the rest, and letters that hardly ever stand alone."""
    known = {w: round(p, 1) for w, p in known_words(material, lexicons).items()}
    seen = train_counts(material)
    written = Counter(w for text in material.texts[: material.own] for w in text)
    least = written.total() * math.exp(FREQUENT)
    letters = {w for w in known if len(w) == 1 and written[w] <= least}
    whole = {w: p for w, p in known.items() if ATOMS.fullmatch(w.replace("'", ""))}
    pieces = {w: p for w, p in whole.items() if w not in seen or w in letters}
    pieces |= dict.fromkeys(letters & pieces.keys(), min(known.values(), default=0.0))
    return {w: p for w, p in whole.items() if w not in pieces}, pieces

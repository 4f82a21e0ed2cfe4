"""What no attack can flip: exact counts for students whose logits are a sum of bounded votes.

A word is a stretch of letters and digits, as attacks see it. If it is replaced, its vote goes and
another comes, which is at most the bound; no other word is read in another way. So the worst text
is found word by word, and a text whose margin outlasts that (and twice the bound of the cell, of
which nothing is assumed) is right under every such attack. Counts what Levine and Feizi 2020 count
of an ensemble, of one sum.

Shapes: C classes, W words of a text, K substitutes of a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rosearch.attacks.constraints.words import not_a_stop_word
from rosearch.attacks.lexicon import Table
from rosearch.attacks.sources import LEXICONS
from rosearch.models.answers import NetworkAnswers
from rosearch.models.batches import padded, sorted_batches
from rosearch.models.classifier import Classifier
from rosearch.models.pieces import PieceEncoder, all_separate
from rosearch.tasks.words import Words, like, segment
from rosearch.types import Text

MOST_WORDS = 3  # that are replaced, inserted or deleted
LONGEST_WORD = 100  # tokens: WordPiece reads longer words as one unknown token
TOLERANCE = 1e-4  # of sums in single precision
TOKENS = (16_384, 8)  # of a batch of words


def certified(
    victim: Classifier,
    texts: Sequence[Text],
    labels: Sequence[int],
    lexicons: Mapping[str, Table] | None = None,
) -> dict[str, int]:
    """How many texts stay right, by what is done to them; nothing where that cannot be told.

    `1 word replaced`, ...: each by any one stretch of letters and digits, apart from what stands
    beside it. `1 word inserted`, ...: any such words anywhere; `1 word deleted`, ... .
    `any wordnet`, ...: as many words as there are, each by one of its substitutions in that
    lexicon; stop words stay. Of pairs the second text changes.

    It can be told of a student with votes, no inference-time defence and no reader, whose tokenizer
    reads each word by itself (BERT's).

    Args:
        labels: in the victim's order of labels.
        lexicons: name -> substitutions of the words of the texts.
    """
    votes = _votes_of(victim)
    if votes is None:
        return {}
    if victim.order is not None:
        labels = [victim.order[label] for label in labels]  # as the network numbers them
    read = [votes.read(segment(text)) for text in texts]
    offered = {
        name: table
        for name, table in (lexicons or {}).items()
        if name not in LEXICONS or LEXICONS[name].offered
    }
    votes.learn(
        s for table in offered.values() for text in texts for s in _options(segment(text), table)
    )
    found: dict[str, int] = {}
    for n in range(1, MOST_WORDS + 1):
        what = f"{n} word{'s' * (n > 1)}"
        for change in (replaced, inserted, deleted):
            pairs = zip(read, labels, strict=True)
            found[f"{what} {change.__name__}"] = sum(change(t, y, n) for t, y in pairs)
    for name, table in offered.items():
        rows = zip(map(segment, texts), read, labels, strict=True)
        found[f"any {Path(name).name}"] = sum(votes.outlasts(*row, table) for row in rows)
    return found


@dataclass(frozen=True)
class Read:
    """A text as its votes.

    Attributes:
        total: logits (C,) of all votes and the bias.
        words: (W, C), the votes of each word.
        spare: tokens that the text may get until it is cut; none where its words are not read one
            by one, so that nothing is certain.
        cap, context: the bounds of a word and of the cell.
    """

    total: np.ndarray
    words: np.ndarray
    spare: int
    cap: float
    context: float

    def right(self, label: int, loss: np.ndarray) -> bool:
        """Whether the label wins by more than `loss` (C,) and all that the cell could change."""
        margin = self.total[label] - self.total - loss - 2 * self.context - TOLERANCE
        margin[label] = 1.0
        return self.spare >= 0 and bool((margin > 0).all())

    def gaps(self, label: int) -> np.ndarray:
        """How much each word votes for the label rather than another class, (W, C)."""
        found: np.ndarray = self.words[:, label, None] - self.words
        return found


def replaced(text: Read, label: int, n: int) -> bool:
    """Whether a text stays right whichever n words are replaced by whatever words."""
    worst = _largest(text.gaps(label) + 2 * text.cap, n)
    return text.spare >= n * LONGEST_WORD and text.right(label, worst)


def inserted(text: Read, label: int, n: int) -> bool:
    """Whether a text stays right whatever n words are put in."""
    worst = np.full(len(text.total), 2.0 * n * text.cap)
    return text.spare >= n * LONGEST_WORD and text.right(label, worst)


def deleted(text: Read, label: int, n: int) -> bool:
    """Whether a text stays right whichever n words are taken out, or fewer."""
    return text.right(label, _largest(text.gaps(label).clip(0), n))


def _largest(values: np.ndarray, n: int) -> np.ndarray:
    """Sum of the n largest of (W, C) in each column."""
    found: np.ndarray = np.sort(values, 0)[::-1][:n].sum(0)
    return found


class _Votes:
    """The votes of words and gaps of one student, asked for once."""

    def __init__(self, model: Any, encoder: PieceEncoder) -> None:
        self.model, self.encoder = model, encoder
        self.context = float(model.context)
        self.known: dict[str, tuple[np.ndarray, int]] = {}

    def learn(self, strings: Iterable[str]) -> None:
        """Ask for the votes of several words, which is quicker than one by one."""
        new = list(dict.fromkeys(s for s in strings if s not in self.known))
        encoded = self.encoder.backend.encode_batch(new, add_special_tokens=False)
        pieces = [found.ids for found in encoded]
        for chosen in sorted_batches([len(p) for p in pieces], *TOKENS):
            ids, mask = padded([pieces[i] or [0] for i in chosen], 0)
            real = mask.bool() & torch.tensor([bool(pieces[i]) for i in chosen])[:, None]
            with torch.inference_mode():
                columns = self.model.votes.columns(ids, self.model.row_of(ids))
                sums = self.model.votes.each(columns, real).sum(1).double().numpy()
            for i, vote in zip(chosen, sums, strict=True):
                self.known[new[i]] = (vote, len(pieces[i]))

    def read(self, text: Words) -> Read:
        """The votes of a text."""
        before = [] if text.first is None else [text.first]
        self.learn([*text.words, *text.gaps, *before])
        words = [self.known[w] for w in text.words]
        rest = [self.known[s] for s in (*text.gaps, *before)]
        bias = self.model.votes.bias.detach().double().numpy()
        size = sum(n for _, n in (*words, *rest))
        frame = self.encoder.frames[len(before)]
        reserved = self.encoder.reserved or frozenset()
        apart = all_separate(text.gaps) and reserved.isdisjoint(text.words)
        return Read(
            total=bias + sum(vote for vote, _ in (*words, *rest)),
            words=np.array([vote for vote, _ in words]).reshape(-1, len(bias)),
            spare=self.encoder.max_length - frame.size - size if apart else -1,
            cap=self.model.votes.cap,
            context=self.context,
        )

    def outlasts(self, text: Words, read: Read, label: int, table: Table) -> bool:
        """Whether a text stays right under every choice of substitutions of all its words."""
        loss, longer = np.zeros(len(read.total)), 0
        for word, gap in zip(text.words, read.gaps(label), strict=True):
            found = [self.known[s] for s in _substitutes(word, table)]
            if found:
                votes = np.array([vote for vote, _ in found])  # (K, C)
                loss += (gap - (votes[:, label, None] - votes)).max(0).clip(0)
                longer += max(0, max(n for _, n in found) - self.known[word][1])
        return read.spare >= longer and read.right(label, loss)


def _options(text: Words, table: Table) -> Iterable[str]:
    """What an attack may put for the words of a text."""
    return (s for word in text.words for s in _substitutes(word, table))


def _substitutes(word: str, table: Table) -> list[str]:
    """As attacks write them, in the casing of the word."""
    return [like(word, s) for s in table.get(word.lower(), ())] if not_a_stop_word(word) else []


def _votes_of(victim: Classifier) -> _Votes | None:
    """Of a student whose sum of votes is all that there is to know."""
    answers = victim.answers
    if not isinstance(answers, NetworkAnswers) or not isinstance(answers.model, torch.nn.Module):
        return None
    model: Any = answers.model
    if getattr(model, "votes", None) is None or getattr(model, "defence", None) is not None:
        return None
    encoder = answers.encoder
    if encoder.reserved is None or encoder.read is not None:
        return None
    return _Votes(model, encoder)

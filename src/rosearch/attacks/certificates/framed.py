"""Any choice from a lexicon, of students whose cell reads the frame of a text and weighs its votes.

Substitutes that leave the frame as it is (as many tokens, function words and marks where they were)
change no weight and nothing that the cell says, so the worst of them is found word by word. Others
(in several pieces, with a hyphen, function words) give the text another frame: each of these is
looked at, and a text of which there are too many is not certain. Nor is one whose words a reader
may join.

Shapes: T tokens, C classes, N options of a word, K tokens of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, product
from math import prod
from typing import NamedTuple

import numpy as np
import torch

from rosearch.attacks.certificates.choices import ways_of
from rosearch.attacks.certificates.joined import may_join
from rosearch.attacks.certificates.options import Substitutes, offered
from rosearch.attacks.certificates.seen import TOLERANCE, Place, Seen
from rosearch.attacks.certificates.votes import StringVotes
from rosearch.models.batches import padded, sorted_batches
from rosearch.models.pieces import interleaved

MOST_FRAMES = 256  # of a text that are looked at
AT_ONCE = 128  # texts that are looked at together
TOKENS = (4096, 8)  # of a batch of texts


@dataclass(frozen=True, eq=False)
class Alike:
    """What a word may become within one frame.

    Attributes:
        ids: tokens of one of them.
        votes: (N, K, C), of the tokens of all.
    """

    ids: list[int]
    votes: np.ndarray

    @cached_property
    def ends(self) -> np.ndarray | None:
        """(y, 0 or 1, c): the least and the most that one says for c rather than y, (C, 2, C).
        None where other tokens than the first have votes: each has a weight of its own."""
        if self.votes[:, 1:].any():
            return None
        first = self.votes[:, 0]
        gaps = first[:, None] - first[:, :, None]
        return np.stack([gaps.min(0), gaps.max(0)], 1)


Frame = Sequence[Alike]  # of each word


class Way(NamedTuple):
    """A text, and one way to read it.

    Attributes:
        which: number of the text.
        read: the text, whether capitals are names, and whether it is in Latin letters.
        words: what each word may become, by frames; the word itself is in the first.
    """

    which: int
    label: int
    read: tuple[Seen, bool, bool]
    words: list[list[Alike]]


class Framed(NamedTuple):
    """What a student says of one text.

    Attributes:
        logits: (C,).
        votes: (T, C), before they are weighed.
        weights: (T,).
    """

    logits: np.ndarray
    votes: np.ndarray
    weights: np.ndarray


class FramedChoices:
    """What stays right whatever each word becomes."""

    def __init__(self, votes: StringVotes, substitutes: Substitutes) -> None:
        self.votes, self.offered = votes, offered(votes.reader, substitutes)
        self.found: dict[tuple[str, Place, bool], list[Alike]] = {}

    def outlasting(self, texts: Sequence[tuple[Seen, int]]) -> int:
        """How many of several texts, with their labels, stay right whatever substitutes all of
        their words take."""
        told = [(text, label) for text, label in texts if text.certain and text.spare >= 0]
        parts = (told[i : i + AT_ONCE] for i in range(0, len(told), AT_ONCE))
        return sum(len(self._outlasting(part)) for part in parts)

    def _outlasting(self, texts: Sequence[tuple[Seen, int]]) -> set[int]:
        ways = self._ways(texts)
        broken = {way.which for way in ways if prod(map(len, way.words)) > MOST_FRAMES}
        self._add_broken(broken, ((way, [o[0] for o in way.words]) for way in ways))
        for way in ways:
            if way.which not in broken and may_join(self.offered, *way.read):
                broken.add(way.which)
        left = (way for way in ways if way.which not in broken)
        others = [(way, f) for way in left for f in islice(product(*way.words), 1, None)]
        self._add_broken(broken, others)
        return {way.which for way in ways} - broken

    def _ways(self, texts: Sequence[tuple[Seen, int]]) -> list[Way]:
        """Every way to read the texts, of which only the certain ones have any."""
        ways = [
            (i, label, (text, *way))
            for i, (text, label) in enumerate(texts)
            for way in ways_of(text, self.offered, self.votes, len(text.apart))
        ]
        keys = [
            [(w, place, latin) for w, place in zip(t.words.words, t.placed(names), strict=True)]
            for _, _, (t, names, latin) in ways
        ]
        new = (key for words in keys for key in words if key not in self.found)
        self.votes.learn(read for key in new for read in self.offered.read(*key))
        words = [[self._options(*key) for key in some] for some in keys]
        return [Way(*way, some) for way, some in zip(ways, words, strict=True)]

    def _options(self, word: str, place: Place, latin: bool) -> list[Alike]:
        """Of a word, by their frames; the word itself is in the first."""
        key = word, place, latin
        if key not in self.found:
            rows = self.votes.frame_rows
            found: dict[tuple[int, ...], tuple[list[int], list[np.ndarray]]] = {}
            for said in map(self.votes.said, self.offered.read(*key)):
                frame = tuple(rows[i] for i in said.ids)
                found.setdefault(frame, (said.ids, []))[1].append(said.votes)
            self.found[key] = [Alike(ids, np.array(votes)) for ids, votes in found.values()]
        return self.found[key]

    def _add_broken(self, broken: set[int], frames: Iterable[tuple[Way, Frame]]) -> None:
        """Add the texts whose label does not win in each of their frames, whatever the words
        become within it; those that are broken already are left out."""
        laid = []
        for way, frame in frames:
            if way.which not in broken:
                ids, starts = self._laid_out(way.read[0], frame)
                if 0 < len(ids) <= self.votes.encoder.max_length:
                    laid.append((way, frame, ids, starts))
                else:
                    broken.add(way.which)
        for chosen in sorted_batches([len(ids) for _, _, ids, _ in laid], *TOKENS):
            some = [laid[i] for i in chosen if laid[i][0].which not in broken]
            said = self._said([ids for _, _, ids, _ in some]) if some else ()
            for (way, frame, _, starts), one in zip(some, said, strict=True):
                label = way.label
                margin = one.logits[label] - one.logits - _lost(frame, starts, one, label)
                margin[label] = 1.0 + TOLERANCE
                if not (margin > TOLERANCE).all():
                    broken.add(way.which)

    def _laid_out(self, text: Seen, frame: Frame) -> tuple[list[int], list[int]]:
        """Tokens of a text in one frame, and where each of its words starts."""
        encoder, words = self.votes.encoder, text.words
        first = [] if words.first is None else [encoder.whole(words.first)]
        special = encoder.frames[len(first)].special
        before = len(interleaved(special[: len(first) + 1], first))
        ids, starts = [*encoder.pieces[words.gaps[0]]], []
        for options, gap in zip(frame, words.gaps[1:], strict=True):
            starts.append(before + len(ids))
            ids += (*options.ids, *encoder.pieces[gap])
        return interleaved(special, [*first, ids]), starts

    def _said(self, texts: Sequence[list[int]]) -> Iterator[Framed]:
        model = self.votes.model
        ids, mask = padded(texts, 0)
        mask = mask.bool()
        with torch.inference_mode():
            vectors, width = model.token_vectors(ids), model.votes.width
            states = model.states(vectors[..., :-width], mask)
            weights = model.weights_of(states)
            each = model.votes.each(vectors[..., -width:], mask)
            sums = model.votes.bias + (each * weights[..., None]).sum(1)
            logits = sums + model.bounded(states, mask)
        parts = [x.double().numpy() for x in (logits, each, weights)]
        yield from (Framed(*one) for one in zip(*parts, strict=True))


def _lost(frame: Frame, starts: Sequence[int], said: Framed, label: int) -> np.ndarray:
    """The most that the label loses to each class by words that start at some tokens, (C,)."""
    found = np.zeros(len(said.logits))
    at, ends = [], []
    for options, start in zip(frame, starts, strict=True):
        if options.ends is None:
            found += _lost_by(options, start, said, label)
        else:
            at.append(start)
            ends.append(options.ends[label])
    if at:
        own = said.votes[at] - said.votes[at, label, None]  # (W, C)
        gained = (np.array(ends) - own[:, None]) * said.weights[at, None, None]
        found += gained.max(1).sum(0)
    return found


def _lost_by(options: Alike, start: int, said: Framed, label: int) -> np.ndarray:
    """The same of one word, several tokens of which have votes."""
    at = slice(start, start + len(options.ids))
    gained = np.einsum("k,nkc->nc", said.weights[at], options.votes - said.votes[at])
    found: np.ndarray = (gained - gained[:, label, None]).max(0)
    return found

"""Any choice from a lexicon, of students whose cell reads the frame of a text and weighs its votes.

Substitutes that leave the frame as it is (as many tokens, function words and marks where they were)
change no weight and nothing that the cell says, so the worst of them is found word by word. Others
(in several pieces, with a hyphen, function words) give the text another frame: each of these is
looked at, and a text of which there are too many is not certain. Nor is one whose words a reader
may join.

Shapes: T tokens, C classes, N options of a word, K tokens of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from math import prod

import numpy as np
import torch

from rosearch.attacks.certificates.choices import Choices, Substitutes
from rosearch.attacks.certificates.seen import TOLERANCE, Place, Seen, read_apart
from rosearch.attacks.certificates.votes import TOKENS, StringVotes
from rosearch.models.batches import padded, sorted_batches
from rosearch.models.pieces import interleaved

MOST_FRAMES = 256  # of a text that are looked at


@dataclass(frozen=True, eq=False)
class Alike:
    """What a word may become within one frame.

    Attributes:
        ids: tokens of one of them.
        votes: (N, K, C), of the tokens of all.
    """

    ids: list[int]
    votes: np.ndarray


@dataclass(frozen=True)
class Framed:
    """What a student says of one text.

    Attributes:
        logits: (C,).
        votes: (T, C), before they are weighed.
        weights: (T,).
    """

    logits: np.ndarray
    votes: np.ndarray
    weights: np.ndarray


Frame = Sequence[Alike]  # of each word


class FramedChoices:
    """What stays right whatever each word becomes."""

    def __init__(self, votes: StringVotes, substitutes: Substitutes) -> None:
        self.votes, self.substitutes = votes, substitutes
        self.choices = Choices(votes, substitutes)
        self.found: dict[tuple[str, Place, bool], list[Alike]] = {}

    def outlasted(self, text: Seen, label: int) -> bool:
        """Whether a text stays right whatever substitutes all of its words take."""
        if not text.certain or text.spare < 0:
            return False
        ways = list(self.choices.ways(text))
        return bool(ways) and all(self._outlasts(text, label, *way) for way in ways)

    def _outlasts(self, text: Seen, label: int, names: bool, latin: bool) -> bool:
        pairs = zip(text.words.words, text.placed(names), strict=True)
        words = [self._options(word, place, latin) for word, place in pairs]
        as_it_is = [options[0] for options in words]
        if prod(map(len, words)) > MOST_FRAMES or not self._right(text, label, [as_it_is]):
            return False
        if self.choices.may_join(text, names, latin):
            return False
        return self._right(text, label, list(islice(product(*words), 1, None)))

    def _options(self, word: str, place: Place, latin: bool) -> list[Alike]:
        """Of a word, by their frames; the word itself is in the first."""
        key = word, place, latin
        if key not in self.found:
            written, reader = dict.fromkeys((word, *self.substitutes(word))), self.votes.reader
            read = dict.fromkeys(read_apart(w, place, reader, latin).read for w in written)
            self.found[key] = self._by_frame(list(read))
        return self.found[key]

    def _by_frame(self, read: Sequence[str]) -> list[Alike]:
        rows = self.votes.model.input.rows
        found: dict[tuple[int, ...], tuple[list[int], list[np.ndarray]]] = {}
        several = {s: (ids, each) for s, ids, each in self.votes.tokens(read)}
        for ids, each in (several[s] for s in read):
            found.setdefault(tuple(rows[ids].tolist()), (ids, []))[1].append(each)
        return [Alike(ids, np.array(votes)) for ids, votes in found.values()]

    def _right(self, text: Seen, label: int, frames: Sequence[Frame]) -> bool:
        """Whether the label wins in each frame, whatever the words become within it."""
        laid = [self._laid_out(text, frame) for frame in frames]
        if any(not 0 < len(ids) <= self.votes.encoder.max_length for ids, _ in laid):
            return False
        for chosen in sorted_batches([len(ids) for ids, _ in laid], *TOKENS):
            said = self._said([laid[i][0] for i in chosen])
            for i, one in zip(chosen, said, strict=True):
                loss = sum(
                    _loss(options, start, one, label)
                    for options, start in zip(frames[i], laid[i][1], strict=True)
                )
                margin = one.logits[label] - one.logits - loss - TOLERANCE
                margin[label] = 1.0
                if not (margin > 0).all():
                    return False
        return True

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


def _loss(options: Alike, start: int, said: Framed, label: int) -> np.ndarray:
    """The most that the label loses to each class by a word that starts at a token, (C,)."""
    at = slice(start, start + len(options.ids))
    gained = np.einsum("k,nkc->nc", said.weights[at], options.votes - said.votes[at])
    found: np.ndarray = (gained - gained[:, label, None]).max(0)
    return found

"""Votes of words, gaps and other strings of one student, asked for once.

Shapes: C classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch

from rosearch.attacks.certificates.joins import Joins
from rosearch.encodings.reader import Reader
from rosearch.models.answers import NetworkAnswers
from rosearch.models.batches import padded, sorted_batches
from rosearch.models.classifier import Classifier
from rosearch.models.pieces import PieceEncoder

TOKENS = (16_384, 8)  # of a batch of strings


class StringVotes:
    """The votes of strings that stand apart from what is beside them.

    Attributes:
        cap: the bound of a word.
        framed: whether the cell reads the frame only, and weighs the votes.
        reader: what the student reads by; None reads words as they are written.
    """

    def __init__(self, model: Any, encoder: PieceEncoder, reader: Reader | None) -> None:
        self.model, self.encoder, self.reader = model, encoder, reader
        self.cap = float(model.votes.cap)
        self.framed = model.reach is not None
        self.bias: np.ndarray = model.votes.bias.detach().double().numpy()
        self.known: dict[str, tuple[np.ndarray, int]] = {}

    @property
    def _told(self) -> tuple[object, ...]:
        """What makes two of them alike; weights count how often they were changed."""
        votes = self.model.votes
        return self.model, self.encoder, votes.table.weight._version, votes.bias._version

    def __hash__(self) -> int:
        return hash(self._told)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StringVotes) and self._told == other._told

    @cached_property
    def joins(self) -> Joins | None:
        """What the reader may join; to look at all known words takes a second."""
        return None if self.reader is None else Joins(self.reader)

    def learn(self, strings: Iterable[str]) -> None:
        """Ask for the votes of several strings, which is quicker than one by one."""
        new = list(dict.fromkeys(s for s in strings if s not in self.known))
        for chosen, pieces, each in self._batches(new):
            sums = each.sum(1).double().numpy()
            for i, ids, vote in zip(chosen, pieces, sums, strict=True):
                self.known[new[i]] = (vote, len(ids))

    def tokens(self, strings: Sequence[str]) -> Iterator[tuple[str, list[int], np.ndarray]]:
        """Of each string its K tokens and their votes (K, C), that of a word at its first one."""
        for chosen, pieces, each in self._batches(strings):
            for i, ids, votes in zip(chosen, pieces, each.double().numpy(), strict=True):
                yield strings[i], ids, votes[: len(ids)]

    def _batches(
        self, strings: Sequence[str]
    ) -> Iterator[tuple[Sequence[int], list[list[int]], torch.Tensor]]:
        """Which of the strings, their tokens, and votes (B, T, C)."""
        encoded = self.encoder.backend.encode_batch(strings, add_special_tokens=False)
        pieces = [found.ids for found in encoded]
        for chosen in sorted_batches([len(p) for p in pieces], *TOKENS):
            ids, mask = padded([pieces[i] or [0] for i in chosen], 0)
            real = mask.bool() & torch.tensor([bool(pieces[i]) for i in chosen])[:, None]
            with torch.inference_mode():
                columns = self.model.votes.columns(ids, self.model.row_of(ids))
                each = self.model.votes.each(columns, real)
            yield chosen, [pieces[i] for i in chosen], each

    def of(self, string: str) -> np.ndarray:
        """What a string says for each class, (C,)."""
        if string not in self.known:
            self.learn([string])
        return self.known[string][0]

    def size(self, string: str) -> int:
        """How many tokens a string has."""
        if string not in self.known:
            self.learn([string])
        return self.known[string][1]

    def differences(self, strings: Iterable[str]) -> np.ndarray:
        """(y, c): the most that one of several strings says for c rather than y, (C, C)."""
        several = list(strings)
        self.learn(several)
        votes = np.array([self.known[s][0] for s in several])  # (N, C)
        found: np.ndarray = (votes[:, None, :] - votes[:, :, None]).max(0)
        return found


def votes_of(victim: Classifier) -> StringVotes | None:
    """Of a student whose votes of words, and a bound, are all that there is to know; else None."""
    answers = victim.answers
    if not isinstance(answers, NetworkAnswers) or not isinstance(answers.model, torch.nn.Module):
        return None
    model: Any = answers.model
    if getattr(model, "votes", None) is None or getattr(model, "defence", None) is not None:
        return None
    encoder, reader = answers.encoder, answers.encoder.read
    if encoder.reserved is None:
        return None
    if reader is not None and not (isinstance(reader, Reader) and _uncased(encoder)):
        return None
    return StringVotes(model, encoder, reader)


def _uncased(encoder: PieceEncoder) -> bool:
    """Whether capitals are tokens like small letters."""
    capital, small = (encoder.backend.encode(c, add_special_tokens=False).ids for c in "Aa")
    return bool(capital == small)

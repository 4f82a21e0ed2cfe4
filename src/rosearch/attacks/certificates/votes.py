"""Votes of words, gaps and other strings of one student, asked for once.

Shapes: K tokens of a string, C classes.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch

from rosearch.attacks.certificates.joins import Joins, joins_of
from rosearch.encodings.reader import Reader
from rosearch.models.answers import NetworkAnswers
from rosearch.models.batches import padded, sorted_batches
from rosearch.models.classifier import Classifier
from rosearch.models.pieces import PieceEncoder

TOKENS = (16_384, 8)  # of a batch of strings


class Said(NamedTuple):
    """Of a string.

    Attributes:
        ids: K tokens.
        votes: (K, C), that of a word at its first token.
        total: (C,).
    """

    ids: list[int]
    votes: np.ndarray
    total: np.ndarray


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
        self.known: dict[str, Said] = {}

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
    def frame_rows(self) -> list[int]:
        """Of each token the row that a cell reads, which is its frame."""
        rows: list[int] = self.model.input.rows.tolist()
        return rows

    @property
    def joins(self) -> Joins | None:
        """What the reader may join."""
        return joins_of(self.reader)

    def learn(self, strings: Iterable[str]) -> None:
        """Ask for the votes of several strings, which is quicker than one by one."""
        new = list(dict.fromkeys(s for s in strings if s not in self.known))
        encoded = self.encoder.backend.encode_batch(new, add_special_tokens=False) if new else ()
        pieces = [found.ids for found in encoded]
        for chosen in sorted_batches([len(p) for p in pieces], *TOKENS):
            ids, mask = padded([pieces[i] or [0] for i in chosen], 0)
            real = mask.bool() & torch.tensor([bool(pieces[i]) for i in chosen])[:, None]
            with torch.inference_mode():
                columns = self.model.votes.columns(ids, self.model.row_of(ids))
                each = self.model.votes.each(columns, real)
            both = (x.double().numpy() for x in (each, each.sum(1)))
            for i, votes, total in zip(chosen, *both, strict=True):
                self.known[new[i]] = Said(pieces[i], votes[: len(pieces[i])], total)

    def of(self, string: str) -> np.ndarray:
        """What a string says for each class, (C,)."""
        return self.said(string).total

    def size(self, string: str) -> int:
        """How many tokens a string has."""
        return len(self.said(string).ids)

    def said(self, string: str) -> Said:
        """Tokens of a string and their votes."""
        if string not in self.known:
            self.learn([string])
        return self.known[string]

    def differences(self, strings: Iterable[str]) -> np.ndarray:
        """(y, c): the most that one of several strings says for c rather than y, (C, C)."""
        several = list(strings)
        self.learn(several)
        votes = np.array([self.known[s].total for s in several])  # (N, C)
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

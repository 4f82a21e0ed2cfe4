"""Which words carry an answer: by their votes, exactly, or by leaving each one out.

Shapes: T tokens, W words, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rosearch.models.classifier import Classifier
from rosearch.models.pieces import longest_first
from rosearch.tasks.words import Words, segment

MOST_WORDS = 150  # that are left out, one at a time; further ones are not weighed

Piece = tuple[str, float | None]  # a stretch of a text and its weight; None of what has none


@dataclass(frozen=True)
class Carried:
    """An answer and what each word does for it.

    Attributes:
        label: number of the answer; `other` is the one that comes next.
        texts: the text, or both of a pair, in pieces; as the model reads them, if `exact`.
        exact: whether weights are votes, in logits: the margin of the answer over the other label
            is `bias` and their sum; what a cell adds is part of the bias. Else weights are what
            the probability of the answer loses without the word.
    """

    label: int
    other: int
    texts: tuple[tuple[Piece, ...], ...]
    exact: bool
    bias: float = 0.0


def carried(victim: Classifier, text: Words) -> Carried:
    """Which words of a text or pair carry what a classifier says of it."""
    said = victim.probabilities([text])[0]
    other, label = (int(i) for i in np.argsort(said, kind="stable")[-2:])
    model: Any = getattr(victim.answers, "model", None)
    bare = getattr(model, "votes", None) is not None and getattr(model, "defence", None) is None
    if bare:
        return _by_votes(victim, model, text, label, other)
    parts = [Words(w.words, w.gaps) for w in _parts(text)]
    lost = _without_each(victim, parts, label)
    return Carried(label, other, tuple(map(_pieces, parts, lost)), exact=False)


def _parts(text: Words) -> list[Words]:
    first = [] if text.first is None else [segment(text.first)]
    return [*first, text]


def _without_each(
    victim: Classifier, parts: Sequence[Words], label: int
) -> list[list[float | None]]:
    """What the answer loses without each word of each text, at most `MOST_WORDS` in all."""
    places = [(k, i) for k, part in enumerate(parts) for i in range(len(part.words))][:MOST_WORDS]
    whole = [part.text for part in parts]
    texts = [[*whole[:k], parts[k].deleted(i).text, *whole[k + 1 :]] for k, i in places]
    asked = [whole, *texts]
    said = victim.probabilities([t[0] if len(t) == 1 else (t[0], t[1]) for t in asked])[:, label]
    found: list[list[float | None]] = [[None] * len(part.words) for part in parts]
    for (k, i), left in zip(places, said[1:], strict=True):
        found[k][i] = float(said[0] - left)
    return found


def _pieces(text: Words, weights: Sequence[float | None]) -> tuple[Piece, ...]:
    """A text as its words with their weights, and the gaps between them."""
    found: list[Piece] = [(text.gaps[0], None)]
    for word, weight, gap in zip(text.words, weights, text.gaps[1:], strict=True):
        found += ((word, weight), (gap, None))
    return tuple(piece for piece in found if piece[0])


def _by_votes(victim: Classifier, model: Any, text: Words, label: int, other: int) -> Carried:
    """The votes of each word, by as much as its frame lets them count, in the texts as the
    tokenizer's reader, if any, reads them."""
    a, b = label, other
    if victim.order is not None:  # as the network numbers them
        a, b = victim.order[label], victim.order[other]
    encoder = victim.network.encoder
    read = [encoder.read(p.text) if encoder.read else p.text for p in _parts(text)]
    encoded = [encoder.backend.encode(t, add_special_tokens=False) for t in read]
    sizes, around = [len(e) for e in encoded], encoder.frames[len(read) - 1]
    room = encoder.max_length - around.size
    kept = longest_first(sizes[0], sizes[1], room) if len(sizes) == 2 else (min(sizes[0], room),)
    ids = [e.ids[:n] for e, n in zip(encoded, kept, strict=True)]
    counts, beside = _of_frame(model, around.around(*ids).ids)
    start, texts = 0, []
    for words, own, piece, before in zip(read, ids, encoded, around.special, strict=False):
        start += len(before)
        votes = _votes(model, own, counts[start : start + len(own)])
        weights = [float(v[a] - v[b]) if v is not None else None for v in votes]
        texts.append(_voted(words, piece.offsets, weights))
        start += len(own)
    bias = (model.votes.bias + beside).detach().double()
    return Carried(label, other, tuple(texts), True, float(bias[a] - bias[b]))


@torch.inference_mode()
def _of_frame(model: Any, ids: Sequence[int]) -> tuple[Tensor, Tensor]:
    """How much the vote at each token of all counts, (T,), and what the cell adds to them, (C,)."""
    if model.reach is None:
        return torch.ones(len(ids)), torch.zeros(model.votes.classes)
    read = torch.tensor([ids])
    mask = torch.ones_like(read, dtype=torch.bool)
    states = model.states(model.input.embed(read), mask)
    return model.weights_of(states)[0], model.bounded(states, mask)[0]


@torch.inference_mode()
def _votes(model: Any, ids: Sequence[int], counts: Tensor) -> list[Tensor | None]:
    """The weighed vote (C,) of each word at its first token; None at the others."""
    read = torch.tensor([ids], dtype=torch.long)
    columns = model.votes.columns(read, model.row_of(read))
    votes = model.votes.each(columns, torch.ones_like(read, dtype=torch.bool))[0]
    each = (votes * counts[:, None]).double()
    goes_on = (columns[0, :, votes.shape[1]] > 0.5).tolist()
    return [
        v if i == 0 or not on else None for i, (v, on) in enumerate(zip(each, goes_on, strict=True))
    ]


def _voted(
    text: str, offsets: Sequence[tuple[int, int]], weights: Sequence[float | None]
) -> tuple[Piece, ...]:
    """A text in pieces, with the weights of its first tokens; None goes on with the word before."""
    found: list[Piece] = []
    end = 0
    firsts = [i for i, weight in enumerate(weights) if weight is not None]
    for i, after in zip(firsts, [*firsts[1:], len(weights)], strict=False):
        start, stop = offsets[i][0], offsets[after - 1][1]
        found += ((text[end:start], None), (text[start:stop], weights[i]))
        end = stop
    return tuple(piece for piece in (*found, (text[end:], None)) if piece[0])

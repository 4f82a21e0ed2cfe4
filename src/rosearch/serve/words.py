"""Which words carry an answer: by their votes, exactly, or by leaving each one out.

Shapes: T tokens, W words, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from rosearch.models.classifier import Classifier
from rosearch.models.pieces import PieceEncoder, longest_first
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
            is `bias` and their sum. Else weights are what the probability of the answer loses
            without the word.
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
    if bare and model.reach is None:  # else what a word says depends on the words around it
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
    """The votes of each word, in the texts as the tokenizer's reader, if any, reads them."""
    a, b = label, other
    if victim.order is not None:  # as the network numbers them
        a, b = victim.order[label], victim.order[other]
    encoder = victim.network.encoder
    read = [encoder.read(p.text) if encoder.read else p.text for p in _parts(text)]
    sizes = [len(encoder.backend.encode(t, add_special_tokens=False)) for t in read]
    room = encoder.max_length - encoder.frames[len(read) - 1].size
    kept = longest_first(sizes[0], sizes[1], room) if len(sizes) == 2 else (min(sizes[0], room),)

    def gap(votes: np.ndarray) -> np.ndarray:
        return votes[..., a] - votes[..., b]

    texts = [_voted(model, encoder, t, n, gap) for t, n in zip(read, kept, strict=True)]
    bias = float(gap(model.votes.bias.detach().double().numpy()))
    return Carried(label, other, tuple(texts), True, bias)


def _voted(
    model: Any, encoder: PieceEncoder, text: str, tokens: int, gap: Callable[..., np.ndarray]
) -> tuple[Piece, ...]:
    """A text in pieces, with the votes (W, C) of its first tokens.

    Args:
        gap: weights (W,) of votes.
    """
    encoded = encoder.backend.encode(text, add_special_tokens=False)
    ids = torch.tensor([encoded.ids[:tokens]], dtype=torch.long)
    if not tokens:
        return ((text, None),) if text else ()
    with torch.inference_mode():
        columns = model.votes.columns(ids, model.row_of(ids))
        votes = model.votes.each(columns, torch.ones_like(ids, dtype=torch.bool))[0]
    goes_on = (columns[0, :, votes.shape[1]] > 0.5).tolist()
    firsts = [i for i in range(tokens) if i == 0 or not goes_on[i]]
    weights = gap(votes[firsts].double().numpy())
    found: list[Piece] = []
    end = 0
    for i, after, weight in zip(firsts, [*firsts[1:], tokens], weights, strict=True):
        start, stop = encoded.offsets[i][0], encoded.offsets[after - 1][1]
        found += ((text[end:start], None), (text[start:stop], float(weight)))
        end = stop
    return tuple(piece for piece in (*found, (text[end:], None)) if piece[0])

"""What votes start from: what the teacher says to each word alone.

Shapes: N texts, T tokens, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from rosearch.distill.data import EncodedTrain
from rosearch.encodings.vocabulary import Vocabulary, is_special, word_parts

# From words to the teacher's logits (words, C) on each of them as a text.
OneWord = Callable[[Sequence[str]], np.ndarray]


def voting_words(vocabulary: Vocabulary) -> set[str]:
    """Words and marks whose rows can vote."""
    return {word for word in _spelt(vocabulary) if word}


def _spelt(vocabulary: Vocabulary) -> list[str]:
    """What each token spells where it can vote; else nothing."""
    parts = word_parts(vocabulary.tokens)
    return [
        "" if is_special(token) or (part.inner and part.text.isalpha()) else part.text
        for token, part in zip(vocabulary.tokens, parts, strict=True)
    ]


def vote_prior(
    train: EncodedTrain, said: Mapping[str, np.ndarray], targets: np.ndarray
) -> np.ndarray:
    """Where votes start, (rows, C) float32: the teacher's answers, scaled so that their sums over
    the train texts come nearest to its answers to these.

    Args:
        said: word -> (C,) logits of the teacher.
        targets: (N, C) logits of the teacher on the train texts.
    """
    table = _row_means(train.vocabulary, said)
    rows = train.vocabulary.rows
    read = train.ids if rows is None else rows[train.ids]
    table -= np.average(table, axis=0, weights=np.bincount(read, minlength=len(table)))
    table[_silent_rows(train.vocabulary)] = 0.0
    sums = np.add.reduceat(table[read], train.starts[:-1])  # (N, C)
    answers = np.asarray(targets, dtype=np.float64)
    answers = answers - answers.mean(1, keepdims=True)
    sums_off, answers_off = sums - sums.mean(0), answers - answers.mean(0)
    scale = float((sums_off * answers_off).sum() / max((sums_off**2).sum(), 1e-9))
    found: np.ndarray = (max(scale, 0.0) * table).astype(np.float32)
    return found


def _row_means(vocabulary: Vocabulary, said: Mapping[str, np.ndarray]) -> np.ndarray:
    """Centred answers of each row, (rows, C): the mean over its tokens, frequent ones first, as in
    `principal_embedding`; 0 where no token can vote."""
    classes = len(next(iter(said.values())))
    rows = np.arange(len(vocabulary.tokens)) if vocabulary.rows is None else vocabulary.rows
    total, weight = np.zeros((vocabulary.n_rows, classes)), np.zeros(vocabulary.n_rows)
    for token, word in enumerate(_spelt(vocabulary)):
        if word:
            share = 1.0 / (1 + min(vocabulary.pieces[token]))
            total[rows[token]] += share * (said[word] - said[word].mean())
            weight[rows[token]] += share
    found: np.ndarray = total / np.maximum(weight, 1e-12)[:, None]
    return found


def _silent_rows(vocabulary: Vocabulary) -> np.ndarray:
    """Rows that a special token reads, with those of all tokens that were trimmed away, and rows
    of tokens that cannot vote."""
    rows = np.arange(len(vocabulary.tokens)) if vocabulary.rows is None else vocabulary.rows
    voting = np.zeros(vocabulary.n_rows, dtype=bool)
    voting[[rows[token] for token, word in enumerate(_spelt(vocabulary)) if word]] = True
    voting[[rows[token] for token, text in enumerate(vocabulary.tokens) if is_special(text)]] = (
        False
    )
    silent: np.ndarray = ~voting
    return silent

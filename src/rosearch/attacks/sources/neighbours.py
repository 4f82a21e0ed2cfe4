"""A user's own lexicon: nearest words by word vectors, or a table of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from rosearch.attacks.sources import single_word
from rosearch.attacks.sources.vectors import SUFFIXES, load_vectors
from rosearch.errors import UserError

NEIGHBOURS = 50  # most per word
LEAST_COSINE = 0.5  # the value of TextFooler's code; its paper says 0.7

Near = list[str] | list[tuple[str, float]]  # a word's neighbours, the nearest first or with cosines


def neighbours(path: Path, words: Iterable[str], cache: Path) -> dict[str, tuple[str, ...]]:
    """Nearest words, nearest first, of lower-cased words.

    A text file of vectors (`.txt`, `.vec`) or a JSON table with cosines gives the 50 nearest words
    of cosine 0.5 or more (Jin et al. 2020, section 3.1); a table without cosines is taken as it is.

    Args:
        cache: folder for parsed vectors.

    Raises:
        UserError: the file is missing or of another form.
    """
    if path.suffix.lower() in SUFFIXES:
        found = load_vectors(path, cache).nearest(words, NEIGHBOURS, LEAST_COSINE)
    else:
        table = _table(path)
        found = {word: _near(table[word]) for word in words if word in table}
    single = {word: tuple(filter(single_word, near)) for word, near in found.items()}
    return {word: near for word, near in single.items() if near}


def _table(path: Path) -> dict[str, Near]:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read the lexicon {path}: {error.strerror}") from None
    except ValueError:
        raise UserError(
            f"{path} is not a JSON file in UTF-8; files of vectors end in {' or '.join(SUFFIXES)}"
        ) from None
    if not isinstance(table, dict) or not all(map(_well_formed, table.values())):
        raise UserError(
            f'{path}: expected one object {{"word": ["nearest", "next", ...], ...}}, '
            'or ["nearest", cosine] instead of "nearest"'
        )
    return table


def _well_formed(near: object) -> bool:
    return isinstance(near, list) and (
        all(isinstance(word, str) for word in near)
        or all(
            isinstance(pair, list)
            and len(pair) == 2
            and isinstance(pair[0], str)
            and isinstance(pair[1], int | float)
            for pair in near
        )
    )


def _near(found: Near) -> tuple[str, ...]:
    if not found or isinstance(found[0], str):
        return tuple(map(str, found))
    ranked = sorted(found, key=lambda pair: -pair[1])
    return tuple(word for word, cosine in ranked[:NEIGHBOURS] if cosine >= LEAST_COSINE)

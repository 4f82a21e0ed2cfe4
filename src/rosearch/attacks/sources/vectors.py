"""Word vectors of a user's file, such as counter-fitted ones, read once and then memory-mapped.

Shapes: V words of the file, D dimensions, n words asked about.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rosearch.errors import UserError
from rosearch.io.files import file_hash, new_folder, write_text

SUFFIXES = (".txt", ".vec")
CHUNK = 256  # words whose cosines to all others are held at the same time


def content_of(path: Path) -> str:
    """SHA-256 of a user's file.

    Raises:
        UserError: it can't be read.
    """
    try:
        return file_hash(path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None


@dataclass(frozen=True)
class Vectors:
    """Word vectors of length one.

    Attributes:
        words: V words, in the order of the rows.
        index: word -> row.
        matrix: (V, D) float32, a read-only memory map.
    """

    words: tuple[str, ...]
    index: Mapping[str, int]
    matrix: np.ndarray

    def nearest(self, words: Iterable[str], n: int, least: float) -> dict[str, tuple[str, ...]]:
        """The `n` nearest words, nearest first, of cosine `least` or more, of each known word."""
        known = [word for word in words if word in self.index]
        found = {}
        for start in range(0, len(known), CHUNK):
            chunk = known[start : start + CHUNK]
            rows = [self.index[word] for word in chunk]
            cosines = self.matrix[rows] @ self.matrix.T  # (chunk, V)
            cosines[np.arange(len(rows)), rows] = -2.0  # no word is its own neighbour
            for word, row in zip(chunk, cosines, strict=True):
                if near := [self.words[j] for j in _largest(row, n, least)]:
                    found[word] = tuple(near)
        return found


def _largest(row: np.ndarray, n: int, least: float) -> np.ndarray:
    """Positions of the n largest values of `least` or more, largest first; of equal ones the
    first."""
    at = np.flatnonzero(row >= least)
    order: np.ndarray = at[np.argsort(-row[at], kind="stable")][:n]
    return order


def load_vectors(path: Path, cache: Path) -> Vectors:
    """Vectors of a text file: a word and its numbers on each line, a word2vec header allowed.

    Parsed once per content: `cache` keeps words and a matrix that processes share.

    Raises:
        UserError: the file is missing or of another form.
    """
    folder = cache / f"vectors-{content_of(path)[:16]}"
    if not folder.is_dir():
        with new_folder(folder) as made:
            made.mkdir()
            _parse(path, made)
    words = tuple(json.loads((folder / "words.json").read_text(encoding="utf-8")))
    matrix = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
    return Vectors(words, {word: i for i, word in enumerate(words)}, matrix)


def _parse(path: Path, folder: Path) -> None:
    """Write words and unit vectors of a text file, a row at a time."""
    try:
        rows = sum(1 for _ in _lines(path))
        matrix: np.ndarray | None = None
        words: dict[str, int] = {}
        for number, line in _lines(path):
            word, *numbers = line.split()
            vector = np.array(numbers, dtype=np.float32)
            if matrix is None:
                shape = (rows, len(vector))
                matrix = np.lib.format.open_memmap(folder / "vectors.npy", "w+", "f4", shape)
            length = float(np.linalg.norm(vector))
            if vector.shape != matrix.shape[1:] or not (0 < length < np.inf):
                raise UserError(
                    f"{path}, line {number}: expected a word and {matrix.shape[1]} numbers that "
                    f"are not all zero, found {len(vector)} numbers"
                )
            if word.lower() not in words:  # of words that differ in case, the first counts
                matrix[len(words)] = vector / length
                words[word.lower()] = number
    except UnicodeDecodeError:
        raise UserError(f"{path} is not a text file in UTF-8") from None
    except ValueError:
        raise UserError(f"{path}, line {number}: expected a word and its numbers") from None
    if matrix is None or not matrix.shape[1]:
        raise UserError(f"{path}: expected a word and its numbers on each line, found none")
    if len(words) < len(matrix):
        np.save(folder / "vectors.npy", np.array(matrix[: len(words)]))
    write_text(folder / "words.json", json.dumps(list(words)))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines with a vector; a header of word count and dimensions is left out."""
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            header = number == 1 and len(line.split()) == 2 and line.split()[0].isdigit()
            if line.strip() and not header:
                yield number, line

"""A teacher's outputs on disk, as values that are cheap to send to other processes.

Shapes: N texts, T tokens of a text (B, T: of a batch, padded), D width, H heads, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

Index = Sequence[int] | np.ndarray


@dataclass(frozen=True)
class Ragged:
    """Arrays of N texts of different lengths, end to end in one file.

    Holds paths only; files are mapped, read-only, where they are first read.

    Attributes:
        values: file of the array (all tokens, ...).
        starts: file of (N + 1,) int64; text i is `values[starts[i] : starts[i + 1]]`.
    """

    values: Path
    starts: Path

    def __len__(self) -> int:
        return len(opened(self.starts)) - 1

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Values and starts as read-only memory maps."""
        return opened(self.values), opened(self.starts)

    @property
    def width(self) -> int:
        """D: size of a token's state."""
        return int(opened(self.values).shape[1])

    def __getitem__(self, i: int) -> np.ndarray:
        """Text i, (T, ...), in the type that it is stored in."""
        start, end = opened(self.starts)[i : i + 2]
        return opened(self.values)[start:end]

    def first(self, index: Index) -> Tensor:
        """The first tokens' values of some texts, (B, ...), float32."""
        return _float32(opened(self.values)[opened(self.starts)[np.asarray(index)]])

    def rows(self, index: Index) -> Tensor:
        """Some texts (B, T, ...), float32, zero at padding, which stands on the right."""
        found = [self[int(i)] for i in index]
        longest = max(len(one) for one in found)
        rows = np.zeros((len(found), longest, *found[0].shape[1:]), dtype=np.float32)
        for row, one in zip(rows, found, strict=True):
            row[: len(one)] = one
        return torch.from_numpy(rows)


@dataclass(frozen=True)
class RaggedMaps(Ragged):
    """Attention maps (H, T, T) of N texts, flat and end to end in one file.

    Attributes:
        values: file of the flat array.
        starts: file of the texts' starts in TOKENS, as in `Ragged`.
    """

    @property
    def width(self) -> int:
        """H: number of heads."""
        return len(opened(self.values)) // int(_square_starts(self.starts)[-1])

    def __getitem__(self, i: int) -> np.ndarray:
        """Maps of text i, (H, T, T): the weights that token t gives to all tokens are [:, t]."""
        squares, heads = _square_starts(self.starts), self.width
        tokens = int(np.diff(opened(self.starts)[i : i + 2])[0])
        flat = opened(self.values)[heads * squares[i] : heads * squares[i + 1]]
        return flat.reshape(heads, tokens, tokens)

    def first(self, index: Index) -> Tensor:
        """Weights that the first token gives, (B, H, T), float32, zero at padding."""
        return self.rows(index)[:, :, 0]

    def rows(self, index: Index) -> Tensor:
        """Maps of some texts (B, H, T, T), float32, zero where either token is padding."""
        found = [self[int(i)] for i in index]
        longest = max(one.shape[1] for one in found)
        rows = np.zeros((len(found), len(found[0]), longest, longest), dtype=np.float32)
        for row, one in zip(rows, found, strict=True):
            row[:, : one.shape[1], : one.shape[1]] = one
        return torch.from_numpy(rows)


@dataclass(frozen=True)
class TeacherOutputs:
    """What a teacher says about the texts of a split; pickles as a few paths.

    Attributes:
        logits_file: (N, C) float16.
        ids: the token ids that the teacher read, (T,) int32 for each text.
        hidden: layer -> states (T, D) float16 for each text; layer 0 is the embeddings' output,
            layer l that of Transformer layer l, as in Hugging Face's `hidden_states`.
        attention: layer (from 1) -> attention maps (H, T, T) float16 for each text.
        layers: how many the teacher has.
    """

    logits_file: Path
    ids: Ragged
    hidden: Mapping[int, Ragged] = field(default_factory=dict)
    attention: Mapping[int, Ragged] = field(default_factory=dict)
    layers: int = 0

    @property
    def logits(self) -> np.ndarray:
        """(N, C) float16, a read-only memory map."""
        return opened(self.logits_file)


@lru_cache(maxsize=256)
def opened(path: Path) -> np.ndarray:
    """The array of a file as a read-only memory map, made once per process."""
    array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def is_whole(path: Path) -> bool:
    """Whether there is such a file and it holds all of its array (a crash may cut files short)."""
    try:
        np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        return False
    return True


@lru_cache(maxsize=16)
def _square_starts(starts: Path) -> np.ndarray:
    """Sums (N + 1,) of the squared numbers of tokens of the texts before."""
    return np.cumsum([0, *(np.diff(opened(starts)) ** 2)])


def _float32(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32))

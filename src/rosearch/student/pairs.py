"""What each token of a pair of texts knows of the other text.

Students are too small, and see too few pairs, to learn comparing from scratch, so they are told:
whether the other text has the token, whether it has one of the same row of the embedding (such as a
synonym), and how near its nearest token is (exact match and aligned embeddings, Chen et al. 2017,
DrQA, section 3.2; here the cosine instead of the aligned embedding). These features scale and shift
the vector of the token (FiLM, Perez et al. 2018).

Shapes: B batch, T tokens, E embedding dimension.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FEATURES = 4  # in the second text, same token, same row, cosine of the nearest token


class Compared(nn.Module):
    """Token vectors by what they have in common with the other text of a pair.

    Args:
        separator: token id between the two texts.
        padding: token id that stands after them.
    """

    def __init__(self, dim: int, separator: int, padding: int) -> None:
        super().__init__()
        self.separator, self.padding = separator, padding
        self.scale = nn.Linear(FEATURES, dim, bias=False)
        self.shift = nn.Linear(FEATURES, dim, bias=False)

    def forward(self, vectors: Tensor, ids: Tensor, rows: Tensor) -> Tensor:
        """Vectors (B, T, E) of token ids (B, T) and their rows, changed; of the same shape."""
        features = self.features(vectors, ids, rows)
        return vectors * (1 + self.scale(features)) + self.shift(features)

    def features(self, vectors: Tensor, ids: Tensor, rows: Tensor) -> Tensor:
        """(B, T, 4); 0 at separators and padding, and of a text without another one."""
        ends = ids == self.separator
        second = ends.long().cumsum(1) > 0
        real = ~ends & (ids != self.padding)
        other = (second[:, :, None] != second[:, None, :]) & real[:, None, :]  # (B, T, T)
        unit = F.normalize(vectors, dim=-1)
        nearest = (unit @ unit.transpose(1, 2)).masked_fill(~other, -1).amax(-1) * _any(other)
        tokens = _any(other & (ids[:, :, None] == ids[:, None, :]))
        alike = _any(other & (rows[:, :, None] == rows[:, None, :]))
        found = torch.stack([second.to(nearest.dtype), tokens, alike, nearest], -1)
        return found * real[..., None].to(nearest.dtype)


def _any(found: Tensor) -> Tensor:
    """Whether any of the last dimension is true, as 0 or 1."""
    return found.to(torch.float32).amax(-1)

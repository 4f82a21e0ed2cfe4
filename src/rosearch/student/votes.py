"""The additive readout: every word of a text has one bounded vote for each class.

Its logits are a bias and the sum over words of cap * tanh(z / cap). The z of a word is a row of a
table, or the sum of the rows of its pieces; pieces of letters count only where they are the whole
word, so a word that nobody knows says nothing, while a number that is spelt in pieces does.

Whoever replaces a word moves each logit by at most `cap` beyond the vote that is gone.

Shapes: B batch, T tokens, C classes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SILENT, WORD, PIECE, MARK, MARKS_PIECE = range(5)  # kinds of tokens
FLAGS = 2  # columns of `columns` after the votes


class Votes(nn.Module):
    """Votes of the tokens and their sum.

    Args:
        rows: of the table.
        tokens: number of token ids.
        cap: most that a word says for or against a class.
    """

    kinds: Tensor

    def __init__(self, rows: int, tokens: int, classes: int, cap: float) -> None:
        super().__init__()
        self.cap, self.classes = cap, classes
        self.table = nn.Embedding(rows, classes)
        nn.init.zeros_(self.table.weight)
        self.bias = nn.Parameter(torch.zeros(classes))
        # Of each token: silent ones are special tokens; pieces go on with the word before them;
        # words and pieces consist of letters, marks do not.
        self.register_buffer("kinds", torch.ones(tokens, dtype=torch.uint8))

    @property
    def width(self) -> int:
        """Columns of `columns`."""
        return self.classes + FLAGS

    def columns(self, ids: Tensor, rows: Tensor) -> Tensor:
        """What the votes of tokens (B, T) depend on, (B, T, C + 2): z, and as 0 or 1 whether a
        token goes on with a word and whether it consists of letters.

        A token whose columns are all 0 is a word of its own that says nothing.

        Args:
            rows: of the table, those of the tokens.
        """
        kinds = self.kinds[ids]
        z = self.table(rows) * (kinds != SILENT)[..., None].to(self.table.weight.dtype)
        inner = (kinds == PIECE) | (kinds == MARKS_PIECE)
        letters = (kinds == WORD) | (kinds == PIECE)
        return torch.cat([z, inner[..., None].to(z.dtype), letters[..., None].to(z.dtype)], -1)

    def whole_words(self, ids: Tensor) -> Tensor:
        """Which tokens (B, T) consist of letters and are a word of their own."""
        kinds = self.kinds[ids]
        goes_on = (kinds == PIECE) | (kinds == MARKS_PIECE)
        after = torch.cat([goes_on[:, 1:], torch.zeros_like(goes_on[:, :1])], 1)
        return (kinds == WORD) & ~after

    def of_words(self, ids: Tensor, rows: Tensor) -> Tensor:
        """Votes (..., C) of tokens (...) as words of their own.

        Args:
            rows: of the table, those of the tokens.
        """
        z = self.table(rows) * (self.kinds[ids] != SILENT)[..., None].to(self.table.weight.dtype)
        return self.cap * torch.tanh(z / self.cap)

    def forward(self, columns: Tensor, mask: Tensor, weights: Tensor | None = None) -> Tensor:
        """Logits (B, C) of columns (B, T, C + 2) and a boolean mask (B, T).

        Args:
            weights: (B, T), what the vote of each word is multiplied by, at its first token.
        """
        each = self.each(columns, mask)
        return self.bias + (each if weights is None else each * weights[..., None]).sum(1)

    def each(self, columns: Tensor, mask: Tensor) -> Tensor:
        """The vote of each word, (B, T, C), at its first token; 0 at the others."""
        z, flags = columns[..., : self.classes], columns[..., self.classes :] > 0.5
        first = ~flags[..., 0]
        word = first.long().cumsum(1)  # (B, T), the number of the word of each token
        same = (word[:, :, None] == word[:, None, :]) & mask[:, None, :]  # (B, T, T)
        counts = mask & ((same.sum(-1) == 1) | ~flags[..., 1])
        total = same.to(z.dtype) @ (z * counts[..., None].to(z.dtype))  # (B, T, C)
        return self.cap * torch.tanh(total / self.cap) * (first & mask)[..., None].to(z.dtype)

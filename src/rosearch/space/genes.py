"""How large the genes of a genotype may be."""

from __future__ import annotations

MAX_NODES = 12
MAX_INPUTS = 4
MAX_REPEAT = 24
# Multiples of 8: every number of attention heads divides them and an LSTM can be split in two.
WIDTHS = (32, 48, 64, 96, 128, 160, 192, 256, 312, 384, 512, 768)
EMBEDDING_DIMS = (16, 32, 48, 64, 96, 128, 192, 256, 312, 384, 512, 768)

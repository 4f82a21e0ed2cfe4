"""Compression of a classifier as it is, without a student: quantisation and magnitude pruning.

They are what a student has to be compared with. Torch-free at import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rosearch.export.compress.prune import pruned
    from rosearch.export.compress.quantize import quantized

_PUBLIC = {
    "pruned": "rosearch.export.compress.prune",
    "quantized": "rosearch.export.compress.quantize",
}
__all__ = ["pruned", "quantized"]


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'rosearch.export.compress' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PUBLIC[name]), name)

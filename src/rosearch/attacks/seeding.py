"""Randomness of an attack on one text: it depends on the text alone."""

from __future__ import annotations

import hashlib

import numpy as np

from rosearch.tasks.words import Words


def generator_of(text: Words) -> np.random.Generator:
    """A generator seeded by the content of a text: every model and every batch meets the same."""
    digest = hashlib.sha256(text.text.encode("utf-8", "replace")).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))

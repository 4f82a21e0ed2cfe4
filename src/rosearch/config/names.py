"""Names that settings may have and that registries of later parts know."""

from __future__ import annotations

from collections.abc import Callable

from rosearch.io.plugins.registry import REGISTRIES, known

# Of kinds that have no registry of their own yet.
BUILT_IN: dict[str, tuple[str, ...]] = {
    "matching": ("none", "patient", "tinybert", "distilbert", "mobilebert", "last"),
    "augmentation": ("none", "synonym", "masked_lm", "mask"),
    "adversarial training": ("none", "fgsm", "pgd", "freelb"),
}


def names(kind: str) -> Callable[[], tuple[str, ...]]:
    """What asks for the names of a kind: plugins may have added some by then."""
    return lambda: known(kind) if kind in REGISTRIES else BUILT_IN[kind]

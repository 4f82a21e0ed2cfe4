"""Results in words, for tables of any kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from rosearch.attacks.methods import members
from rosearch.types import Interval


def attack_label(name: str) -> str:
    """The name of an attack or suite; of lexicon files only their names, not where they lie."""
    parts = (attack.partition(":") for attack in members(name))
    return "+".join(f"{kind}{colon}{PurePath(path).name}" for kind, colon, path in parts)


def certified_lines(certified: Mapping[str, float]) -> list[str]:
    """What no attack can flip, for the terminal: a line for each kind of change."""
    if not certified:
        return []
    parts = [f"  {what}: {share:.3f}" for what, share in certified.items()]
    return ["certified, of all texts (right whatever is done to them):", *parts]


def share(value: float, interval: Interval | tuple[float, float]) -> str:
    """A share with its interval."""
    low, high = (interval.low, interval.high) if isinstance(interval, Interval) else interval
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"

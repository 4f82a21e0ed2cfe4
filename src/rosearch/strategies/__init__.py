"""Search strategies: one file each, one behaviour suite for all.

To add a strategy, add a file here and a line to `STRATEGIES`.
"""

from __future__ import annotations

from collections.abc import Callable

from rosearch.space.variation import Space
from rosearch.strategies.aging_evolution import Evolution
from rosearch.strategies.base import Proposal, Strategy, StrategyConfig
from rosearch.strategies.local import Local
from rosearch.strategies.nsga2 import Nsga2
from rosearch.strategies.random import Random
from rosearch.strategies.surrogate import Surrogate

__all__ = ["STRATEGIES", "Proposal", "Strategy", "StrategyConfig"]

STRATEGIES: dict[str, Callable[[Space, StrategyConfig], Strategy]] = {
    "rosearch": Evolution,
    "nsga2": Nsga2,
    "random": lambda space, config: Random(space),
    "local": lambda space, config: Local(space),
    "surrogate": Surrogate,
}

"""Search strategies: one file each, one behaviour suite for all.

To add a strategy, add a file here and a line to `STRATEGIES`.
"""

from rosearch.io.plugins import Registry
from rosearch.strategies.base import NamedStrategy, Proposal, Strategy, StrategyConfig

__all__ = ["STRATEGIES", "Proposal", "Strategy", "StrategyConfig"]

STRATEGIES: Registry[NamedStrategy] = Registry(
    "strategy",
    {
        "aging_evolution": "rosearch.strategies.aging_evolution:AgingEvolution",
        "nsga2": "rosearch.strategies.nsga2:Nsga2",
        "random": "rosearch.strategies.random:Random",
        "local": "rosearch.strategies.local:Local",
        "surrogate": "rosearch.strategies.surrogate:Surrogate",
    },
)

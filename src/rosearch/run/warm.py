"""A search that begins with the best candidates of earlier runs."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from rosearch.config import SearchConfig
from rosearch.errors import UserError
from rosearch.results.folder import RunFolder
from rosearch.space.genotype import Genotype, from_json
from rosearch.strategies.population import able, fitness, last_rung

BEST = 5  # candidates of each run


def warmed(search: SearchConfig) -> SearchConfig:
    """The same settings with genotypes in the place of runs: a run needs no other one to go on.

    Raises:
        UserError: no run there, or one without any result.
    """
    return replace(search, warm_start=tuple(g.to_json() for g in warm_genotypes(search.warm_start)))


def warm_genotypes(found: Iterable[str]) -> list[Genotype]:
    """The best of each run, each network once.

    Args:
        found: folders of runs, and genotypes as JSON.

    Raises:
        UserError: see `warmed`.
    """
    genotypes = [g for each in found for g in _genotypes(each)]
    return list({g.hash: g for g in genotypes}.values())


def _genotypes(found: str) -> list[Genotype]:
    return [from_json(found)] if found.lstrip().startswith("{") else _best(RunFolder(Path(found)))


def _best(run: RunFolder) -> list[Genotype]:
    """The fittest on the validation split, of those on the highest rung that learned something."""
    if not run.exists():
        raise UserError(
            f"warm start: {run} is no folder of a run (it has no {run.database.name}); "
            "`rosearch runs` lists those of a folder"
        )
    with closing(run.open()) as store:
        trials = able(last_rung(store.trials()))
    if not trials:
        raise UserError(f"warm start: {run} has no candidate that succeeded; leave it out")
    best = sorted(trials, key=lambda t: (-fitness(t), t.candidate.index))
    return [t.candidate.genotype for t in best[:BEST]]

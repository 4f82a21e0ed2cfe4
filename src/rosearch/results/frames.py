"""A stored run as tables for analysis."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rosearch.config import RunConfig, objectives_of
from rosearch.results.entries import fidelity_entry
from rosearch.results.folder import RunFolder
from rosearch.results.summary import Summary
from rosearch.space.genotype import Genotype, from_json
from rosearch.strategies.population import front, furthest
from rosearch.types import Final, Score, Trial, balanced, macro_f1

if TYPE_CHECKING:
    from pandas import DataFrame
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Of each score, in this order; what else was measured comes after the fidelity.
COLUMNS = (
    "clean", "balanced", "n_clean", "after_attack", "balanced_after_attack",
    "attack_success_rate", "attacked", "params", "flops", "latency_ms", "queries",
    "train_seconds", "attack_seconds", "fitness",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One moment of a run, finished or not.

    Attributes:
        folder: the run folder; trained students are in its `students`.
        summary: what `summary.json` holds; None before the run is finished.
    """

    folder: Path
    config: RunConfig
    label_names: tuple[str, ...]
    summary: Summary | None
    _trials: Sequence[Trial]
    _finals: Sequence[Final]

    @cached_property
    def candidates(self) -> DataFrame:
        """One row a candidate of the search: its results on the highest rung that it reached.

        Columns: id, rung (0 is the cheapest), parent, seed, error, genotype (a `Genotype`), its
        genes (width, nodes, ops, ...), the numbers of `rosearch.types.Score`, measured on the
        validation split, and whether it is on the front; under several attack suites also
        `after_SUITE` of each. Rungs differ in training and attack: compare candidates of the same
        rung only.
        """
        return self._table(furthest(self._trials))

    @cached_property
    def evaluations(self) -> DataFrame:
        """One row a candidate and rung, with the columns of `candidates`."""
        return self._table(self._trials)

    def _table(self, trials: Sequence[Trial]) -> DataFrame:
        from pandas import DataFrame

        objectives = objectives_of(self.config.search)
        on_front = {(t.candidate.id, t.rung) for t in front(self._trials, objectives)}
        rows = [
            {
                "id": t.candidate.id,
                "rung": t.rung,
                "parent": t.candidate.parent,
                "seed": t.candidate.seed,
                "error": t.error,
                "front": (t.candidate.id, t.rung) in on_front,
                "genotype": t.candidate.genotype,
                **_genes(t.candidate.genotype),
                **_columns(t.score),
            }
            for t in trials
        ]
        return DataFrame(rows)

    @cached_property
    def finals(self) -> DataFrame:
        """One row a model, training seed and attack: final evaluation on the test split.

        Columns: model, seed, genotype (None for the teacher), params, clean, balanced_clean,
        macro_f1, calibration_error, n_clean, attack, after_attack, balanced_after_attack,
        success_rate, n, low and high (95 % interval of after_attack), queries, latency_ms; balanced
        ones, macro_f1 and calibration_error are missing in runs of early versions.
        """
        from pandas import DataFrame

        rows = [
            {
                "model": f.model,
                "seed": f.seed,
                "genotype": None if f.genotype is None else from_json(f.genotype),
                "params": f.params,
                "clean": f.clean,
                "balanced_clean": balanced(f.classes) if f.classes else None,
                "macro_f1": macro_f1(f.classes) if f.classes else None,
                "calibration_error": f.calibration_error,
                "n_clean": f.n,
                "attack": name,
                "after_attack": counts.after_attack,
                "balanced_after_attack": counts.after("balanced") if counts.classes else None,
                "success_rate": counts.success_rate,
                "n": counts.n,
                **asdict(counts.interval),
                "queries": counts.queries,
                "latency_ms": f.latency_ms,
            }
            for f in self._finals
            for name, counts in f.attacks.items()
        ]
        return DataFrame(rows)

    def attacked(self, model: str, attack: str) -> DataFrame:
        """Attacked test texts of a model (`teacher`, `reference` or an id), as they were stored."""
        from pandas import DataFrame

        return DataFrame(RunFolder(self.folder).open().examples(model, attack))

    def student(self, model: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        """A saved student (`reference` or an id) and its tokenizer.

        Raises:
            UserError: no such student.
        """
        from rosearch.models.load import load_classifier

        return load_classifier(RunFolder(self.folder).student(model))


def load_run(folder: str | Path) -> Run:
    """A run by its folder; a search may go on meanwhile, `load_run` again shows more.

    Raises:
        UserError: there is no run.
    """
    run = RunFolder(Path(folder))
    store = run.open()
    meta = store.meta()
    return Run(
        run.path,
        meta.run_config,
        meta.label_names,
        meta.summary,
        store.trials(),
        store.finals(),
    )


def _genes(g: Genotype) -> dict[str, object]:
    plain = {k: v for k, v in json.loads(g.to_json()).items() if k not in ("nodes", "schema")}
    return {**plain, "nodes": len(g.nodes), "ops": tuple(node.op for node in g.nodes)}


def _columns(score: Score | None) -> dict[str, object]:
    """What a score says, one value a column; of several attack suites, also each alone."""
    if score is None:
        return {}
    found = {name: getattr(score, name) for name in COLUMNS}
    found |= {f"fidelity_{k}": value for k, value in vars(fidelity_entry(score.fidelity)).items()}
    found |= {k: value for k, value in score.measurements.items() if k not in found}
    if len(score.attacks) > 1:
        found |= {f"after_{name}": counts.after_attack for name, counts in score.attacks.items()}
    return found

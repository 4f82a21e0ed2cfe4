"""What the store of a run knows besides its trials: settings, data, machine, times, outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from rosearch.config import RunConfig, objectives_of, of_run
from rosearch.objectives import Objective, titled
from rosearch.results.decode import decode
from rosearch.results.summary import Summary
from rosearch.space.cost import Sizes
from rosearch.space.latency import LatencyTable
from rosearch.types import Json


@dataclass(frozen=True, kw_only=True)
class RunMeta:
    """The meta data of a run. What is not known yet, or was not kept at the time, is empty.

    Attributes:
        config: settings as JSON, as the run was started with; `run_config` checks them.
        config_sha256: checksum of `config`; runs of early versions have none.
        fingerprint: of the data.
        teacher_sha256: of the teacher's files, before it is fine-tuned.
        teacher_accuracy, reference_accuracy: clean, on the validation split, in the metric of the
            run.
        data: texts and labels of each split, and what else the user should know, a line each.
        started: seconds since 1970.
        seconds, search_seconds: of work, over all processes; `search_seconds` of the search alone.
        rows, trimmed_rows: of the embedding, by encoding.
        latency: measured where the space has a limit on it.
        summary: of a finished run.
    """

    config: Mapping[str, object] = field(default_factory=dict)
    config_sha256: str | None = None
    task: str | None = None
    label_names: tuple[str, ...] = ()
    fingerprint: str | None = None
    teacher_sha256: str | None = None
    teacher_accuracy: float | None = None
    reference_accuracy: float | None = None
    data: tuple[str, ...] = ()
    started: float | None = None
    seconds: float = 0.0
    search_seconds: float = 0.0
    machine: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)
    trimmed_rows: Mapping[str, int] = field(default_factory=dict)
    latency: LatencyTable | None = None
    summary: Summary | None = None

    @property
    def run_config(self) -> RunConfig:
        """The settings.

        Raises:
            UserError: this version does not know one of them.
        """
        return of_run(self.config)

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What the run optimises.

        Raises:
            UserError: none that is known: its plugin is not loaded.
        """
        config = self.run_config
        return titled(objectives_of(config.search), config.fitness.metric)

    @property
    def floor(self) -> float:
        """Accuracy below which nobody would ship a student; 0 where the teacher's is not known."""
        return self.run_config.fitness.floor * (self.teacher_accuracy or 0.0)

    @property
    def sizes(self) -> Sizes:
        """What the cost of a genotype depends on; without rows before the run is prepared."""
        pairs = self.run_config.task.text_pair_column is not None
        return Sizes(self.rows, len(self.label_names), pairs=pairs, trimmed=self.trimmed_rows)


class StoredConfig(TypedDict):
    """The settings as they are written."""

    config: Json
    config_sha256: str


class Spent(TypedDict):
    """The times as they are written."""

    seconds: float
    search_seconds: float


class MetaValues(TypedDict, total=False):
    """The fields of `RunMeta` as they are written, a few at a time."""

    config: Json
    config_sha256: str
    task: str
    label_names: tuple[str, ...]
    fingerprint: str
    teacher_sha256: str
    teacher_accuracy: float
    reference_accuracy: float
    data: tuple[str, ...]
    started: float
    seconds: float
    search_seconds: float
    machine: dict[str, str]
    rows: dict[str, int]
    trimmed_rows: dict[str, int]
    latency: dict[str, float]
    summary: Json | None


def read_meta(values: Mapping[str, object], where: object) -> RunMeta:
    """The meta data of stored values by key.

    Raises:
        UserError: a value is damaged.
    """
    return decode(RunMeta, values, f"the meta data in {where}")

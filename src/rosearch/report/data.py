"""The numbers behind the plots as compact JSON: 10,000 candidates have to fit into one page.

Genotypes are too long to repeat: what many share (an operation with its settings, an input stage)
stands in a table once, and a candidate names its places there.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rosearch.objectives import LATENCY, Objective, further
from rosearch.report.draw import draw_line
from rosearch.report.history import hypervolume
from rosearch.report.snapshot import Snapshot
from rosearch.report.tables import fidelity_words
from rosearch.space.genotype import Genotype
from rosearch.types import Json, Score, Trial

T = TypeVar("T", bound=Hashable)
Stage = tuple[int, int, str, str, str, int, bool]  # embedding, width, position, encoding, ...
Kind = tuple[str, str, str, str]  # op, combine, norm, activation


@dataclass(frozen=True)
class Axis:
    """A quantity of a candidate that plots show.

    Attributes:
        kind: how its values are written: `share`, `count`, `time`, `score` or `number`.
    """

    key: str
    title: str
    kind: str
    read: Callable[[Score], float]


COSTS = (
    Axis("params", "parameters", "count", lambda s: s.params),
    Axis("latency", "latency in ms (one text, one thread)", "time", lambda s: s.latency_ms),
)
FITNESS = Axis("fitness", "fitness", "score", lambda s: s.fitness)
DIGITS = {"share": 4, "count": 0, "time": 3, "score": 4, "number": 4}


class Interned(Generic[T]):
    """Distinct values in the order of their first appearance."""

    def __init__(self) -> None:
        self.places: dict[T, int] = {}

    def __call__(self, value: T) -> int:
        """Place of a value, which is taken in if it is new."""
        return self.places.setdefault(value, len(self.places))

    @property
    def values(self) -> list[T]:
        """What was taken in."""
        return list(self.places)


def plot_data(runs: Sequence[Snapshot]) -> Json:
    """All plots of one run, or of several that are compared.

    Returns:
        `runs`, each with one list per quantity and one entry per scored candidate in each;
        those measured on a lower rung than others are named in `cheap`;
        `axes`, the quantities that can be chosen to be drawn, see `Axis`;
        `figures`, plots that are ready to be drawn, by the name of their place: none yet;
        `stages`, `kinds`, `fidelities`: the tables that candidates refer to.
    """
    stages, kinds, fidelities = Interned[Stage](), Interned[Kind](), Interned[str]()
    # One scale for all runs, or their hypervolumes could not be compared.
    largest = max((run.teacher_params or 0 for run in runs), default=0) or max(
        (t.score.params for run in runs for t in run.candidates if t.score), default=1
    )
    more = [o for o in further(runs[0].objectives) if all(o in run.objectives for run in runs)]
    axes = (*_accuracies(runs), *COSTS, *(_axis(o) for o in more if o != LATENCY), FITNESS)
    return {
        "runs": [_run(run, runs, axes, largest, stages, kinds, fidelities) for run in runs],
        "axes": [{"key": a.key, "title": a.title, "kind": a.kind} for a in axes],
        "objectives": _shared([[o.name for o in run.objectives] for run in runs]),
        "figures": {},
        "largest": largest,
        "floor": min(run.meta.floor for run in runs),
        "stages": stages.values,
        "kinds": kinds.values,
        "fidelities": fidelities.values,
    }


def _accuracies(runs: Sequence[Snapshot]) -> tuple[Axis, ...]:
    """Clean and after-attack accuracy as the runs compare students by them."""
    metrics = {t.score.metric for run in runs for t in run.candidates if t.score}
    how = "balanced " if metrics == {"balanced"} else ""
    return (
        Axis("clean", f"{how}clean accuracy", "share", lambda s: s.accuracy),
        Axis("after", f"{how}after-attack accuracy", "share", lambda s: s.robustness),
    )


def _shared(names: Sequence[list[str]]) -> list[str]:
    """The objectives of all runs; none if they are not the same."""
    return names[0] if all(own == names[0] for own in names) else []


def _axis(objective: Objective) -> Axis:
    kind = "share" if objective.is_share else "number"
    return Axis(f"objective {objective.name}", objective.label, kind, objective.value)


def _run(
    run: Snapshot,
    runs: Sequence[Snapshot],
    axes: Sequence[Axis],
    largest: int,
    stages: Interned[Stage],
    kinds: Interned[Kind],
    fidelities: Interned[str],
) -> Json:
    scored: list[tuple[Trial, Score]] = [
        (t, t.score) for t in run.candidates if t.score is not None
    ]
    top = max((t.rung for t, _ in scored), default=0)
    place = {t.candidate.id: i for i, (t, _) in enumerate(scored)}
    leader = run.leader
    curve = hypervolume(run, largest, runs)
    return {
        "name": run.name,
        "teacher": run.teacher_params,
        "best": place[leader.candidate.id] if leader and leader.candidate.id in place else None,
        "finished": bool(run.summary),
        "front": [place[t.candidate.id] for t in run.front],
        "id": [t.candidate.id for t, _ in scored],
        "index": [t.candidate.index for t, _ in scored],
        "parent": [place.get(t.candidate.parent or "", -1) for t, _ in scored],
        "line": [draw_line(t.candidate.genotype) for t, _ in scored],
        **{a.key: [round(a.read(s), DIGITS[a.kind]) for _, s in scored] for a in axes},
        "cheap": [i for i, (t, _) in enumerate(scored) if t.rung < top],
        "fidelity": [fidelities(fidelity_words(s.fidelity)) for _, s in scored],
        "genotype": [_genotype(t.candidate.genotype, stages, kinds) for t, _ in scored],
        "hypervolume": {"done": curve.done, "hours": curve.hours, "volume": curve.volume},
    }


def _genotype(g: Genotype, stages: Interned[Stage], kinds: Interned[Kind]) -> list[int | list[int]]:
    """Place of the input and output stage, then for each node [place of its kind, *inputs].

    Students whose words alone decide have no nodes.
    """
    stage = (g.embedding_dim, g.width, g.position, g.encoding, g.pooling, g.repeat, g.shared)
    cell = g.nodes if g.has_cell else ()
    nodes = ([kinds((n.op, n.combine, n.norm, n.activation)), *n.inputs] for n in cell)
    return [stages(stage), *nodes]

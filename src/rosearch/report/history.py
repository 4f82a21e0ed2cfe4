"""How the search went on: hypervolume of the front, and the lineage of a student."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations, pairwise

import moocore
import numpy as np

from rosearch.objectives import ACCURACY, DEFAULT, PARAMS, Objective, beyond, oriented
from rosearch.report.snapshot import Snapshot
from rosearch.space.genotype import Genotype, Node
from rosearch.strategies.population import last_rung
from rosearch.types import Fidelity, Interval, Score, Trial

FIELDS = (
    "embedding_dim", "width", "position", "encoding_key", "pooling", "repeat", "shared",
    "defence_key", "votes_key", "reading_key",
)  # fmt: skip
FEWEST_TO_RANK = 3


@dataclass(frozen=True)
class Curve:
    """Hypervolume after each success on the last rung, in the order in which the trials ended.

    Attributes:
        done: trials that had ended by then on any rung, the failed ones included.
        hours: since the run was started, pauses included.
    """

    done: tuple[int, ...]
    hours: tuple[float, ...]
    volume: tuple[float, ...]


@dataclass(frozen=True)
class Step:
    """One ancestor: what changed against the one before it, in words."""

    trial: Trial
    changes: tuple[str, ...]


@dataclass(frozen=True)
class Rung:
    """How well a cheaper evaluation ranks candidates as a dearer one does: Spearman's rho.

    Attributes:
        n: candidates that were evaluated at both.
        rho: of each objective that training decides, and of fitness; None where one never varies.
        intervals: of 95 %, of each; None where so few candidates tell none.
    """

    lower: Fidelity
    higher: Fidelity
    n: int
    rho: tuple[float | None, ...]
    intervals: tuple[Interval | None, ...]


def hypervolume(run: Snapshot, largest: int, runs: Sequence[Snapshot] = ()) -> Curve:
    """Hypervolume of the front over time (Zitzler and Thiele 1999), as a share of the ideal.

    The volume that the front beats, between the worst and the ideal of all objectives: between no
    after-attack accuracy, the clean accuracy from which on a user would ship and `largest`
    parameters on one side, and both accuracies of 1 without a parameter on the other.

    Results of lower rungs were measured otherwise and do not count.

    Args:
        runs: what they reached tells the worst and the ideal of an objective that has none of its
            own; by default only the run itself.
    """
    ended = sorted(run.trials, key=lambda t: run.finished.get((t.candidate.index, t.rung), 0.0))
    top = {id(trial) for trial in last_rung(run.trials)}
    start = run.meta.started
    worst, ideal = _extremes(run.objectives, largest, runs or [run])
    scale = -1.0 / np.where(ideal > worst, ideal - worst, 1.0)  # what is left is minimised
    reference = worst * scale
    best, volume = np.empty((0, len(scale))), 0.0
    points = []
    for done, trial in enumerate(ended, start=1):
        if trial.score is None or id(trial) not in top:
            continue
        point = np.array(oriented(trial.score, run.objectives)) * scale
        if not (best <= point).all(axis=1).any():
            best = np.vstack([best[~(point <= best).all(axis=1)], point])
            volume = float(moocore.hypervolume(best, ref=reference))
        at = run.finished.get((trial.candidate.index, trial.rung))
        hours = (at - start) / 3600 if at and start is not None else 0.0
        points.append((done, round(hours, 5), round(volume, 6)))
    columns: list[tuple[float, ...]] = list(zip(*points, strict=True)) if points else [(), (), ()]
    return Curve(tuple(map(int, columns[0])), *columns[1:])


def _extremes(
    objectives: Sequence[Objective], largest: int, runs: Sequence[Snapshot]
) -> tuple[np.ndarray, np.ndarray]:
    """Worst and ideal values (K,) of objectives, oriented so that more is better."""
    scores = [t.score for run in runs for t in run.candidates if t.score is not None]
    floor = min(run.meta.floor for run in runs)
    found = []
    for o in objectives:
        seen = [o.sign * o.value(s) for s in scores if o.read or o.name in s.measurements] or [0.0]
        worst = o.sign * largest if o == PARAMS else beyond(min(seen))
        lowest = floor if o.name == ACCURACY.name else o.worst
        ideal = max(seen) if o.ideal is None else o.sign * o.ideal
        found.append((worst if lowest is None else o.sign * lowest, ideal))
    worst_values, ideal_values = np.array(found).T
    return worst_values, ideal_values


def lineage(trials: Sequence[Trial], last: Trial) -> list[Step]:
    """The chain of parents that ends in `last`, the founder first."""
    by_id = {trial.candidate.id: trial for trial in trials}
    chain = [last]
    while (parent := by_id.get(chain[-1].candidate.parent or "")) and parent not in chain:
        chain.append(parent)
    chain.reverse()
    steps = [Step(chain[0], ())]
    for old, new in pairwise(chain):
        steps.append(Step(new, changes(old.candidate.genotype, new.candidate.genotype)))
    return steps


def rung_correlations(
    trials: Sequence[Trial], objectives: Sequence[Objective] = DEFAULT
) -> list[Rung]:
    """Rank correlations between fidelities, where genotypes were evaluated at several.

    Pairs of fidelities that share fewer than three candidates are left out.
    """
    scores: dict[Fidelity, dict[str, Score]] = {}
    for trial in trials:
        if trial.score is not None:
            scores.setdefault(trial.score.fidelity, {})[trial.candidate.id] = trial.score
    found = []
    reads = [o.value for o in objectives if o.expensive] + [lambda score: score.fitness]
    for lower, higher in combinations(sorted(scores, key=_work), 2):
        both = sorted(scores[lower].keys() & scores[higher].keys())
        if len(both) >= FEWEST_TO_RANK:
            pairs = [(scores[lower][name], scores[higher][name]) for name in both]
            rho = tuple(_spearman(pairs, read) for read in reads)
            spread = tuple(rank_interval(value, len(both)) for value in rho)
            found.append(Rung(lower, higher, len(both), rho, spread))
    return found


def _work(fidelity: Fidelity) -> tuple[float, int, str]:
    trained = fidelity.epochs * fidelity.train_share * fidelity.portion
    return trained, fidelity.attacked, fidelity.attack


def _spearman(pairs: Sequence[tuple[Score, Score]], read: Callable[[Score], float]) -> float | None:
    from scipy.stats import spearmanr

    low, high = ([read(score) for score in side] for side in zip(*pairs, strict=True))
    if len(set(low)) == 1 or len(set(high)) == 1:
        return None
    return float(spearmanr(low, high).statistic)


def rank_interval(rho: float | None, n: int) -> Interval | None:
    """95 % interval of Spearman's rho of n pairs (Bonett and Wright 2000, equation 3).

    Normal for the inverse hyperbolic tangent of rho; it says nothing of a perfect order or of less
    than four pairs.
    """
    if rho is None or n < 4 or abs(rho) > 1 - 1e-9:
        return None
    half = 1.959963984540054 * math.sqrt((1 + rho**2 / 2) / (n - 3))
    return Interval(math.tanh(math.atanh(rho) - half), math.tanh(math.atanh(rho) + half))


def changes(old: Genotype, new: Genotype) -> tuple[str, ...]:
    """What differs between two genotypes, in words; nodes are matched by their operations."""
    found = [
        f"{name.removesuffix('_key').replace('_', ' ')} {before} \u2192 {after}"
        for name in FIELDS
        if (before := getattr(old, name)) != (after := getattr(new, name))
    ]
    blocks = SequenceMatcher(
        None, [n.op for n in old.nodes], [n.op for n in new.nodes], autojunk=False
    ).get_opcodes()
    same = {0: 0}  # index of a node before -> after
    for kind, i1, i2, j1, _ in blocks:
        if kind in ("equal", "replace"):
            same |= {i + 1: j1 + i - i1 + 1 for i in range(i1, i2)}
    for _, i1, i2, j1, j2 in blocks:
        both = min(i2 - i1, j2 - j1)
        for i, j in zip(range(i1, i1 + both), range(j1, j1 + both), strict=True):
            found += _node_changes(j + 1, old.nodes[i], new.nodes[j], same)
        found += [f"node {i + 1} ({old.nodes[i].op}) removed" for i in range(i1 + both, i2)]
        found += [
            f"node {j + 1} ({new.nodes[j].op}) added, reads {_read(new.nodes[j])}"
            for j in range(j1 + both, j2)
        ]
    return tuple(found) or ("order of the nodes",)


def _node_changes(number: int, old: Node, new: Node, same: dict[int, int]) -> list[str]:
    found = [
        f"{name + ' ' if name != 'op' else ''}{before} \u2192 {after}"
        for name in ("op", "combine", "norm", "activation")
        if (before := getattr(old, name)) != (after := getattr(new, name))
    ]
    if sorted(same.get(i, -1) for i in old.inputs) != sorted(new.inputs):
        found.append(f"reads {_read(new)}")
    name = f"node {number}" if old.op != new.op else f"node {number} ({new.op})"
    return [f"{name}: {', '.join(found)}"] if found else []


def _read(node: Node) -> str:
    return ", ".join("input" if i == 0 else str(i) for i in node.inputs)

"""The scalar that a search maximises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rosearch.evaluation.context import Context
from rosearch.space.cost import compression, efficiency
from rosearch.types import ClassCounts, Metric, Robustness, balanced, over_suites


def fitness(
    classes: Sequence[ClassCounts], attacks: Mapping[str, Robustness], size: int, context: Context
) -> float:
    """Robustness-, accuracy- and efficiency-aware fitness, to be maximised.

    `w_r * robustness / (clean accuracy) + w_a * accuracy / (teacher accuracy) + w_e * efficiency`.
    The paper names such a metric without giving it (arXiv 2106.03613, abstract): form and weights
    are ours. A further term, off with `shortfall = 0`, charges an accuracy below `min_accuracy` of
    the plain reference's: whoever gives that up pays for robustness with what needs no search, and
    a student that always says the same is the most robust of all. Accuracies are those of
    `fitness.metric`, before and after the attack.

    Args:
        classes: of the clean result.
        attacks: attack suite -> counts; the worst or the mean over the suites is the robustness.
    """
    w = context.fitness
    metric = w.metric
    # A teacher that is kept though it knows nothing: its students are held to chance.
    chance, reached = 1 / len(classes), accuracy_in(metric, classes)
    expected = max(context.teacher_accuracy, chance)
    shares = [c.after(metric) / c.before(metric) if c.correct else 0.0 for c in attacks.values()]
    kept = over_suites(shares, w.over_suites)
    small = efficiency(compression(context.train.teacher_params, size), w.target_compression)
    missing = max(0.0, w.min_accuracy * max(context.reference_accuracy, chance) - reached)
    gain = w.robustness * kept + w.accuracy * reached / expected + w.efficiency * small
    return gain - w.shortfall * missing / expected


def accuracy_in(metric: Metric, classes: Sequence[ClassCounts]) -> float:
    """Clean accuracy in a metric."""
    if metric == "balanced":
        return balanced(classes)
    return sum(c.correct for c in classes) / sum(c.n for c in classes)

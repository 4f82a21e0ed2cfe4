"""How architecture relates to robustness: effects of the features of an architecture on its
after-attack accuracy under the search attack, measured on the validation split at the search's
fidelity.

Two samples, side by side. The *evolved* candidates are a biased sample: the search chose what to
try by what had done well, and children share most genes with their parents, so their effects hold
for the region that the search went to, with intervals that are too narrow. The *uniform* sample
(`search.random_sample`, `rosearch.strategies.uniform`) was chosen by nobody; its genes are drawn
independently but for the limits, which makes it close to a randomised experiment.

The model, for each sample: least squares of the after-attack accuracy on all features together,
with the controls log-parameters, clean accuracy, and fidelity where it varies.

- *Controlling for clean accuracy.* Clean accuracy comes after the architecture: what a feature does
  to robustness by way of accuracy is taken out, and what is left is the effect among students of
  equal accuracy. That is the question asked here, but not the only honest one, and conditioning
  on an outcome can bias. So each effect is also given without this control, as the total effect at
  equal size. Findings are claimed from the controlled model only.
- *Controlling for parameters* makes the effect of a width one "at equal size": a wider student with
  a smaller embedding, not a wider student.
- *Multiple testing.* Holm's correction over all controlled effects of both samples together: the
  chance that the report claims anything false is below 5 %. Intervals are of one effect each and
  are not corrected.
- *Few candidates.* A model gets one column for every 5 candidates, controls included. Features
  that do not fit, in an order that looks at no result (`features`), are said to be beyond what
  the data can tell, and so is everything below 30 candidates. So are features that fewer than 8
  candidates have (or have not), and those that others nearly determine.

Each candidate was trained with one seed and attacked on the same texts: effects are of networks
trained once, on these texts. A linear model tells averages over the sample; interactions are those
of mechanisms with each other and with the shape of the cell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np

from rosearch.report.features import RARE, Column, columns_of, features
from rosearch.report.regression import (
    Estimate,
    cross_validated,
    determined_by,
    holm,
    ordinary_least_squares,
    sole_witnesses,
)
from rosearch.types import Json, Score, Trial

PER_COLUMN = 5
LEAST = 30
LEVEL = 0.05
CLEAN = "clean accuracy"

Sample = Literal["evolved", "uniform"]
Pair = tuple[Trial, Score]


@dataclass(frozen=True)
class Effect:
    """Effect of one feature.

    Attributes:
        having: of the n candidates, those that have it; see `rosearch.report.features.Column`.
        controlled: at equal size and clean accuracy.
        total: at equal size only.
        p_holm: of `controlled`, corrected; significant below 0.05.
        importance: lost R2 on unseen candidates; None where the model has none to lose.
    """

    group: str
    label: str
    against: str
    having: int
    controlled: Estimate
    total: Estimate
    importance: float | None
    p_holm: float = 1.0

    @property
    def significant(self) -> bool:
        """Whether it holds after correction."""
        return self.p_holm < LEVEL


@dataclass(frozen=True)
class LeftOut:
    """A feature or candidates that the model leaves out, and why."""

    label: str
    reason: str


@dataclass(frozen=True)
class Analysis:
    """The effects in one sample.

    Attributes:
        n: candidates in the model; `failed` ones are not among them, nor those that were left out.
        needed: candidates that a model of all estimable features would take.
        r2: of the fit; unseen_r2: cross-validated; controls_r2: the same of the controls alone.
        unclear: why there are no effects, if there are none.
    """

    sample: Sample
    n: int
    failed: int
    needed: int = 0
    controls: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    r2: float | None = None
    unseen_r2: float | None = None
    controls_r2: float | None = None
    unclear: str = ""


@dataclass(frozen=True)
class Statistics:
    """Both samples; `tests` is the number of effects that Holm's correction is over."""

    analyses: tuple[Analysis, ...]
    tests: int

    def to_json(self) -> Json:
        """JSON-ready form."""
        return asdict(self)


def statistics(
    evolved: Sequence[Trial], uniform: Sequence[Trial] = (), seed: int = 0
) -> Statistics:
    """Effects in the evolved candidates and, where there is one, in the uniform sample.

    Args:
        seed: of the shuffling for cross-validation and permutation importance.

    Raises:
        MissingExtra: statsmodels is not installed, and there are enough candidates to need it.
    """
    analyses = [analyse(evolved, "evolved", seed)]
    if uniform:
        analyses.append(analyse(uniform, "uniform", seed))
    adjusted = iter(holm([e.controlled.p for a in analyses for e in a.effects]))
    corrected = [
        replace(a, effects=tuple(replace(e, p_holm=next(adjusted)) for e in a.effects))
        for a in analyses
    ]
    return Statistics(tuple(corrected), sum(len(a.effects) for a in analyses))


def analyse(trials: Sequence[Trial], sample: Sample, seed: int = 0) -> Analysis:
    """Effects in one sample, not yet corrected for their number."""
    scored = [(t, t.score) for t in trials if t.score is not None]
    found = Analysis(sample, len(scored), failed=len(trials) - len(scored))
    kept, notes = [(t, score) for t, score in scored if score.learned], list[LeftOut]()
    if ignorant := len(scored) - len(kept):
        notes.append(LeftOut(_counted(ignorant), "always the same answer, which no attack changes"))
    while True:
        if unclear := _unclear(kept):
            return replace(found, n=len(kept), left_out=tuple(notes), unclear=unclear)
        model = _choose(kept)
        alone = sole_witnesses(model.every, len(kept))
        if not alone.any():
            break
        notes.append(LeftOut(_counted(int(alone.sum())), "alone would determine an effect"))
        kept = [pair for pair, gone in zip(kept, alone, strict=True) if not gone]
    return replace(
        _fitted(model, np.array([score.robustness for _, score in kept]), found, seed),
        left_out=(*notes, *model.left_out),
    )


@dataclass(frozen=True)
class _Model:
    """Columns that the candidates can tell about, and what they cannot.

    Attributes:
        rare: levels of a choice that too few have: in the model, as they would count as the
            baseline without, but their effects are not told.
    """

    controls: tuple[Column, ...]
    columns: tuple[Column, ...]
    rare: tuple[Column, ...]
    left_out: tuple[LeftOut, ...]
    needed: int

    @property
    def every(self) -> tuple[Column, ...]:
        """All columns of the regression."""
        return self.controls + self.columns + self.rare


def _unclear(pairs: Sequence[Pair]) -> str:
    """Why so many candidates cannot tell anything; empty if they can."""
    if len(pairs) < LEAST:
        return f"{_counted(len(pairs))}, and {LEAST} are the least for any estimate"
    if len({score.robustness for _, score in pairs}) < 2:
        return "all candidates have the same after-attack accuracy"
    return ""


def _choose(pairs: Sequence[Pair]) -> _Model:
    """Columns in their order as long as there are candidates enough for them."""
    genotypes = [trial.candidate.genotype for trial, _ in pairs]
    chosen = controls = tuple(_controls(pairs))
    left_out, wanted = list[LeftOut](), len(controls)
    for feature in features(genotypes):
        columns = columns_of(feature, genotypes)
        if reason := _problem(columns, chosen, len(pairs)):
            left_out.append(LeftOut(feature.name, reason))
            continue
        wanted += len(columns)
        if PER_COLUMN * (len(chosen) + len(columns)) > len(pairs):
            reason = f"{_counted(len(pairs))} are too few to tell it besides those before it"
            left_out.append(LeftOut(feature.name, reason))
            continue
        chosen += tuple(columns)
    own = chosen[len(controls) :]
    rare = tuple(column for column in own if _few(column, len(pairs)))
    left_out += [LeftOut(c.label, _few(c, len(pairs))) for c in rare]
    told = tuple(column for column in own if not _few(column, len(pairs)))
    return _Model(controls, told, rare, tuple(left_out), PER_COLUMN * wanted)


def _problem(columns: Sequence[Column], before: Sequence[Column], n: int) -> str:
    """Why a feature cannot be estimated however many effects the model may have."""
    if not columns:
        return "the same in all candidates"
    if all(_few(column, n) for column in columns):
        return _few(columns[0], n)
    near = next((label for c in columns if (label := determined_by(c, before))), "")
    return f"moves together with other features, most of all {near}" if near else ""


def _few(column: Column, n: int) -> str:
    """Why too few candidates tell about a column; empty if enough do."""
    if set(column.values) <= {0.0, 1.0} and min(column.having, n - column.having) < RARE:
        return f"{column.having} of {_counted(n)} have it: fewer than {RARE} do or do not"
    return f"all but {column.having} of {_counted(n)} are alike" if column.having < RARE else ""


def _controls(pairs: Sequence[Pair]) -> list[Column]:
    scores = [score for _, score in pairs]
    size = np.log2([float(score.params) for score in scores])
    clean = np.array([score.accuracy for score in scores])
    found = [_control("log-parameters", size), _control(CLEAN, clean)]
    others = [f for f, _ in Counter(s.fidelity for s in scores).most_common()][1:]
    found += [
        _control(f"fidelity {k}", np.array([float(s.fidelity == other) for s in scores]))
        for k, other in enumerate(others, start=1)
    ]
    return [column for column in found if np.ptp(column.values) > 0]


def _control(name: str, values: np.ndarray) -> Column:
    return Column("control", name, name, "", values, len(values))


def _fitted(model: _Model, y: np.ndarray, found: Analysis, seed: int) -> Analysis:
    every = model.every
    controlled, r2 = ordinary_least_squares(y, every)
    total, _ = ordinary_least_squares(y, [c for c in every if c.label != CLEAN])
    groups = {c.feature: [k for k, o in enumerate(every) if o.feature == c.feature] for c in every}
    rng = np.random.default_rng(seed)
    unseen, lost = cross_validated(y, every, groups, rng)
    effects = tuple(
        Effect(
            column.group,
            column.label,
            column.against,
            column.having,
            controlled[column.label],
            total[column.label],
            lost[column.feature] if unseen > 0 else None,
        )
        for column in model.columns
    )
    return replace(
        found,
        n=len(y),
        needed=model.needed,
        controls=tuple(column.label for column in model.controls),
        effects=effects,
        r2=r2,
        unseen_r2=unseen,
        controls_r2=cross_validated(y, model.controls, {}, rng)[0] if model.controls else 0.0,
    )


def _counted(n: int) -> str:
    return f"{n} candidate" if n == 1 else f"{n} candidates"

"""Evaluate a candidate: build, distil, attack, score. The one function a worker runs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from rosearch.attacks.engine import attacked
from rosearch.attacks.result import robustness
from rosearch.distill.train import Validate, train_student
from rosearch.evaluation.context import Context
from rosearch.evaluation.fitness import fitness
from rosearch.models.classifier import Classifier
from rosearch.models.timing import latency_ms, on_cpu
from rosearch.objectives import OBJECTIVES
from rosearch.space.cost import flops, params
from rosearch.space.genotype import Genotype
from rosearch.student.model import StudentForSequenceClassification
from rosearch.tasks.sample import uneven
from rosearch.types import ClassCounts, Fidelity, Job, Robustness, Score


def evaluate(job: Job, context: Context) -> Score:
    """Train a candidate and score it on the validation split; deterministic in its arguments.

    Seconds and latency are measured and so are not. Attacks go to as many validation examples as
    the fidelity says: the same ones for every candidate.
    """
    start = time.perf_counter()
    candidate, fidelity = job.candidate, job.fidelity or context.fidelities[job.rung]
    family = context.lineage
    g = candidate.genotype
    model = train_student(
        g,
        context.train,
        context.distill,
        fidelity,
        candidate.seed,
        validate=validation_loss(g, context),
        checkpoint=context.checkpoint(candidate.id, candidate.seed),
        parent=family.find(candidate.parent) if family and candidate.parent else None,
    )
    if family and job.fidelity is None and fidelity.portion == family.portion:
        family.leave(g, model)
    trained = time.perf_counter()
    student = Classifier.of(model, context.train.tokenizer(g))
    rated = rate(g, student, fidelity, context)
    return Score(
        clean=sum(c.correct for c in rated.classes) / len(context.validation),
        n_clean=len(context.validation),
        attacks=rated.attacks,
        measurements=measurements(model, g, context),
        train_seconds=trained - start,
        attack_seconds=time.perf_counter() - trained,
        fitness=rated.fitness,
        fidelity=fidelity,
        over_suites=context.fitness.over_suites,
        classes=rated.classes,
        metric=context.fitness.metric,
    )


def measurements(
    model: StudentForSequenceClassification, g: Genotype, context: Context
) -> dict[str, float]:
    """What is measured of a trained student besides its answers, by name."""
    found: dict[str, float] = {"params": params(g, context.sizes), "flops": flops(g, context.sizes)}
    for objective in (OBJECTIVES[name] for name in context.objectives if name in OBJECTIVES):
        if objective.measure is not None:
            found[objective.name] = float(objective.measure(model, g, context))
        elif objective.exact is not None:
            found.setdefault(objective.name, objective.exact(g, context.sizes))
    return {**found, "latency_ms": latency_ms(on_cpu(model))}


class Rated(NamedTuple):
    """A trained student on the validation split: clean on all of it, and the rest."""

    classes: tuple[ClassCounts, ...]
    attacks: Mapping[str, Robustness]
    params: int
    fitness: float


def rate(g: Genotype, victim: Classifier, fidelity: Fidelity, context: Context) -> Rated:
    """Measure a student of genotype `g` on the validation split, as the search does."""
    classes = victim.counts(context.validation)
    rows = fidelity.skipped + fidelity.attacked
    split, found = context.validation.sample(rows).after(fidelity.skipped), {}
    for suite in fidelity.attacks:
        attacks = context.attacks(suite, fidelity.max_queries, exact=False)
        results = attacked(attacks, victim, split.texts, split.labels)
        found[suite] = robustness(suite, results, context.validation.labels)
    size = params(g, context.sizes)
    return Rated(classes, found, size, fitness(classes, found, size, context))


def validation_loss(g: Genotype, context: Context) -> Validate:
    """What early stopping of a student of genotype `g` looks at."""
    split = context.validation
    labels = np.asarray(split.labels)
    even = context.distill.sampling == "plain" or not uneven(split.labels)

    def validate(model: StudentForSequenceClassification) -> float:
        found = Classifier.of(model, context.train.tokenizer(g)).probabilities(split.texts)
        losses = -np.log(found[np.arange(len(split)), labels].clip(1e-9))
        parts = [losses] if even else [losses[labels == label] for label in np.unique(labels)]
        return float(np.mean([part.mean() for part in parts]))

    return validate

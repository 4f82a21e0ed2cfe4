"""The final evaluation of one model: trained from scratch, saved, measured on the test split."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from rosearch.attacks.certificates import certified
from rosearch.attacks.engine import attacked
from rosearch.attacks.result import AttackResult, robustness
from rosearch.config import DistillConfig
from rosearch.distill.train import OnBatch, train_student
from rosearch.evaluation.candidate import Rated, rate, validation_loss
from rosearch.evaluation.context import Context
from rosearch.evaluation.held_out import Knowledge
from rosearch.models.calibration import calibration_error
from rosearch.models.classifier import Classifier
from rosearch.models.kept import kept_answers
from rosearch.models.timing import latency_ms, on_cpu
from rosearch.space.genotype import Genotype
from rosearch.student.saving import save_student
from rosearch.types import Final, FinalPlan, learned


@dataclass(frozen=True)
class FinalJob:
    """What to evaluate on the test split: a genotype to train with a seed, or a saved model.

    Attributes:
        folder: where the trained student is saved, or the saved model is read.
        distill: how the student is trained; None is as in the search.
        knows: what its training and the search knew of attacks, saved with the student; None where
            nobody says.
    """

    model: str
    seed: int
    genotype: Genotype | None
    folder: Path
    plan: FinalPlan
    distill: DistillConfig | None = None
    knows: tuple[Knowledge, ...] | None = None


def evaluate_final(
    job: FinalJob, context: Context, on_batch: OnBatch | None = None
) -> tuple[Final, dict[str, list[AttackResult]]]:
    """Train from scratch, save, and evaluate once on the test split.

    Returns:
        The results, and the attacked texts by attack.
    """
    start = time.perf_counter()
    if job.genotype is not None:
        return _measured(job, context, start, *_trained(job.genotype, job, context, on_batch))
    model = context.opened(job.folder)
    with kept_answers(model):  # the teacher's, slow and the same in all runs
        return _measured(job, context, start, model, None)


def _measured(
    job: FinalJob, context: Context, start: float, made: Classifier, rated: Rated | None
) -> tuple[Final, dict[str, list[AttackResult]]]:
    """See `evaluate_final`.

    Args:
        rated: of a student, what the search says of it.
    """
    split, classes = context.test.sample(job.plan.attacked), made.counts(context.test)
    results = {
        name: attacked(context.attacks(name), made, split.texts, split.labels)
        for name in job.plan.attacks
    }
    final = Final(
        model=job.model,
        seed=job.seed,
        genotype=None if job.genotype is None else job.genotype.to_json(),
        params=rated.params if rated else made.params,
        correct=sum(c.correct for c in classes),
        n=len(context.test),
        attacks={
            name: robustness(name, found, context.test.labels) for name, found in results.items()
        },
        latency_ms=latency_ms(on_cpu(made.model)),
        seconds=time.perf_counter() - start,
        fitness=rated.fitness if rated else None,
        classes=classes,
        learned=learned(rated.classes) if rated else True,
        certified=_certified(made, context),
        calibration_error=calibration_error(
            made.probabilities(context.test.texts), context.test.labels
        ),
    )
    return final, results


def _certified(model: Classifier, context: Context) -> dict[str, int]:
    """What is certain of the test texts, under the lexicons of the attacks."""
    split, tables = context.test, context.attack_resources.lexicons
    return certified(model, split.texts, split.labels, tables)


def _trained(
    g: Genotype, job: FinalJob, context: Context, on_batch: OnBatch | None
) -> tuple[Classifier, Rated]:
    """The student of a final job, trained and saved, and what the search says of it.

    One that the race after the search has trained is not trained again.
    """
    raced = context.checkpoint(g.hash, job.seed)
    model = train_student(
        g,
        context.train,
        job.distill or context.distill,
        job.plan.training,
        job.seed,
        on_batch=on_batch,
        validate=validation_loss(g, context),
        checkpoint=raced if raced and raced.exists() else None,
    )
    student = Classifier.of(model, context.train.tokenizer(g))
    rated = rate(g, student, job.plan.training, context)
    if job.knows is not None:
        model.config.known_attacks = [known.to_json() for known in job.knows]
    save_student(model, student.tokenizer, job.folder)
    return student, rated

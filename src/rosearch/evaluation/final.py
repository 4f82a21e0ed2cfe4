"""The final evaluation of one model: trained from scratch, saved, measured on the test split."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rosearch.attacks.engine import AttackResult
from rosearch.config.sections import DistillConfig
from rosearch.distill.train import OnBatch, train_student
from rosearch.evaluation.candidate import attack_split, count_correct, rate, validation_loss
from rosearch.evaluation.context import Context
from rosearch.models.load import load_classifier
from rosearch.models.timing import latency_ms, on_cpu
from rosearch.models.victim import ModelVictim, Victim
from rosearch.space.genotype import Genotype
from rosearch.student.saving import save_student
from rosearch.types import Fidelity, Final


class Opened(NamedTuple):
    """A model that is ready to be evaluated.

    Attributes:
        model: called with `input_ids` and `attention_mask`, to be timed.
    """

    model: Any
    victim: Victim
    params: int
    fitness: float | None = None


def open_classifier(folder: Path) -> Opened:
    """A saved Hugging Face classifier."""
    model, tokenizer = load_classifier(folder)
    size = sum(p.numel() for p in model.parameters())
    return Opened(model, ModelVictim(model, tokenizer), size)


@dataclass(frozen=True)
class FinalJob:
    """What to evaluate on the test split: a genotype to train with a seed, or a saved model.

    Attributes:
        folder: where the trained student is saved, or the saved model is read.
        distill: how the student is trained; None is as in the search.
        opened: loads a saved model.
    """

    model: str
    seed: int
    genotype: Genotype | None
    folder: Path
    fidelity: Fidelity
    attacks: tuple[str, ...]
    attacked: int
    distill: DistillConfig | None = None
    opened: Callable[[Path], Opened] = open_classifier


def evaluate_final(
    job: FinalJob, context: Context, on_batch: OnBatch | None = None
) -> tuple[Final, dict[str, list[AttackResult]]]:
    """Train from scratch, save, and evaluate once on the test split.

    Returns:
        The results, and the attacked texts by attack.
    """
    start = time.perf_counter()
    made = job.opened(job.folder) if job.genotype is None else _trained(job, context, on_batch)
    attacked = {
        name: attack_split(name, context.attacks(name), made.victim, context.test, job.attacked)
        for name in job.attacks
    }
    final = Final(
        model=job.model,
        seed=job.seed,
        genotype=None if job.genotype is None else job.genotype.to_json(),
        params=made.params,
        correct=count_correct(made.victim, context.test),
        n=len(context.test),
        attacks={name: counts for name, (counts, _) in attacked.items()},
        latency_ms=latency_ms(on_cpu(made.model)),
        seconds=time.perf_counter() - start,
        fitness=made.fitness,
    )
    return final, {name: results for name, (_, results) in attacked.items()}


def _trained(job: FinalJob, context: Context, on_batch: OnBatch | None) -> Opened:
    """The student of a final job, trained and saved, with its fitness on the validation split."""
    assert job.genotype is not None
    g, validate = job.genotype, validation_loss(job.genotype, context)
    model = train_student(
        g,
        context.train,
        job.distill or context.distill,
        job.fidelity,
        job.seed,
        on_batch=on_batch,
        validate=validate,
    )
    tokenizer = context.train.read_by(g).tokenizer()
    victim = ModelVictim(model, tokenizer)
    rated = rate(g, victim, job.fidelity, context)
    save_student(model, tokenizer, job.folder)
    return Opened(model, victim, rated.params, rated.fitness)

"""Evaluate a candidate: build, distil, attack, score. The one function a worker runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from rosearch.attacks.attack import AnyAttack
from rosearch.attacks.engine import AttackResult, robustness, run_suite
from rosearch.attacks.kit import Kit
from rosearch.attacks.methods import load_attacks
from rosearch.attacks.text import segment
from rosearch.attacks.victim import ModelVictim, Victim
from rosearch.config import DistillConfig, FitnessConfig
from rosearch.distill.data import EncodedTrain
from rosearch.distill.inherit import Ancestor, Lineage
from rosearch.distill.train import OnBatch, train_student
from rosearch.space.cost import Sizes, compression, efficiency, flops, params
from rosearch.space.genotype import Genotype
from rosearch.store import Final
from rosearch.student.model import StudentForSequenceClassification
from rosearch.student.saving import save_student
from rosearch.tasks import Split
from rosearch.teacher.fit import load_classifier
from rosearch.teacher.outputs import TeacherOutputs
from rosearch.types import Candidate, Fidelity, Robustness, Score

LATENCY_TOKENS = 32
LATENCY_RUNS = 15


@dataclass(frozen=True)
class Context:
    """Everything that evaluations share, made once per run and sent to each worker once.

    Attributes:
        validation, test: the splits that scores and final results are measured on.
        train_labels: (train examples,).
        targets: (train examples, C) teacher logits.
        encoded: encoding key -> the train split under it.
        kit: what the attacks read on validation and test texts.
        teacher_accuracy: clean accuracy of the teacher on the validation split.
        checkpoints: folder of unfinished trainings; None keeps none.
        outputs: the teacher's layers, where students are matched with them.
        lineage: where candidates of the search inherit weights from; None lets none inherit.
    """

    label_names: tuple[str, ...]
    validation: Split
    test: Split
    train_labels: tuple[int, ...]
    targets: np.ndarray
    encoded: Mapping[str, EncodedTrain]
    kit: Kit
    teacher_params: int
    teacher_accuracy: float
    distill: DistillConfig
    fitness: FitnessConfig
    checkpoints: Path | None = None
    outputs: TeacherOutputs | None = None
    lineage: Lineage | None = None

    @property
    def sizes(self) -> Sizes:
        """What the cost of a genotype depends on besides the genotype."""
        rows = {name: data.vocabulary.n_rows for name, data in self.encoded.items()}
        trimmed = {name: data.vocabulary.trimmed_rows for name, data in self.encoded.items()}
        return Sizes(rows, len(self.label_names), LATENCY_TOKENS, trimmed=trimmed)

    def attacks(
        self, suite: str, max_queries: int | None = None, exact: bool = True
    ) -> tuple[AnyAttack, ...]:
        """The attacks of a suite, on validation and test texts."""
        return load_attacks(suite, self.kit, max_queries=max_queries, exact=exact)


def evaluate(candidate: Candidate, fidelity: Fidelity, context: Context) -> Score:
    """Train a candidate and score it on the validation split; deterministic in its arguments.

    Seconds and latency are measured and so are not. Attacks go to the first `fidelity.attacked`
    validation examples: the same ones for every candidate.
    """
    start = time.perf_counter()
    kept, family = context.checkpoints, context.lineage
    model = fit(
        candidate.genotype,
        fidelity,
        context,
        candidate.seed,
        checkpoint=None if kept is None else kept / f"{candidate.id}-{candidate.seed}.safetensors",
        parent=family.find(candidate.parent) if family and candidate.parent else None,
    )
    if family and fidelity.portion == family.portion:
        family.leave(candidate.genotype, model)
    trained = time.perf_counter()
    victim = ModelVictim(model, context.encoded[candidate.genotype.encoding_key].tokenizer())
    rated = rate(candidate.genotype, victim, fidelity, context)
    counts = rated.counts
    return Score(
        clean=rated.clean,
        n_clean=len(context.validation),
        after_attack=counts.after_attack,
        attack_success_rate=counts.success_rate,
        attacked=counts.n,
        params=rated.params,
        flops=flops(candidate.genotype, context.sizes),
        latency_ms=latency_ms(on_cpu(model)),
        queries=counts.queries,
        train_seconds=trained - start,
        attack_seconds=time.perf_counter() - trained,
        fitness=rated.fitness,
        fidelity=fidelity,
    )


class Rated(NamedTuple):
    """A trained student on the validation split: clean accuracy on all of it, and the rest."""

    clean: float
    counts: Robustness
    params: int
    fitness: float


def rate(g: Genotype, victim: Victim, fidelity: Fidelity, context: Context) -> Rated:
    """Measure a student of genotype `g` on the validation split, as the search does."""
    clean = count_correct(victim, context.validation) / len(context.validation)
    attacks = context.attacks(fidelity.attack, fidelity.max_queries, exact=False)
    counts, _ = attack_split(
        fidelity.attack, attacks, victim, context.validation, fidelity.attacked
    )
    size = params(g, context.sizes)
    return Rated(clean, counts, size, fitness(clean, counts, size, context))


def fitness(clean: float, counts: Robustness, size: int, context: Context) -> float:
    """Robustness-, accuracy- and efficiency-aware fitness, to be maximised.

    `w_r * robustness / (clean accuracy) + w_a * accuracy / (teacher accuracy) + w_e * efficiency`.
    The paper names such a metric without giving it (arXiv 2106.03613, abstract): form and weights
    are ours. A further term, off with `shortfall = 0`, charges an accuracy below `min_accuracy` of
    the teacher's, since a student that always says the same is the most robust of all.
    """
    w = context.fitness
    accuracy = clean / context.teacher_accuracy
    kept = counts.after_attack / counts.clean if counts.correct else 0.0
    small = efficiency(compression(context.teacher_params, size), w.target_compression)
    missing = max(0.0, w.min_accuracy - accuracy)
    gain = w.robustness * kept + w.accuracy * accuracy + w.efficiency * small
    return gain - w.shortfall * missing


def fit(
    g: Genotype,
    fidelity: Fidelity,
    context: Context,
    seed: int,
    on_batch: OnBatch | None = None,
    checkpoint: Path | None = None,
    parent: Ancestor | None = None,
) -> StudentForSequenceClassification:
    """A student of genotype `g`, distilled from scratch, or from its own checkpoint on."""
    data = context.encoded[g.encoding_key]

    def validate(model: Any) -> float:
        victim = ModelVictim(model, data.tokenizer())
        right = _probabilities(victim, context.validation)[
            np.arange(len(context.validation)), context.validation.labels
        ]
        return float(-np.log(right.clip(1e-9)).mean())

    return train_student(
        g,
        data,
        context.train_labels,
        context.targets,
        context.label_names,
        context.distill,
        fidelity,
        seed,
        context.teacher_params,
        on_batch,
        validate,
        checkpoint,
        context.outputs,
        parent,
    )


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
    if job.distill is not None:
        context = replace(context, distill=job.distill)
    model = fit(job.genotype, job.fidelity, context, job.seed, on_batch)
    tokenizer = context.encoded[job.genotype.encoding_key].tokenizer()
    victim = ModelVictim(model, tokenizer)
    rated = rate(job.genotype, victim, job.fidelity, context)
    save_student(model, tokenizer, job.folder)
    return Opened(model, victim, rated.params, rated.fitness)


def count_correct(victim: Victim, split: Split) -> int:
    """How many examples of a split a model gets right."""
    return int((_probabilities(victim, split).argmax(1) == np.asarray(split.labels)).sum())


def _probabilities(victim: Victim, split: Split) -> np.ndarray:
    return victim.probabilities([segment(text) for text in split.texts])


def attack_split(
    name: str, attacks: Sequence[AnyAttack], victim: Victim, split: Split, n: int
) -> tuple[Robustness, list[AttackResult]]:
    """Attack the first `n` examples of a split with a suite of that name."""
    results = run_suite(attacks, victim, split.texts[:n], split.labels[:n])
    return robustness(name, results), results


def on_cpu(model: Any) -> Any:
    """A torch module, moved to the CPU; an ONNX graph, which runs there anyway."""
    return model.cpu() if isinstance(model, torch.nn.Module) else model


def latency_ms(model: Any) -> float:
    """Median milliseconds of a batch-1 forward pass of 32 tokens on one thread."""
    ids = torch.ones((1, LATENCY_TOKENS), dtype=torch.long)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times = []
    try:
        with torch.inference_mode():
            for _ in range(LATENCY_RUNS):
                start = time.perf_counter()
                model(input_ids=ids, attention_mask=torch.ones_like(ids))
                times.append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
    return 1000 * float(np.median(times))

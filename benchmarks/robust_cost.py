"""What each robust method costs: milliseconds per training step, and how many times a plain one.

    python benchmarks/robust_cost.py --json robust_cost.json

Sentences of `mr`, batches of 32, WordNet's synonyms. Time is the processor's, on one thread: on a
quiet machine the same as the clock's. All methods of a student take turns, some steps each on the
same batches, so that a busy moment of the machine meets them all; the figure is the median over the
turns.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import commit

from rosearch.attacks.constraints.words import not_a_stop_word
from rosearch.attacks.lexicon import cached_table, vocabulary_of
from rosearch.config import DistillConfig
from rosearch.distill.data import EncodedTrain, TrainData, encode_train
from rosearch.distill.defences.characters import misspellings
from rosearch.distill.defences.substitution import substitutes
from rosearch.distill.train import Training
from rosearch.encodings.vocabulary import plain_vocabulary, student_tokenizer, tokenizer_settings
from rosearch.io import resources
from rosearch.models.load import load_classifier
from rosearch.results.summary import machine, versions
from rosearch.space.presets import preset
from rosearch.student.build import build_student, principal_embedding
from rosearch.tasks import Task, load_task
from rosearch.types import Fidelity

STUDENTS = ("textcnn", "bilstm", "transformer1")
PLAIN = DistillConfig().plain()
FIRST_ORDER = replace(PLAIN, substitution=0.6, substitution_choice="first-order")
METHODS = {
    "none": PLAIN,
    "substitution": replace(PLAIN, substitution=0.3),
    "first-order": FIRST_ORDER,
    "characters": replace(PLAIN, characters=0.3),
    "fgsm": replace(PLAIN, adversarial="fgsm"),
    "pgd-3": replace(PLAIN, adversarial="pgd", adversarial_steps=3),
    "freelb-3": replace(PLAIN, adversarial="freelb", adversarial_steps=3),
    "first-order + characters": replace(FIRST_ORDER, characters=0.3),
    "first-order, clean weight 0.3": replace(FIRST_ORDER, clean_weight=0.3),
}
TEXTS = 2000
MAX_LENGTH = 128


def train_data(task: Task) -> EncodedTrain:
    """Train sentences under the plain encoding, ready for every method."""
    model, tokenizer = load_classifier(resources.fetch("minilm"), classes=2)
    texts = task.train.texts[:TEXTS]
    vocabulary = plain_vocabulary(tokenizer)
    student = student_tokenizer(tokenizer, vocabulary)
    words = {w for w in vocabulary_of(texts) if not_a_stop_word(w)}
    lexicon = cached_table("wordnet", words, resources.cache_dir() / "lexicons")
    table = model.get_input_embeddings().weight.detach().numpy()
    return encode_train(
        vocabulary,
        student,
        tokenizer_settings(student),
        texts,
        principal_embedding(table, vocabulary)[:, :128],
        MAX_LENGTH,
        [substitutes(vocabulary, lexicon), misspellings(student, texts, MAX_LENGTH, 0)],
    )


def costs(student: str, data: EncodedTrain, task: Task, turns: int, steps: int) -> dict[str, float]:
    """Median milliseconds per step of every method, for one student."""
    labels = task.train.labels[:TEXTS]
    targets = np.eye(len(task.label_names))[list(labels)] * 4 - 2
    fidelity = Fidelity(1 + (turns + 1) * steps * PLAIN.batch_size // TEXTS, 1.0, 0, ())
    trainings, g = {}, preset(student)
    train = TrainData({g.encoding_key: data}, labels, targets, task.label_names, 1)
    for name, config in METHODS.items():
        model = build_student(g, data.vocabulary, task.label_names, 0, data.embedding)
        trainings[name] = Training(model, g, train, config, fidelity, 0)
    taken: dict[str, list[float]] = {name: [] for name in METHODS}
    names = list(METHODS)
    for turn in range(turns + 1):
        first = turn % len(names)  # whoever follows an expensive one finds cold caches
        for name in names[first:] + names[:first]:
            training = trainings[name]
            portion = (turn + 1) * steps / training.schedule.steps
            part = replace(fidelity, portion=portion)
            training.schedule = replace(training.schedule, fidelity=part)
            start = time.process_time()
            training.run()
            if turn:  # the first one warms up
                taken[name].append(1000 * (time.process_time() - start) / steps)
    return {name: float(np.median(times)) for name, times in taken.items()}


def table(result: dict[str, dict[str, float]]) -> str:
    """Milliseconds, and times a plain step."""
    lines = [f"{'ms per step (x none)':<32}" + "".join(f"{name:>20}" for name in result)]
    for method in METHODS:
        cells = [f"{ms[method]:.1f} ({ms[method] / ms['none']:.2f} x)" for ms in result.values()]
        lines.append(f"{method:<32}" + "".join(f"{cell:>20}" for cell in cells))
    return "\n".join(lines)


def main() -> None:
    """Run all, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the result")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--steps", type=int, default=15, help="of each method in a turn")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    task = load_task("mr")
    data = train_data(task)
    with torch.random.fork_rng(devices=[]):
        ms = {s: costs(s, data, task, arguments.turns, arguments.steps) for s in STUDENTS}
    print(table(ms))
    if arguments.json:
        result: dict[str, Any] = {
            "commit": commit(),
            "seed": 0,
            "machine": machine(),
            "versions": versions(),
            "ms_per_step": ms,
            "times_none": {
                student: {name: t / times["none"] for name, t in times.items()}
                for student, times in ms.items()
            },
        }
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

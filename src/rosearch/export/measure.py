"""What is measured of an exported model: parity, accuracy, robustness, latency.

Shapes: B batch, T tokens, C classes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from rosearch.attacks.attack_resources import AttackResources
from rosearch.attacks.engine import attacked
from rosearch.attacks.methods import load_attacks
from rosearch.attacks.result import robustness
from rosearch.export.onnx_model import second_half
from rosearch.models.classifier import Classifier
from rosearch.models.network import Tokenizer
from rosearch.models.onnx import TYPES
from rosearch.results.entries import attack_entry, to_json
from rosearch.tasks import Split
from rosearch.types import Interval, Json, Robustness, Text, parts, wilson

K = TypeVar("K")
TOKENS = 32  # of the texts whose latency is measured
BATCHES = (1, 32)
ROUNDS = 7
BURST_SECONDS = 0.02


@dataclass(frozen=True)
class Parity:
    """The exported model against the original one, on the same texts.

    Attributes:
        difference: largest absolute difference of a probability.
        agreement: share of the texts with the same label.
    """

    n: int
    difference: float
    agreement: float


@dataclass(frozen=True)
class Quality:
    """Accuracy and robustness of one file on the task's test split.

    Attributes:
        name: `float` or `int8`.
        correct, n: clean results.
        attacks: attack name -> counts on the first texts of the split.
    """

    name: str
    correct: int
    n: int
    attacks: Mapping[str, Robustness]

    @property
    def clean(self) -> float:
        """Clean accuracy."""
        return self.correct / self.n

    @property
    def interval(self) -> Interval:
        """Interval of the clean accuracy."""
        return wilson(self.correct, self.n)

    def to_json(self) -> Json:
        """Shares with intervals, JSON-ready."""
        return {
            "model": self.name,
            "clean": round(self.clean, 4),
            "clean_interval": [round(self.interval.low, 4), round(self.interval.high, 4)],
            "n_clean": self.n,
            "attacks": {k: to_json(attack_entry([counts])) for k, counts in self.attacks.items()},
        }


@dataclass(frozen=True)
class Latency:
    """Median milliseconds of one forward pass, one thread.

    Attributes:
        who: `student` (the exported model) or `teacher`.
        form: `hf` is torch, `onnx` and `int8` are onnxruntime.
    """

    who: str
    form: str
    batch: int
    ms: float

    @property
    def texts_per_second(self) -> float:
        """Throughput."""
        return 1000 * self.batch / self.ms


def parity(original: np.ndarray, exported: np.ndarray) -> Parity:
    """Compare probabilities (texts, C); a difference that is no number counts as infinite."""
    difference = float(np.abs(original - exported).max())
    agreement = float((original.argmax(1) == exported.argmax(1)).mean())
    return Parity(len(original), difference if np.isfinite(difference) else np.inf, agreement)


def quality(
    name: str,
    victim: Classifier,
    answers: np.ndarray,
    split: Split,
    attacks: Sequence[str],
    resources: AttackResources,
    n: int,
) -> Quality:
    """Accuracy on the texts that were answered, and robustness on the first `n` of the split.

    Args:
        answers: probabilities (texts, C) of the first texts of the split.
        split: with the labels as the model numbers them.
        attacks: names of attacks or suites, `resources` is what they read.
    """
    correct = int((answers.argmax(1) == np.asarray(split.labels[: len(answers)])).sum())
    first, counts = split.first(n), {}
    for suite in attacks:
        title = f"attacking the {name} model with {suite}"
        loaded = load_attacks(suite, resources)
        results = attacked(loaded, victim, first.texts, first.labels, title=title)
        counts[suite] = robustness(suite, results)
    return Quality(name, correct, len(answers), counts)


def latencies(
    loaded: Mapping[tuple[str, str], Classifier], texts: Sequence[Text], rounds: int = ROUNDS
) -> list[Latency]:
    """Latency of several classifiers, at batch 1 and 32, 32 tokens of the texts.

    Of pairs, 32 tokens are both texts together; a model that tells them apart by token types is
    given such types.

    Args:
        loaded: (who, form) -> classifier.
    """
    found = []
    types = {key: classifier.reads_types(texts[0]) for key, classifier in loaded.items()}
    for batch in BATCHES:
        runs = {
            key: forward(classifier, rows_of_tokens(classifier.tokenizer, texts, batch), types[key])
            for key, classifier in loaded.items()
        }
        medians = interleaved_ms(runs, rounds)
        found += [Latency(who, form, batch, ms) for (who, form), ms in medians.items()]
    return found


def forward(classifier: Classifier, ids: Tensor, types: bool = False) -> Callable[[], object]:
    """A forward pass of token ids (B, T) without padding, to be timed.

    Args:
        types: whether token types are given, half of them 1.
    """
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if types:
        inputs[TYPES] = second_half(ids).contiguous()

    def run() -> object:
        with torch.inference_mode():
            return classifier.model(**inputs).logits

    return run


def rows_of_tokens(tokenizer: Tokenizer, texts: Sequence[Text], rows: int) -> Tensor:
    """Ids (rows, TOKENS) cut from the joined texts, from the start again when they are used up."""
    single = [part for text in texts for part in parts(text)]
    flow = [i for ids in tokenizer(single, add_special_tokens=False)["input_ids"] for i in ids]
    return torch.tensor(list(islice(cycle(flow), rows * TOKENS))).view(rows, TOKENS)


def interleaved_ms(runs: Mapping[K, Callable[[], object]], rounds: int = ROUNDS) -> dict[K, float]:
    """Median milliseconds of calls that take turns: other work on the machine meets all alike.

    A turn is a burst, its first call untimed: a model that answers text after text has its weights
    in the processor's cache, and must not find there those of the one before it.
    """
    times: dict[K, list[float]] = {key: [] for key in runs}
    for _ in range(rounds):
        for key, run in runs.items():
            run()
            end = time.perf_counter() + BURST_SECONDS
            while True:
                start = time.perf_counter()
                run()
                times[key].append(time.perf_counter() - start)
                if time.perf_counter() > end:
                    break
    return {key: 1000 * float(np.median(taken)) for key, taken in times.items()}

"""How long a forward pass takes, and the passes that are timed. Shapes: B batch, T tokens."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from rosearch.io.threads import one_thread
from rosearch.models.batches import second_half
from rosearch.models.classifier import Classifier
from rosearch.models.network import Network, Tokenizer
from rosearch.models.onnx import TYPES
from rosearch.models.padding import ended
from rosearch.space.cost import LATENCY_TOKENS
from rosearch.types import Text, parts

LATENCY_RUNS = 15
BATCHES = (1, 32)
ROUNDS = 7
BURST_SECONDS = 0.02
K = TypeVar("K")


def on_cpu(model: Network) -> Network:
    """A torch module, moved to the CPU; an ONNX graph, which runs there anyway."""
    return model.cpu() if isinstance(model, torch.nn.Module) else model


def median_ms(run: Callable[[], object], runs: int = 11, warm_up: int = 3) -> float:
    """Median milliseconds of a call; the first ones are not counted."""
    times = []
    for _ in range(warm_up + runs):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times[warm_up:]))


def latency_ms(model: Network) -> float:
    """Median milliseconds of a batch-1 forward pass of 32 tokens on one thread."""
    ids = ended(torch.ones((1, LATENCY_TOKENS), dtype=torch.long), model)
    mask = torch.ones_like(ids)
    with one_thread(), torch.inference_mode():
        return median_ms(lambda: model(input_ids=ids, attention_mask=mask), LATENCY_RUNS, 0)


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
    ids = ended(ids, classifier.model)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if types:
        inputs[TYPES] = second_half(ids).contiguous()

    def run() -> object:
        with torch.inference_mode():
            return classifier.model(**inputs).logits

    return run


def rows_of_tokens(tokenizer: Tokenizer, texts: Sequence[Text], rows: int) -> Tensor:
    """Ids (rows, 32) cut from the joined texts, from the start again when they are used up."""
    single = [part for text in texts for part in parts(text)]
    flow = [i for ids in tokenizer(single, add_special_tokens=False)["input_ids"] for i in ids]
    return torch.tensor(list(islice(cycle(flow), rows * LATENCY_TOKENS))).view(rows, LATENCY_TOKENS)


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

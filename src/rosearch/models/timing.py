"""How long a forward pass takes."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from rosearch.models.device import one_thread
from rosearch.space.cost import LATENCY_TOKENS

LATENCY_RUNS = 15


def on_cpu(model: Any) -> Any:
    """A torch module, moved to the CPU; an ONNX graph, which runs there anyway."""
    return model.cpu() if isinstance(model, torch.nn.Module) else model


def latency_ms(model: Any) -> float:
    """Median milliseconds of a batch-1 forward pass of 32 tokens on one thread."""
    ids = torch.ones((1, LATENCY_TOKENS), dtype=torch.long)
    times = []
    with one_thread(), torch.inference_mode():
        for _ in range(LATENCY_RUNS):
            start = time.perf_counter()
            model(input_ids=ids, attention_mask=torch.ones_like(ids))
            times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))

"""The optimiser of a student: AdamW, and for the embedding an Adam that moves the rows read.

Of 30,522 rows a batch reads some hundreds. AdamW moves all of them in every step, most by nothing
but old momentum; that is a fifth of a small student's training time.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rosearch.config import DistillConfig

LARGEST_GRADIENT = 1.0


class Optimiser:
    """AdamW for the network, `torch.optim.SparseAdam` for the embedding.

    Departures from AdamW on everything: rows that no batch reads stay as they are, the embedding
    has no weight decay, and its gradient plays no part in the clipping (Adam is blind to its size).

    Args:
        more: trained together with the student, and left behind with it.
    """

    def __init__(
        self,
        model: nn.Module,
        table: nn.Embedding,
        config: DistillConfig,
        more: nn.Module | None = None,
    ) -> None:
        table.sparse = True
        self.table = table.weight
        modules = nn.ModuleDict({"model": model, **({} if more is None else {"more": more})})
        self.names: dict[Tensor, str] = {p: name for name, p in modules.named_parameters()}
        self.others = [p for p in self.names if p is not table.weight]
        rate = config.learning_rate
        decay = config.weight_decay
        self.parts = (
            torch.optim.AdamW(self.others, lr=rate, weight_decay=decay, fused=True),
            torch.optim.SparseAdam([table.weight], lr=rate),
        )
        self.rate = rate

    def step(self, factor: float) -> None:
        """One step at `factor` of the learning rate; gradients are cleared."""
        torch.nn.utils.clip_grad_norm_(self.others, LARGEST_GRADIENT)
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = factor * self.rate
            part.step()
            part.zero_grad()

    def tensors(self) -> dict[str, Tensor]:
        """Its state: moments and steps by parameter; what `load` takes."""
        return {
            f"{self.names[parameter]}:{key}": torch.as_tensor(value)
            for part in self.parts
            for parameter, state in part.state.items()
            for key, value in state.items()
        }

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        dense, sparse = self.parts
        for parameter, name in self.names.items():
            begin = f"{name}:"
            state = {
                key.removeprefix(begin): value.to(parameter.device, copy=True)
                for key, value in tensors.items()
                if key.startswith(begin)
            }
            if parameter is not self.table:
                dense.state[parameter] = state
            elif state:  # SparseAdam counts its steps in Python, AdamW in a tensor
                sparse.state[parameter] = {**state, "step": int(state["step"])}

"""The optimiser of a student: AdamW, and for its table of tokens an Adam that moves the rows read.

Of 30,522 rows a batch reads some hundreds. AdamW moves all of them in every step, most by nothing
but old momentum; that is a fifth of a small student's training time.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rosearch.config import DistillConfig
from rosearch.distill import votes
from rosearch.student.model import StudentForSequenceClassification

LARGEST_GRADIENT = 1.0


class Optimiser:
    """AdamW for the network, `torch.optim.SparseAdam` for the embedding or the votes.

    Departures from AdamW on everything: rows that no batch reads stay as they are, the table has
    no weight decay, and its gradient plays no part in the clipping.

    Args:
        more: trained together with the student, and left behind with it.
    """

    def __init__(
        self,
        model: StudentForSequenceClassification,
        config: DistillConfig,
        more: nn.Module | None = None,
    ) -> None:
        model.table.sparse = True
        self.table = model.table.weight
        modules = nn.ModuleDict({"model": model, **({} if more is None else {"more": more})})
        self.names: dict[Tensor, str] = {p: name for name, p in modules.named_parameters()}
        self.others = [p for p in self.names if p is not self.table]
        rate, decay = config.learning_rate, config.weight_decay
        times, epsilon = (1.0, 1e-8) if model.votes is None else (votes.RATE, votes.EPSILON)
        self.parts = (
            torch.optim.AdamW(self.others, lr=rate, weight_decay=decay, fused=True),
            torch.optim.SparseAdam([self.table], lr=rate * times, eps=epsilon),
        )
        self.rates = [[group["lr"] for group in part.param_groups] for part in self.parts]

    def step(self, factor: float) -> None:
        """One step at `factor` of the learning rate; gradients are cleared."""
        torch.nn.utils.clip_grad_norm_(self.others, LARGEST_GRADIENT)
        for part, rates in zip(self.parts, self.rates, strict=True):
            for group, rate in zip(part.param_groups, rates, strict=True):
                group["lr"] = factor * rate
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

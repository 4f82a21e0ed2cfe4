"""Early stopping on the validation loss (Prechelt 1998)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from rosearch.student.model import StudentForSequenceClassification


class EarlyStopping:
    """Stops when the loss has not fallen for `patience` epochs, and brings the best weights back.

    Args:
        patience: 0 never stops and asks for no loss.
        validate: loss of a model on the validation split.
    """

    def __init__(
        self, patience: int, validate: Callable[[StudentForSequenceClassification], float] | None
    ) -> None:
        self.validate = validate if patience else None
        self.patience = patience
        self.losses: list[float] = []
        self.best: dict[str, Tensor] = {}

    def stop(self, model: StudentForSequenceClassification) -> bool:
        """Whether to stop after this epoch."""
        if self.validate is None:
            return False
        loss = self.validate(model)
        if loss < min(self.losses, default=math.inf):
            self.best = {name: t.detach().clone() for name, t in model.state_dict().items()}
        self.losses.append(loss)
        return len(self.losses) - 1 - self.losses.index(min(self.losses)) >= self.patience

    def restore(self, model: StudentForSequenceClassification) -> None:
        """Give the model the weights of the best epoch, if one was rated."""
        if self.best:
            model.load_state_dict(self.best)

    def tensors(self) -> dict[str, Tensor]:
        """Its state, for a checkpoint."""
        return {"losses": torch.tensor(self.losses, dtype=torch.float64), **self.best}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self.losses = tensors["losses"].tolist()
        self.best = {name: tensor for name, tensor in tensors.items() if name != "losses"}

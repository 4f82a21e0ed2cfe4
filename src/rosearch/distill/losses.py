"""Distillation losses. Shapes: B batch, C classes."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def soft_cross_entropy(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Cross-entropy (B,) to the teacher's softened distribution, times T squared.

    The factor keeps the size of the gradients independent of T (Hinton et al. 2015, section 2).

    Args:
        student, teacher: logits (B, C).
    """
    log_q = F.log_softmax(student / temperature, dim=-1)
    p = F.softmax(teacher / temperature, dim=-1)
    return -(p * log_q).sum(-1) * temperature**2


def distillation(
    student: Tensor, teacher: Tensor, labels: Tensor, temperature: float, soft_weight: float
) -> Tensor:
    """Soft targets and hard labels, weighed, (B,) (Hinton et al. 2015, section 2).

    Args:
        student, teacher: logits (B, C).
        labels: (B,) class indices.
        soft_weight: weight of the soft targets in [0, 1]; the hard labels get the rest.
    """
    soft = soft_cross_entropy(student, teacher, temperature)
    return soft_weight * soft + (1 - soft_weight) * F.cross_entropy(
        student, labels, reduction="none"
    )

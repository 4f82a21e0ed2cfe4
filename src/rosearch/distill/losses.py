"""Distillation losses, one value per example, so that a method can weigh examples.

Shapes: B batch, C classes, T tokens, D width, H heads. Masks (B, T) are true or 1 at real tokens.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def soft_cross_entropy(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Cross-entropy to the teacher's softened distribution, times T squared, (B,).

    The factor keeps the size of the gradients independent of T (Hinton et al. 2015, section 2).

    Args:
        student, teacher: logits (B, C).
    """
    log_q = F.log_softmax(student / temperature, dim=-1)
    p = F.softmax(teacher / temperature, dim=-1)
    return -(p * log_q).sum(-1) * temperature**2


def hard_label(student: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy to the labels, (B,).

    Args:
        student: logits (B, C).
        labels: (B,) class indices.
    """
    return F.cross_entropy(student, labels, reduction="none")


def soft_and_hard(
    student: Tensor, teacher: Tensor, labels: Tensor, temperature: float, soft_weight: float
) -> Tensor:
    """Soft targets and hard labels, weighed, (B,) (Hinton et al. 2015, section 2).

    Args:
        student, teacher: logits (B, C).
        labels: (B,) class indices.
        soft_weight: weight of the soft targets in [0, 1]; the hard labels get the rest.
    """
    soft = soft_cross_entropy(student, teacher, temperature)
    return soft_weight * soft + (1 - soft_weight) * hard_label(student, labels)


def logit_mse(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared error of the logits over the classes, (B,) (Tang et al. 2019, section 3.2).

    Departure: the paper's formula sums over the classes, which is C times as much.

    Args:
        student, teacher: logits (B, C).
    """
    return (student - teacher).square().mean(-1)


def patient_hidden(student: Tensor, teacher: Tensor) -> Tensor:
    """Squared distance of first-token states scaled to length 1, (B,), in [0, 4].

    Patient knowledge distillation (Sun et al. 2019, section 3.2, equation 7), of one pair of
    layers.

    Args:
        student, teacher: states (B, D) of the first token.
    """
    return (F.normalize(student, dim=-1) - F.normalize(teacher, dim=-1)).square().sum(-1)


def hidden_mse(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error of states over real tokens and dimensions, (B,).

    TinyBERT's loss of hidden states and of embeddings (Jiao et al. 2020, section 3.1, equations 8
    and 9), after the student's states went through the learned map.

    Args:
        student, teacher: states (B, T, D).
        mask: (B, T).
    """
    return _token_mean((student - teacher).square().mean(-1), mask)


def hidden_cosine(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """One less the cosine of states, mean over real tokens, (B,) (Sanh et al. 2019, section 3).

    Args:
        student, teacher: states (B, T, D).
        mask: (B, T).
    """
    return _token_mean(1 - F.cosine_similarity(student, teacher, dim=-1), mask)


def attention_mse(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error of attention maps over heads and pairs of real tokens, (B,).

    TinyBERT's loss of attention (Jiao et al. 2020, section 3.1, equation 7). Departure: the maps
    are those after the softmax, which are what models give; the paper takes the scores before it.

    Args:
        student, teacher: maps (B, H, T, T): weights that a token gives to all tokens.
        mask: (B, T).
    """
    return _pair_mean((student - teacher).square().mean(1), mask)


def attention_kl(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """KL divergence of the student's attention from the teacher's, mean over heads and real tokens.

    Per example, (B,). MobileBERT's attention transfer (Sun et al. 2020, section 3.4) and MiniLM's
    (Wang et al. 2020, section 3.1, equation 4).

    Args:
        student, teacher: maps (B, H, T, T): weights that a token gives to all tokens.
        mask: (B, T).
    """
    real = mask.to(student.dtype)[:, None, None, :]  # weights of padding are 0 or tiny
    log_ratio = teacher.clamp_min(TINY).log() - student.clamp_min(TINY).log()
    return _token_mean((teacher * log_ratio * real).sum(-1).mean(1), mask)


TINY = 1e-8  # least weight in a logarithm; float16 stores nothing below 6e-8


def _token_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean (B,) of values (B, T) over real tokens."""
    real = mask.to(values.dtype)
    return (values * real).sum(1) / real.sum(1).clamp_min(1)


def _pair_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean (B,) of values (B, T, T) over pairs of real tokens."""
    real = mask.to(values.dtype)
    both = real[:, :, None] * real[:, None, :]
    return (values * both).sum((1, 2)) / both.sum((1, 2)).clamp_min(1)

"""Each loss against a value computed by hand, one value per example."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from rosearch.distill import losses
from rosearch.distill.losses import (
    attention_kl,
    attention_mse,
    hard_label,
    hidden_cosine,
    hidden_mse,
    logit_mse,
    patient_hidden,
    soft_and_hard,
    soft_cross_entropy,
)

MASK = torch.tensor([[1, 1], [1, 0]])
JUNK = 7.0  # stands at padding


def near(loss: Tensor, *expected: float) -> bool:
    return loss.tolist() == pytest.approx(list(expected), rel=1e-5, abs=1e-7)


def test_soft_cross_entropy():
    student = torch.tensor([[0.0, 0.0], [math.log(9.0) * 2, 0.0]])
    teacher = torch.tensor([[math.log(3.0) * 2, 0.0], [math.log(9.0) * 2, 0.0]])
    # T = 2: p = (3/4, 1/4), q = (1/2, 1/2), then p = q = (0.9, 0.1); times T^2
    second = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    assert near(soft_cross_entropy(student, teacher, 2.0), 4 * math.log(2), 4 * second)


def test_hard_label():
    student = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]])
    assert near(hard_label(student, torch.tensor([1, 0])), math.log(4), math.log(2))


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_soft_and_hard(weight: float):
    student, teacher = torch.tensor([[0.0, 0.0]] * 2), torch.tensor([[math.log(3.0), 0.0]] * 2)
    labels = torch.tensor([0, 1])
    student[1, 0] = math.log(3.0)
    soft = (math.log(2), -(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    hard = (math.log(2), math.log(4))
    expected = [weight * s + (1 - weight) * h for s, h in zip(soft, hard, strict=True)]
    assert near(soft_and_hard(student, teacher, labels, 1.0, weight), *expected)


def test_logit_mse():
    student, teacher = (
        torch.tensor([[1.0, 2.0], [0.0, 0.0]]),
        torch.tensor([[4.0, 2.0], [1.0, -1.0]]),
    )
    assert near(logit_mse(student, teacher), 9 / 2, 1.0)


def test_patient_hidden():
    student = torch.tensor([[3.0, 4.0], [2.0, 0.0], [1.0, 0.0]])
    teacher = torch.tensor([[30.0, 40.0], [0.0, 5.0], [-8.0, 0.0]])
    # same, right and opposite direction of vectors of length 1
    assert near(patient_hidden(student, teacher), 0.0, 2.0, 4.0)


def test_hidden_mse():
    student = torch.tensor([[[1.0, 2.0], [0.0, 0.0]], [[1.0, 1.0], [JUNK, JUNK]]])
    teacher = torch.tensor([[[1.0, 0.0], [3.0, 1.0]], [[1.0, 1.0], [0.0, 0.0]]])
    # tokens: (0 + 4) / 2 and (9 + 1) / 2, mean 7 / 2; the second text has one token
    assert near(hidden_mse(student, teacher, MASK), 3.5, 0.0)


def test_hidden_cosine():
    student = torch.tensor([[[1.0, 0.0], [0.0, 2.0]], [[3.0, 0.0], [JUNK, JUNK]]])
    teacher = torch.tensor([[[2.0, 0.0], [1.0, 0.0]], [[-1.0, 0.0], [0.0, 0.0]]])
    # cosines 1 and 0, then -1
    assert near(hidden_cosine(student, teacher, MASK), 0.5, 2.0)


ATTENTION = torch.tensor(
    [
        [[[1.0, 0.0], [0.5, 0.5]], [[0.5, 0.5], [0.0, 1.0]]],
        [[[1.0, 0.0], [JUNK, JUNK]], [[1.0, 0.0], [JUNK, JUNK]]],
    ]
)  # (B, H, T, T)


def test_attention_mse():
    teacher = torch.full((2, 2, 2, 2), 0.5)
    # heads: two of four weights are 0.5 off in each: 2 * 0.25 / 4; the second text: 0.5 off
    assert near(attention_mse(ATTENTION, teacher, MASK), 0.125, 0.25)


def test_attention_kl():
    student = torch.full((2, 2, 2, 2), 0.5)
    # rows of certainty have divergence log 2 from (1/2, 1/2), others 0; the second text: (1), and
    # the weight 0.5 is what the student gives its one real token
    assert near(attention_kl(student, ATTENTION, MASK), math.log(2) / 2, math.log(2))
    assert near(attention_kl(ATTENTION, ATTENTION, MASK), 0.0, 0.0)


@pytest.mark.parametrize("loss", [hidden_mse, hidden_cosine, attention_mse, attention_kl])
def test_padding_changes_no_loss_and_gets_no_gradient(loss):
    torch.manual_seed(0)
    student = torch.rand((2, 3, 4, 4) if "attention" in loss.__name__ else (2, 4, 5))
    teacher = torch.rand_like(student)
    mask = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 0]])
    cut = (..., slice(3), slice(3)) if student.dim() == 4 else (slice(None), slice(3))
    student.requires_grad_()
    long = loss(student, teacher, mask)
    assert torch.allclose(long, loss(student[cut], teacher[cut], mask[:, :3]))
    long.sum().backward()
    assert student.grad is not None and student.grad[cut].abs().min() > 0
    outside = student.grad.clone()
    outside[cut] = 0
    assert not outside.any()


def test_every_loss_is_tested_here():
    own = {n for n, f in vars(losses).items() if getattr(f, "__module__", "") == losses.__name__}
    assert {n for n in own if not n.startswith("_")} <= set(globals())

"""Layers that were rewritten for export, against straightforward references."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from rosearch.student.layers import GRU, LSTM, Bidirectional, MaxPool

LENGTHS = (7, 1, 4, 6)
WIDTH = 8


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    """Random x (B, T, W), zero at padding, and its mask; one row has no padding."""
    torch.manual_seed(0)
    mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    return torch.randn(*mask.shape, WIDTH).masked_fill(~mask[..., None], 0.0), mask


def one_by_one(layer: Bidirectional, x: Tensor) -> Tensor:
    """Both directions over one sequence without padding (T, W)."""
    forward, _ = layer.left_to_right(x[None])
    backward, _ = layer.right_to_left(x.flip(0)[None])
    return torch.cat([forward[0], backward[0].flip(0)], dim=-1)


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_bidirectional_reads_every_sequence_within_its_own_length(kind, batch):
    x, mask = batch
    layer = kind(WIDTH, 1, "none")
    x.requires_grad_()
    got = layer(x, mask)
    want = [one_by_one(layer, x[i, :n]) for i, n in enumerate(LENGTHS)]
    for i, n in enumerate(LENGTHS):
        torch.testing.assert_close(got[i, :n], want[i])
    weights = torch.randn(got.shape)
    real = sum((got[i, :n] * weights[i, :n]).sum() for i, n in enumerate(LENGTHS))
    alone = sum((want[i] * weights[i, :n]).sum() for i, n in enumerate(LENGTHS))
    variables = [x, *layer.parameters()]
    for a, b in zip(
        torch.autograd.grad(real, variables, retain_graph=True),
        torch.autograd.grad(alone, variables),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_bidirectional_is_a_pair_of_torch_networks(batch):
    """Its weights are those of torch's own bidirectional LSTM, read by its own packing."""
    x, mask = batch
    layer = LSTM(WIDTH, 1, "none")
    both = nn.LSTM(WIDTH, WIDTH // 2, batch_first=True, bidirectional=True)
    both.load_state_dict(
        layer.left_to_right.state_dict()
        | {f"{name}_reverse": w for name, w in layer.right_to_left.state_dict().items()}
    )
    packed = nn.utils.rnn.pack_padded_sequence(
        x, torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False
    )
    want, _ = nn.utils.rnn.pad_packed_sequence(both(packed)[0], batch_first=True)
    got = layer(x, mask).masked_fill(~mask[..., None], 0.0)
    torch.testing.assert_close(got, want)


@pytest.mark.parametrize("k", [3, 5])
def test_max_pool_takes_the_largest_real_token_of_every_window(k, batch):
    x, mask = batch
    got = MaxPool(WIDTH, k, "none")(x, mask)
    for i, n in enumerate(LENGTHS):
        for t in range(n):
            window = x[i, max(0, t - k // 2) : min(n, t + k // 2 + 1)]
            assert torch.equal(got[i, t], window.amax(0))

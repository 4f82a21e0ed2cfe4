"""Linear maps by oneDNN: equal to PyTorch's, and only where answers are asked for."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rosearch.models import linear
from rosearch.models.linear import better_by_onednn, fast_linear


@pytest.fixture
def fitting(monkeypatch):
    """A processor where oneDNN is the better choice, whichever this one is."""
    if not torch.backends.mkldnn.is_available():
        pytest.skip("PyTorch without oneDNN")
    monkeypatch.setattr(linear, "better_by_onednn", lambda: True)


@pytest.fixture
def model():
    torch.manual_seed(0)
    hidden = nn.Linear(64, 48, bias=False)
    return nn.Sequential(nn.Linear(32, 64), nn.GELU(), hidden, nn.ReLU(), nn.Linear(48, 2)).eval()


@pytest.mark.parametrize("shape", [(1, 32), (7, 32), (5, 11, 32), (0, 32)])
def test_logits_stay(fitting, model, shape):
    x = torch.randn(shape)
    with torch.inference_mode():
        plain = model(x)
        with fast_linear(model):
            assert "forward" in vars(model[0]) and "forward" not in vars(model[-1])
            assert torch.allclose(model(x), plain, atol=1e-5)
            assert torch.allclose(model(x.transpose(0, -2)), model(x).transpose(0, -2), atol=1e-5)
    assert not any("forward" in vars(m) for m in model.modules()), "the module is as it was"


def test_gradients_and_other_precisions_are_left_alone(fitting, model):
    with fast_linear(model):
        model(torch.randn(3, 32)).sum().backward()
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            assert model[0](torch.randn(3, 32)).dtype == torch.bfloat16
    assert model[0].weight.grad is not None
    with fast_linear(model.double()):
        assert not any("forward" in vars(m) for m in model.modules())
    with pytest.raises(ZeroDivisionError), fast_linear(model.float()):
        raise ZeroDivisionError
    assert not any("forward" in vars(m) for m in model.modules())


def test_two_may_ask_one_model_at_once(fitting, model):
    with fast_linear(model):
        with fast_linear(model):
            pass
        with torch.inference_mode():
            assert model(torch.randn(2, 32)).shape == (2, 2)
    with fast_linear(object()):  # a graph has no linear maps of its own
        assert better_by_onednn() in (True, False)

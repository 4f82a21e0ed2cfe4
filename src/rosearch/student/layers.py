"""The modules of a student: one table from op family to module, and the pieces around it.

Shapes: B batch, T tokens, W width, C classes. Every op maps x (B, T, W) and mask (B, T) to
(B, T, W). `mask` is True at real tokens; padding stands on the right, and x is zero there when an
op is called (`Node` and `InputStage` see to it), so that padding never changes a real token.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Activation = Callable[[Tensor], Tensor]

ACTIVATIONS: dict[str, Activation] = {
    "none": lambda x: x,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "gelu": F.gelu,
    "swish": F.silu,
}


class Identity(nn.Module):
    """The input itself."""

    def __init__(self, width: int, argument: int, activation: str) -> None:
        super().__init__()

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return x


class FeedForward(nn.Module):
    """Two linear maps with the node's activation between them; hidden width is m * W."""

    def __init__(self, width: int, m: int, activation: str) -> None:
        super().__init__()
        self.up = nn.Linear(width, m * width)
        self.down = nn.Linear(m * width, width)
        self.activation = ACTIVATIONS[activation]

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.down(self.activation(self.up(x)))


def over_tokens(conv: nn.Conv1d, x: Tensor) -> Tensor:
    """A convolution over the tokens of (B, T, W), as one over images of height 1.

    Their channels-last layout is the one that x has already. `conv(x.transpose(1, 2))` copies x
    and its result into another layout: 1.1 to 1.6 times the time on a CPU, depthwise 3 to 6 times.
    """
    images = x.transpose(1, 2).unsqueeze(2)  # (B, W, 1, T)
    kernel = conv.weight.unsqueeze(2)
    pad, dilation = (0, int(conv.padding[0])), (1, conv.dilation[0])
    found = F.conv2d(images, kernel, conv.bias, 1, pad, dilation, conv.groups)
    return found.squeeze(2).transpose(1, 2)


class Convolution(nn.Module):
    """Convolution over tokens, zero-padded to keep the length."""

    def __init__(self, width: int, k: int, activation: str, dilation: int = 1) -> None:
        super().__init__()
        pad = dilation * (k - 1) // 2
        self.conv = nn.Conv1d(width, width, k, padding=pad, dilation=dilation)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return over_tokens(self.conv, x)


class DilatedConvolution(Convolution):
    """Convolution that skips every second token."""

    def __init__(self, width: int, k: int, activation: str) -> None:
        super().__init__(width, k, activation, dilation=2)


class SeparableConvolution(nn.Module):
    """Depthwise convolution over tokens, then a linear map over channels."""

    def __init__(self, width: int, k: int, activation: str) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, k, padding=(k - 1) // 2, groups=width)
        self.pointwise = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.pointwise(over_tokens(self.depthwise, x))


class GatedConvolution(nn.Module):
    """Gated linear unit: one half of a convolution's channels gates the other."""

    def __init__(self, width: int, k: int, activation: str) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, 2 * width, k, padding=(k - 1) // 2)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return F.glu(over_tokens(self.conv, x), dim=-1)


class SelfAttention(nn.Module):
    """Multi-head self-attention; padding is never attended to."""

    def __init__(self, width: int, heads: int, activation: str) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.softmax = nn.Softmax(-1)  # a module, so that a hook can read the attention maps
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        b, t, w = x.shape
        # (B, T, 3W) -> 3 x (B, heads, T, W / heads)
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        q = q / math.sqrt(w // self.heads)
        scores = q @ k.transpose(-1, -2) + lowest_outside(mask, x.dtype)[:, None, None, :]
        mixed = self.softmax(scores) @ v  # (B, heads, T, T) @ (B, heads, T, W / heads)
        return self.out(mixed.transpose(1, 2).reshape(b, t, w))


class Bidirectional(nn.Module):
    """Two recurrent networks of W / 2 units, one reading from the end of the real tokens.

    The backward one gets each sequence reversed within its own length, so no packing is needed
    and padding is never read before a real token.
    """

    def __init__(self, width: int, cell: type[nn.LSTM] | type[nn.GRU]) -> None:
        super().__init__()
        self.left_to_right = cell(width, width // 2, batch_first=True)
        self.right_to_left = cell(width, width // 2, batch_first=True)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        lengths = mask.sum(1, keepdim=True)  # (B, 1)
        places = torch.arange(x.shape[1], device=x.device)[None]  # (1, T)
        mirror = torch.where(places < lengths, lengths - 1 - places, places)  # (B, T)
        # Indexing: torch.export makes a constant of the length that an expanded `gather` sees.
        rows = torch.arange(x.shape[0], device=x.device)[:, None]  # (B, 1)
        forward, _ = self.left_to_right(x)  # (B, T, W / 2)
        backward, _ = self.right_to_left(x[rows, mirror])
        return torch.cat([forward, backward[rows, mirror]], dim=-1)


class LSTM(Bidirectional):
    """Bidirectional LSTM."""

    def __init__(self, width: int, argument: int, activation: str) -> None:
        super().__init__(width, nn.LSTM)


class GRU(Bidirectional):
    """Bidirectional GRU."""

    def __init__(self, width: int, argument: int, activation: str) -> None:
        super().__init__(width, nn.GRU)


class MaxPool(nn.Module):
    """Maximum over a window of k tokens, padding left out."""

    def __init__(self, width: int, k: int, activation: str) -> None:
        super().__init__()
        self.k = k

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        lowest = x.masked_fill(~mask[..., None], torch.finfo(x.dtype).min)
        # Asked for indices too: torch.export makes a constant of the length in the plain call.
        pooled, _ = F.max_pool1d(
            lowest.transpose(1, 2), self.k, 1, self.k // 2, return_indices=True
        )
        return pooled.transpose(1, 2)


class AveragePool(nn.Module):
    """Mean over the real tokens of a window of k tokens."""

    def __init__(self, width: int, k: int, activation: str) -> None:
        super().__init__()
        self.k = k

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        total = F.avg_pool1d(x.transpose(1, 2), self.k, 1, self.k // 2)  # zeros at padding
        share = F.avg_pool1d(mask[:, None].to(x.dtype), self.k, 1, self.k // 2)
        return (total / share.clamp_min(0.5 / self.k)).transpose(1, 2)


MODULES: dict[str, Callable[[int, int, str], nn.Module]] = {
    "identity": Identity,
    "feed_forward": FeedForward,
    "conv": Convolution,
    "dilconv": DilatedConvolution,
    "sepconv": SeparableConvolution,
    "glu": GatedConvolution,
    "attention": SelfAttention,
    "lstm": LSTM,
    "gru": GRU,
    "maxpool": MaxPool,
    "avgpool": AveragePool,
}


def module_of(spec: dict[str, Any]) -> Callable[[int, int, str], nn.Module]:
    """The class of a node's operation.

    Raises:
        ImportError: it is that of a plugin, which is not imported.
    """
    if "module" not in spec:
        return MODULES[spec["family"]]
    module, _, name = spec["module"].partition(":")
    if module not in sys.modules:
        raise ImportError(
            f"its operation {spec['op']!r} is that of a plugin: import {module} first, or give the "
            f"command --plugin {module}"
        )
    found: Callable[[int, int, str], nn.Module] = attrgetter(name)(sys.modules[module])
    return found


class Node(nn.Module):
    """One node of the DAG: combine, norm, op, activation.

    Args:
        spec: JSON-ready form of the node, with `family` and `argument` of its op added.
    """

    def __init__(self, spec: dict[str, Any], width: int) -> None:
        super().__init__()
        self.inputs: list[int] = list(spec["inputs"])
        self.combine: str = spec["combine"]
        concat = self.combine == "concat" and len(self.inputs) > 1
        self.project = nn.Linear(len(self.inputs) * width, width) if concat else None
        self.norm = nn.LayerNorm(width) if spec["norm"] == "layer" else None
        self.op = module_of(spec)(width, spec["argument"], spec["activation"])
        inner = spec["family"] == "feed_forward"  # its activation stands inside
        self.activation = ACTIVATIONS["none" if inner else spec["activation"]]

    def forward(self, states: list[Tensor], mask: Tensor) -> Tensor:
        sources = [states[i] for i in self.inputs]
        if self.project is not None:
            x = self.project(torch.cat(sources, dim=-1))  # (B, T, kW) -> (B, T, W)
        else:
            x = sources[0]
            for other in sources[1:]:
                x = x * other if self.combine == "multiply" else x + other
        if self.norm is not None:
            x = self.norm(x)
        real = mask[..., None].to(x.dtype)  # a product is many times faster than masked_fill
        if self.project is not None or self.norm is not None:  # else it is zero at padding already
            x = x * real
        return self.activation(self.op(x, mask)) * real


class Cell(nn.Module):
    """The DAG: nodes in topological order; the mean of the loose ends is its output."""

    def __init__(self, nodes: list[dict[str, Any]], width: int) -> None:
        super().__init__()
        self.nodes = nn.ModuleList(Node(spec, width) for spec in nodes)
        read = {i for spec in nodes for i in spec["inputs"]}
        self.outputs = [i for i in range(1, len(nodes) + 1) if i not in read]

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        states = [x]
        for node in self.nodes:
            states.append(node(states, mask))
        total = states[self.outputs[0]]
        for i in self.outputs[1:]:
            total = total + states[i]
        return total if len(self.outputs) == 1 else total / len(self.outputs)


class Pooling(nn.Module):
    """From (B, T, W) to (B, W): first token, mean, max, or attention over the real tokens."""

    def __init__(self, kind: str, width: int) -> None:
        super().__init__()
        self.kind = kind
        self.score = nn.Linear(width, 1) if kind == "attention" else None

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        if self.kind == "first":
            return x[:, 0]
        if self.kind == "max":
            return (x + lowest_outside(mask, x.dtype)[..., None]).amax(1)
        if self.score is not None:
            weights = (self.score(x)[..., 0] + lowest_outside(mask, x.dtype)).softmax(1)  # (B, T)
            return (weights[:, None] @ x)[:, 0]  # (B, 1, T) @ (B, T, W)
        real = mask[..., None].to(x.dtype)  # (B, T, 1)
        return (x * real).sum(1) / real.sum(1).clamp_min(1)


def lowest_outside(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """0 at real tokens, the lowest finite number at padding, (B, T): added to what a maximum or a
    softmax reads, it leaves the padding out."""
    return (~mask).to(dtype) * torch.finfo(dtype).min


def sinusoid(tokens: int, width: int, device: torch.device) -> Tensor:
    """Position table (T, W) of Vaswani et al. 2017, section 3.5."""
    place = torch.arange(tokens, device=device, dtype=torch.float32)[:, None]
    rate = torch.exp(
        torch.arange(0, width, 2, device=device, dtype=torch.float32) * (-math.log(1e4) / width)
    )
    # (T, W/2, 2) -> (T, W): sine and cosine alternate.
    return torch.stack([(place * rate).sin(), (place * rate).cos()], dim=-1).reshape(tokens, width)

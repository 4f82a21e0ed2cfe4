"""The table of operations: what each one is, and what it costs.

Shapes: every op maps (B, T, W) to (B, T, W). B batch, T tokens, W width.
To add an op, register one entry that names its module; sampling, mutation, cost and documentation
follow. Modules of the built-in ones are in `rosearch.student.layers`: students carry it along.

FLOPs count a multiply-add as two, as `torch.utils.flop_counter` does, and count matrix products
and convolutions only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from rosearch.io.plugins import Registry


@dataclass(frozen=True)
class Op:
    """Family, argument (kernel size, heads, expansion), and cost formulas of one operation.

    Attributes:
        formula: what it computes, for the documentation.
        costs: `params` and `flops` as text in W, T and the argument n; a test holds them equal.
        module: of an operation that is not built in, a `torch.nn.Module` class or `module:CLASS`;
            called with width, argument and activation. Saved students know it by this name.
    """

    name: str
    family: str
    argument: int
    params: Callable[[int], int]  # width -> parameters
    flops: Callable[[int, int], int]  # (width, tokens) -> FLOPs for one example
    source: str = ""
    formula: str = ""
    costs: tuple[str, str] = ("0", "0")
    module: str | Callable[..., object] = ""

    @property
    def module_name(self) -> str:
        """`module:CLASS`; empty if it is built in."""
        m = self.module
        return m if isinstance(m, str) else f"{m.__module__}:{m.__qualname__}"

    def load(self) -> None:
        """Import the class: students that have the operation can be built and loaded then."""
        if self.module:
            import_module(self.module_name.partition(":")[0])


def _feed_forward(m: int) -> Op:
    return Op(
        f"ff{m}",
        "feed_forward",
        m,
        lambda w: 2 * m * w * w + m * w + w,
        lambda w, t: 4 * m * w * w * t,
        "Vaswani et al. 2017, section 3.3",
        "B activation(A x + a) + b, hidden width nW; the node's activation stands inside",
        ("2*n*W^2 + n*W + W", "4*n*W^2*T"),
    )


def _conv(family: str, k: int, formula: str, source: str) -> Op:
    return Op(
        f"{family}{k}",
        family,
        k,
        lambda w: k * w * w + w,
        lambda w, t: 2 * k * w * w * t,
        source,
        formula,
        ("n*W^2 + W", "2*n*W^2*T"),
    )


def _sepconv(k: int) -> Op:
    return Op(
        f"sepconv{k}",
        "sepconv",
        k,
        lambda w: (k * w + w) + (w * w + w),
        lambda w, t: 2 * k * w * t + 2 * w * w * t,
        "Howard et al. 2017 (MobileNets), section 3.1",
        "B (sum over i of D_i x_(t+i)) + b: one filter D of n tokens for each channel, then "
        "a linear map B",
        ("W^2 + n*W + 2*W", "2*W^2*T + 2*n*W*T"),
    )


def _glu(k: int) -> Op:
    return Op(
        f"glu{k}",
        "glu",
        k,
        lambda w: 2 * (k * w * w + w),
        lambda w, t: 4 * k * w * w * t,
        "Dauphin et al. 2017, section 2",
        "u * sigmoid(v), where u and v are two convolutions of n tokens",
        ("2*n*W^2 + 2*W", "4*n*W^2*T"),
    )


def _attention(heads: int) -> Op:
    return Op(
        f"attention{heads}",
        "attention",
        heads,
        lambda w: 4 * (w * w + w),
        lambda w, t: 8 * w * w * t + 4 * w * t * t,
        "Vaswani et al. 2017, section 3.2",
        "O [softmax(Q K^T / sqrt(W/n)) V of each of n heads]; padding is not attended to",
        ("4*W^2 + 4*W", "8*W^2*T + 4*W*T^2"),
    )


def _recurrent(family: str, gates: int, source: str, costs: tuple[str, str]) -> Op:
    # Two directions of W/2 units: per gate W/2 x W input weights, W/2 x W/2 state weights, and
    # the two bias vectors that torch keeps.
    return Op(
        family,
        family,
        1,
        lambda w: 2 * gates * (w // 2) * (w + w // 2 + 2),
        lambda w, t: 4 * gates * (w // 2) * (w + w // 2) * t,
        source,
        "[forward h_t; backward h_t], W/2 units each; the backward one starts at the last token",
        costs,
    )


def _free(name: str, family: str, argument: int, formula: str, source: str) -> Op:
    return Op(name, family, argument, lambda w: 0, lambda w, t: 0, source, formula)


CONVOLUTION = "sum over i of A_i x_(t+i) + a, i from -(n-1)/2 to (n-1)/2"
DILATED = "sum over i of A_i x_(t+2i) + a, i from -(n-1)/2 to (n-1)/2"

OPS: Registry[Op] = Registry("operation")
for _op in (
    _free("identity", "identity", 1, "x", "He et al. 2016 (shortcut)"),
    *map(_feed_forward, (1, 2, 4)),
    *(_conv("conv", k, CONVOLUTION, "Kim 2014") for k in (1, 3, 5, 7, 9)),
    *map(_sepconv, (3, 5, 7, 9, 11)),
    *(
        _conv("dilconv", k, DILATED, "Yu and Koltun 2016; dilation 2, as in AdaBERT")
        for k in (3, 5)
    ),
    *map(_glu, (3, 5)),
    *map(_attention, (1, 2, 4, 8)),
    _recurrent(
        "lstm",
        4,
        "Hochreiter and Schmidhuber 1997, bidirectional",
        ("6*W^2 + 8*W", "12*W^2*T"),
    ),
    _recurrent("gru", 3, "Cho et al. 2014, bidirectional", ("4.5*W^2 + 6*W", "9*W^2*T")),
    _free(
        "maxpool3", "maxpool", 3, "maximum over a window of n real tokens",
        "Chen et al. 2020 (AdaBERT)",
    ),
    _free(
        "avgpool3", "avgpool", 3, "mean over a window of n real tokens",
        "Chen et al. 2020 (AdaBERT)",
    ),
):  # fmt: skip
    OPS.register(_op)

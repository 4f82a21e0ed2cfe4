"""Well-known small encoders as genotypes: seeds of the population and reference students."""

from __future__ import annotations

from collections.abc import Callable

from rosearch.errors import UserError
from rosearch.space.genotype import Encoding, Genotype, Node


def transformer(
    layers: int,
    width: int = 128,
    embedding_dim: int = 64,
    heads: int = 4,
    encoding: Encoding = "plain",
    shared: bool = False,
) -> Genotype:
    """Pre-norm Transformer encoder (Vaswani et al. 2017; norm first as in Xiong et al. 2020)."""
    block = (
        Node((0,), f"attention{heads}", norm="layer"),
        Node((0, 1), "ff4", norm="layer", activation="gelu"),
        Node((0, 1, 2), "identity"),
    )
    return Genotype(
        embedding_dim,
        width,
        block,
        position="sinusoidal",
        encoding=encoding,
        pooling="mean",
        repeat=layers,
        shared=shared,
    )


def text_cnn(encoding: Encoding = "plain") -> Genotype:
    """TextCNN (Kim 2014): parallel convolutions, max over time."""
    branches = tuple(Node((0,), f"conv{k}", activation="relu") for k in (1, 3, 5))
    return Genotype(96, 128, branches, encoding=encoding, pooling="max")


def bilstm(encoding: Encoding = "plain") -> Genotype:
    """One-layer bidirectional LSTM (Tang et al. 2019)."""
    return Genotype(96, 160, (Node((0,), "lstm"),), encoding=encoding, pooling="max")


def bag(encoding: Encoding = "plain") -> Genotype:
    """Bag of embeddings with one feed-forward layer (Joulin et al. 2017; Iyyer et al. 2015)."""
    node = Node((0,), "ff1", activation="relu")
    return Genotype(128, 128, (node,), encoding=encoding, pooling="mean")


def sepconv(encoding: Encoding = "plain") -> Genotype:
    """Two residual blocks of separable convolution and a gated unit."""
    cell = (
        Node((0,), "sepconv5", norm="layer", activation="swish"),
        Node((0, 1), "glu3", norm="layer"),
        Node((0, 1, 2), "identity"),
    )
    return Genotype(64, 128, cell, encoding=encoding, pooling="attention", repeat=2)


PRESETS: dict[str, Callable[[], Genotype]] = {
    "transformer3": lambda: transformer(3),
    "transformer1": lambda: transformer(1),
    "textcnn": text_cnn,
    "bilstm": bilstm,
    "bag": bag,
    "sepconv": sepconv,
    "transformer1-synonym": lambda: transformer(1, encoding="synonym"),
    "textcnn-synonym": lambda: text_cnn("synonym"),
    "bilstm-synonym": lambda: bilstm("synonym"),
    "bag-synonym": lambda: bag("synonym"),
    "sepconv-synonym": lambda: sepconv("synonym"),
}

REFERENCE = "transformer3"


def preset(name: str) -> Genotype:
    """The genotype of a preset.

    Raises:
        UserError: no preset of this name.
    """
    if name not in PRESETS:
        raise UserError(f"no preset {name!r}; the presets are {', '.join(PRESETS)}")
    return PRESETS[name]()

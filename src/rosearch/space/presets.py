"""Well-known small encoders as genotypes: seeds of the population and reference students."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rosearch.encodings.base import Encoding
from rosearch.encodings.plain import PLAIN
from rosearch.encodings.reading import Reading
from rosearch.encodings.synonym import Synonym
from rosearch.encodings.words import WORDS
from rosearch.errors import UserError
from rosearch.space.genotype import Activation, Genotype, Node, Pooling, Position
from rosearch.space.votes import FrameVotes, Votes


def transformer(
    layers: int,
    width: int = 128,
    embedding_dim: int = 64,
    heads: int = 4,
    coding: Encoding = PLAIN,
    shared: bool = False,
    position: Position = "sinusoidal",
    pooling: Pooling = "mean",
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
        position=position,
        coding=coding,
        pooling=pooling,
        repeat=layers,
        shared=shared,
    )


def distilbert(layers: int) -> Genotype:
    """DistilBERT (Sanh et al. 2019): the teacher's width, fewer layers, first token read.

    Departures, here and in the BERT-likes below: layer norm stands before the op, not after the
    sum, and heads are at most 8. The width is MiniLM's 384, as MiniLM is the teacher; 768 is
    BERT-base's.
    """
    return transformer(layers, 384, 384, 8, position="learned", pooling="first")


def tinybert() -> Genotype:
    """TinyBERT-4 (Jiao et al. 2020): 4 layers of 312; 8 heads for 12, 1,248 for 1,200 units."""
    return transformer(4, 312, 312, 8, position="learned", pooling="first")


def albert() -> Genotype:
    """ALBERT (Lan et al. 2020): 12 layers of one set of weights, embedding of 128, factorised.

    Departure: width 384 (the paper's smallest model has 768), as for `distilbert`.
    """
    return transformer(12, 384, 128, 8, shared=True, position="learned", pooling="first")


def mobilebert() -> Genotype:
    """MobileBERT (Sun et al. 2020): 24 thin layers of 128, each with four feed-forward networks.

    Departures: a student has one width, so there is no wider stream (512) between the bottlenecks
    and no map into and out of them; the embedding enters without the convolution of three tokens;
    layer norm stands before the op.
    """
    nodes = [Node((0,), "attention4", norm="layer"), Node((0, 1), "identity")]
    for _ in range(4):
        nodes += _residual(len(nodes), "ff4", "relu")
    return Genotype(128, 128, tuple(nodes), position="learned", pooling="first", repeat=24)


def adabert() -> Genotype:
    """A cell in the manner of AdaBERT (Chen et al. 2020): convolutions, dilated ones, pooling.

    Nodes sum two inputs, and attention pooling reads the result. It is no cell that the paper
    found: those differ by task. Departure: layer norm and op, then ReLU.
    """
    cell = (
        Node((0,), "conv3", norm="layer", activation="relu"),
        Node((0, 1), "dilconv3", norm="layer", activation="relu"),
        Node((1, 2), "maxpool3", norm="layer"),
        Node((0, 3), "conv5", norm="layer", activation="relu"),
    )
    return Genotype(128, 128, cell, position="learned", pooling="attention", repeat=3)


def evolved() -> Genotype:
    """Encoder block of the Evolved Transformer (So et al. 2019, figure 3), twice.

    Departures: the gated linear unit reads three tokens, not one; both wide branches are as wide
    as the student; 9-token separable convolution as there.
    """
    cell = [Node((0,), "glu3", norm="layer"), Node((0, 1), "identity")]
    cell += [
        Node((2,), "conv1", norm="layer", activation="relu"),
        Node((2,), "conv3", norm="layer", activation="relu"),
        Node((3, 4), "sepconv9", norm="layer"),
        Node((2, 5), "identity"),
    ]
    cell += _residual(6, "attention8", "none")
    cell += _residual(8, "ff4", "relu")
    return Genotype(64, 128, tuple(cell), position="sinusoidal", repeat=2)


def _residual(last: int, op: str, activation: Activation) -> list[Node]:
    """An op on node `last`, layer norm first, and the sum of both."""
    return [
        Node((last,), op, norm="layer", activation=activation),
        Node((last, last + 1), "identity"),
    ]


def text_cnn(coding: Encoding = PLAIN) -> Genotype:
    """TextCNN (Kim 2014): parallel convolutions, max over time."""
    branches = tuple(Node((0,), f"conv{k}", activation="relu") for k in (1, 3, 5))
    return Genotype(96, 128, branches, coding=coding, pooling="max")


def bilstm(coding: Encoding = PLAIN) -> Genotype:
    """One-layer bidirectional LSTM (Tang et al. 2019)."""
    return Genotype(96, 160, (Node((0,), "lstm"),), coding=coding, pooling="max")


def bag(coding: Encoding = PLAIN) -> Genotype:
    """Bag of embeddings with one feed-forward layer (Joulin et al. 2017; Iyyer et al. 2015)."""
    node = Node((0,), "ff1", activation="relu")
    return Genotype(128, 128, (node,), coding=coding, pooling="mean")


def sepconv(coding: Encoding = PLAIN) -> Genotype:
    """Two residual blocks of separable convolution and a gated unit."""
    cell = (
        Node((0,), "sepconv5", norm="layer", activation="swish"),
        Node((0, 1), "glu3", norm="layer"),
        Node((0, 1, 2), "identity"),
    )
    return Genotype(64, 128, cell, coding=coding, pooling="attention", repeat=2)


def voting(g: Genotype, votes: Votes | None = None) -> Genotype:
    """A student whose words vote, as much as a small cell says that reads function words and marks;
    or by other votes."""
    dim = min(g.embedding_dim, 32)
    small = replace(g, embedding_dim=dim, width=64, position="none", repeat=1)
    return replace(small, coding=WORDS, votes=votes or FrameVotes())


def convolutions() -> Genotype:
    """Two layers of convolution."""
    layers = (Node((0,), "conv5", activation="relu"), Node((1,), "conv5", activation="relu"))
    return Genotype(64, 128, layers, pooling="mean")


PRESETS: dict[str, Callable[[], Genotype]] = {
    "transformer3": lambda: transformer(3),
    "transformer1": lambda: transformer(1),
    "textcnn": text_cnn,
    "bilstm": bilstm,
    "bag": bag,
    "sepconv": sepconv,
    "distilbert3": lambda: distilbert(3),
    "distilbert6": lambda: distilbert(6),
    "tinybert4": tinybert,
    "mobilebert": mobilebert,
    "albert": albert,
    "adabert": adabert,
    "evolved": evolved,
    "transformer1-synonym": lambda: transformer(1, coding=Synonym()),
    "textcnn-synonym": lambda: text_cnn(Synonym()),
    "bilstm-synonym": lambda: bilstm(Synonym()),
    "bag-synonym": lambda: bag(Synonym()),
    "sepconv-synonym": lambda: sepconv(Synonym()),
    "textcnn-synonym-reading": lambda: replace(text_cnn(Synonym()), reading=Reading()),
    "bilstm-synonym-reading": lambda: replace(bilstm(Synonym()), reading=Reading()),
    "votes": lambda: voting(bag(), Votes()),
    "frame-conv": lambda: voting(convolutions()),
    "frame-bilstm": lambda: voting(bilstm()),
    "frame-accurate": lambda: voting(bilstm(), FrameVotes(share=0.25)),
    "frame-robust": lambda: voting(bilstm(), FrameVotes(share=0.5)),
    "frame-transformer1": lambda: voting(transformer(1)),
    "frame-sepconv": lambda: voting(sepconv()),
}

# What each one is, for the documentation.
DESCRIPTIONS: dict[str, str] = {
    "transformer3": "Transformer, 3 layers; the reference of every run (Vaswani et al. 2017)",
    "transformer1": "Transformer, 1 layer",
    "textcnn": "parallel convolutions, maximum over time (Kim 2014)",
    "bilstm": "one bidirectional LSTM layer (Tang et al. 2019)",
    "bag": "bag of embeddings, one feed-forward layer (Joulin et al. 2017; Iyyer et al. 2015)",
    "sepconv": "two residual blocks of separable and gated convolution",
    "distilbert3": "DistilBERT-like, 3 layers of MiniLM's width (Sanh et al. 2019)",
    "distilbert6": "DistilBERT-like, 6 layers of MiniLM's width",
    "tinybert4": "TinyBERT-like, 4 layers of 312 (Jiao et al. 2020)",
    "mobilebert": "MobileBERT-like, 24 thin layers (Sun et al. 2020)",
    "albert": "ALBERT-like, 12 layers of shared weights (Lan et al. 2020)",
    "adabert": "AdaBERT-like cell (Chen et al. 2020)",
    "evolved": "Evolved-Transformer-like cell (So et al. 2019)",
    "votes": "sum of the words' bounded votes, nothing else (after Wang and Manning 2012)",
    "frame-conv": "votes weighed by two convolutions, which read function words and marks only",
    "frame-bilstm": "the same, weighed by one bidirectional LSTM layer",
    "frame-accurate": "the same, trained on fewer worst substitutes: more accurate, less robust",
    "frame-robust": "the same, trained on more of them",
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

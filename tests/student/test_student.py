"""The built student: cost formulas, padding, start of the weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from rosearch.encodings.synonym import Synonym
from rosearch.encodings.vocabulary import Vocabulary
from rosearch.space.cost import Sizes, flops, params
from rosearch.space.genotype import POOLINGS, Genotype, Node
from rosearch.space.ops import OPS
from rosearch.space.presets import PRESETS, preset
from rosearch.space.variation import Space, sample
from rosearch.student.build import build_student, module_spec, principal_embedding
from rosearch.student.layers import MODULES, over_tokens

# torch.backends.mkldnn.flags tells of a TF32 that this processor does not have
pytestmark = pytest.mark.filterwarnings("ignore:TF32 acceleration")

PLAIN = Vocabulary(tuple(f"t{i}" for i in range(300)), tuple((i,) for i in range(300)), 0)
FOLDED = Vocabulary(PLAIN.tokens, PLAIN.pieces, 0, np.arange(300) // 2)
SIZES = Sizes({"plain": 300, "words": 300, "synonym:wordnet:0.015:0": 150}, 3)
LABELS = ("a", "b", "c")


def vocabulary(g: Genotype) -> Vocabulary:
    return FOLDED if g.encoding == "synonym" else PLAIN


def samples(n: int) -> list[Genotype]:
    space = Space(SIZES, widths=(32, 48, 64), embedding_dims=(16, 32, 64))
    rng = np.random.default_rng(5)
    return [sample(space, rng) for _ in range(n)]


def one_op(op: str, **more: object) -> Genotype:
    return Genotype(32, 32, (Node((0,), op, activation="gelu"),), **more)  # type: ignore[arg-type]


GENOTYPES = [
    *(one_op(op) for op in OPS),
    *(one_op("conv3", pooling=p) for p in ("first", "mean", "max", "attention")),
    *(one_op("conv3", position=p) for p in ("none", "sinusoidal", "learned")),
    *samples(40),
]


def counted_flops(model: torch.nn.Module) -> int:
    """What torch counts for one example of 32 tokens.

    It sees nothing inside oneDNN's LSTM; without oneDNN the same recurrence is matrix products.
    """
    ids = torch.randint(1, 300, (1, 32))
    with torch.backends.mkldnn.flags(enabled=False), FlopCounterMode(display=False) as counter:
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
    return counter.get_total_flops()


def test_torch_counts_recurrence():
    lstm = torch.nn.LSTM(32, 16, batch_first=True)
    with torch.backends.mkldnn.flags(enabled=False), FlopCounterMode(display=False) as counter:
        lstm(torch.randn(1, 8, 32))
    assert counter.get_total_flops() == 8 * 2 * 4 * 16 * (32 + 16)


def test_every_op_has_a_module():
    assert {op.family for op in OPS.values()} == set(MODULES)


@pytest.mark.parametrize(
    "g", [*GENOTYPES, *(preset(name) for name in PRESETS)], ids=lambda g: g.hash
)
def test_params_formula_is_exact(g: Genotype):
    model = build_student(g, vocabulary(g), LABELS, seed=0)
    assert params(g, SIZES) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    "g", [*GENOTYPES, preset("votes"), preset("frame-bilstm")], ids=lambda g: g.hash
)
def test_flops_formula_is_close(g: Genotype):
    model = build_student(g, vocabulary(g), LABELS, seed=0).eval()
    assert flops(g, SIZES) == pytest.approx(counted_flops(model), rel=0.05)


def stacked(op: str, **more: object) -> Genotype:
    """The op twice, behind a projection and a norm, which fill padding with their biases."""
    nodes = (Node((0, 0), op, combine="concat", norm="layer"), Node((0, 1), op, norm="layer"))
    return Genotype(32, 32, nodes, **more)  # type: ignore[arg-type]


MASKED = [
    *(stacked(op, pooling=pooling) for op in OPS for pooling in POOLINGS),
    *(stacked(op, repeat=2, shared=shared) for op in OPS for shared in (False, True)),
    *GENOTYPES,
]


@pytest.mark.parametrize("g", MASKED, ids=lambda g: g.hash)
def test_padding_changes_nothing(g: Genotype):
    random = torch.Generator().manual_seed(0)
    model = build_student(g, vocabulary(g), LABELS, seed=1).eval()
    with torch.no_grad():  # as after training: norms and biases at their start hide faults
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn(weight.shape, generator=random))
    ids = torch.randint(1, 300, (3, 17), generator=random)
    lengths = torch.tensor([3, 9, 5])
    mask = (torch.arange(17) < lengths[:, None]).long()
    with torch.inference_mode():
        alone = torch.cat([model(input_ids=ids[i : i + 1, : lengths[i]]).logits for i in range(3)])
        padded = {
            "any tokens": model(input_ids=ids, attention_mask=mask),
            "padding tokens": model(input_ids=ids * mask),
            "vectors": model(inputs_embeds=model.input.embed(ids), attention_mask=mask),
        }
    for name, output in padded.items():
        assert torch.allclose(alone, output.logits, atol=1e-5), name


def test_words_of_a_cluster_are_one_word():
    model = build_student(one_op("conv3", coding=Synonym()), FOLDED, LABELS, seed=0).eval()
    even, odd = torch.tensor([[10, 20, 30]]), torch.tensor([[11, 21, 31]])
    assert torch.equal(model(input_ids=even).logits, model(input_ids=odd).logits)
    assert not torch.equal(model(input_ids=even).logits, model(input_ids=even + 2).logits)


def test_building_leaves_the_global_generator_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    build_student(one_op("lstm"), PLAIN, LABELS, seed=3)
    assert torch.equal(torch.rand(3), expected)


def test_the_seed_decides_the_start():
    def weights(seed: int) -> torch.Tensor:
        return build_student(one_op("ff2"), PLAIN, LABELS, seed=seed).classifier.weight

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_embedding_starts_from_principal_components():
    table = np.random.default_rng(0).normal(size=(300, 40)) * np.geomspace(10, 0.1, 40)
    start = principal_embedding(table, PLAIN)
    variances = start.var(0)
    assert (np.diff(variances) <= 1e-6).all()
    distances = np.linalg.norm(table[0] - table[1:], axis=1)
    kept = np.linalg.norm(start[0] - start[1:], axis=1)
    assert np.corrcoef(distances, kept)[0, 1] > 0.999
    model = build_student(one_op("conv3"), PLAIN, LABELS, 0, start)
    assert np.allclose(model.input.table.weight.detach().numpy(), start[:, :32])


def test_a_cluster_starts_between_its_words():
    table = np.random.default_rng(0).normal(size=(300, 8))
    start = principal_embedding(table, FOLDED)
    plain = principal_embedding(table, PLAIN)
    low, high = np.minimum(plain[::2], plain[1::2]), np.maximum(plain[::2], plain[1::2])
    assert ((start >= low - 1e-5) & (start <= high + 1e-5)).all()


def test_genotype_spec_needs_no_op_table():
    node = module_spec(one_op("attention4"))["nodes"][0]  # type: ignore[index]
    assert (node["family"], node["argument"]) == ("attention", 4)


@pytest.mark.parametrize("shape", [(1, 1, 8), (3, 5, 8), (2, 40, 16)])
@pytest.mark.parametrize(
    ("k", "dilation", "depthwise"), [(1, 1, 0), (5, 1, 0), (3, 2, 0), (7, 1, 1)]
)
def test_a_convolution_in_the_layout_of_its_input_is_the_plain_one(
    shape: tuple[int, int, int], k: int, dilation: int, depthwise: int
):
    width, pad = shape[2], dilation * (k - 1) // 2
    groups = width if depthwise else 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        conv = torch.nn.Conv1d(width, width, k, padding=pad, dilation=dilation, groups=groups)
        x = torch.randn(shape, requires_grad=True)
    plain, ours = conv(x.transpose(1, 2)).transpose(1, 2), over_tokens(conv, x)
    assert torch.allclose(ours, plain, atol=1e-5)
    parts = (x, conv.weight, conv.bias)
    for a, b in zip(
        torch.autograd.grad(plain.square().sum(), parts),
        torch.autograd.grad(ours.square().sum(), parts),
        strict=True,
    ):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-4)

"""Every preset is built and trained one step; the latency table covers every genotype."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rosearch.encodings.vocabulary import Vocabulary
from rosearch.errors import UserError
from rosearch.space.cost import Limits, Sizes, params
from rosearch.space.latency import latency_ms, part
from rosearch.space.ops import OPS
from rosearch.space.presets import PRESETS, preset
from rosearch.space.variation import Space, mutate, sample
from rosearch.student.build import build_student
from rosearch.student.latency import latency_table

WORDS = 200
KEYS = {"plain": WORDS, "words": WORDS, "synonym:wordnet:0.015:0": WORDS // 2}
VOCABULARIES = {
    "plain": Vocabulary(tuple(map(str, range(WORDS))), tuple((i,) for i in range(WORDS)), 0),
    "synonym": Vocabulary(
        tuple(map(str, range(WORDS))), tuple((i,) for i in range(WORDS)), 0, np.arange(WORDS) // 2
    ),
}
VOCABULARIES["words"] = VOCABULARIES["plain"]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_train(name: str):
    g = preset(name)
    model = build_student(g, VOCABULARIES[g.encoding], ("a", "b"), seed=0)
    assert params(g, Sizes(KEYS, 2)) == sum(p.numel() for p in model.parameters())
    if g.framed:  # weights of votes that say nothing have no gradient
        torch.nn.init.normal_(model.votes.table.weight)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    torch.manual_seed(0)
    ids = torch.randint(1, WORDS, (4, 10))
    loss = F.cross_entropy(model(input_ids=ids).logits, torch.tensor([0, 1, 0, 0]))
    loss.backward()
    optimiser.step()
    assert torch.isfinite(loss)
    changed = {name for name, p in model.named_parameters() if not torch.equal(before[name], p)}
    # The bias of attention pooling has no gradient: softmax is blind to a shift of all scores.
    assert set(before) - changed <= {"pooling.score.bias"}
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_the_latency_table_covers_the_space_and_limits_hold():
    table = latency_table((32, 64), tuple(OPS), 64)
    assert all(value >= 0 for value in table.values())
    sizes = Sizes(KEYS, 2, latency=table)
    free = {"widths": (32, 64), "embedding_dims": (32, 64)}
    space = Space(sizes, **free)
    rng = np.random.default_rng(0)
    estimates = [latency_ms(sample(space, rng), table) for _ in range(200)]
    limit = float(np.median(estimates))
    limited = Space(sizes, Limits(max_latency_ms=limit), **free)
    g = sample(limited, rng)
    for _ in range(100):
        g = mutate(g, limited, rng)
        assert latency_ms(g, table) <= limit
    with pytest.raises(UserError, match=r"max_latency_ms=1e-06 cannot be met: .* has \d"):
        Space(sizes, Limits(max_latency_ms=1e-6), **free)
    with pytest.raises(UserError, match="max_latency_ms needs a latency table"):
        Space(Sizes(KEYS, 2), Limits(max_latency_ms=1.0), **free)


def test_estimates_follow_the_clock():
    """A student with far more work takes longer, on the clock and in the estimate."""
    table = latency_table((32,), ("identity", "attention4", "lstm"), 32)
    assert table[part("lstm", 32)] > table[part("identity", 32)]
    assert table[part("student", 32)] > 0

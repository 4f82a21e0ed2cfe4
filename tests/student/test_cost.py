"""Cost formulas against built modules, on many random genotypes; nothing is computed or stored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from rosearch.config import EncodingConfig
from rosearch.encodings.plain import PLAIN
from rosearch.encodings.synonym import Synonym
from rosearch.space.cost import Sizes, flops, params
from rosearch.space.genotype import Genotype
from rosearch.space.variation import Space, sample
from rosearch.student.build import module_spec
from rosearch.student.configuration import StudentConfig
from rosearch.student.model import StudentForSequenceClassification

SYNONYMS = Synonym.offered(EncodingConfig(("wordnet", "relatives"), (0.005, 0.05), (0, 20)))
ROWS = {"plain": 300, **{c.key: 100 + 7 * i for i, c in enumerate(SYNONYMS)}}
SIZES = Sizes(ROWS, classes=3, tokens=8)
OF_PAIRS = replace(SIZES, pairs=True)
SPACE = Space(SIZES, widths=(32, 48, 64), embedding_dims=(16, 32, 64), codings=(PLAIN, *SYNONYMS))
seeds = st.integers(0, 2**32)


def built(seed: int, pairs: bool = False) -> tuple[Genotype, StudentForSequenceClassification]:
    """A random genotype and its module, on the device that holds shapes only."""
    g = sample(SPACE, np.random.default_rng(seed))
    config = StudentConfig(
        genotype=module_spec(g),
        vocab_size=300,
        embedding_rows=ROWS[g.encoding_key],
        num_labels=3,
        pair_separator=2 if pairs else None,
    )
    with torch.device("meta"):
        return g, StudentForSequenceClassification(config).eval()


@settings(max_examples=1000, deadline=None)
@given(seeds)
def test_params_are_exact(seed: int):
    for sizes in (SIZES, OF_PAIRS):
        g, model = built(seed, sizes.pairs)
        assert params(g, sizes) == sum(p.numel() for p in model.parameters())


def check_flops(seed: int, sizes: Sizes = SIZES) -> None:
    """Without data, recurrent layers run as matrix products, which torch does count."""
    g, model = built(seed, sizes.pairs)
    ids = torch.ones((1, SIZES.tokens), dtype=torch.long, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
    assert flops(g, sizes) == pytest.approx(counter.get_total_flops(), rel=0.05)


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_flops_are_those_that_torch_counts(seed: int):
    check_flops(seed)
    check_flops(seed, OF_PAIRS)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None)
@given(seeds)
def test_flops_are_those_that_torch_counts_on_many(seed: int):
    check_flops(seed)

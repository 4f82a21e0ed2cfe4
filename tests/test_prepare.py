"""Preparation: encodings trimmed to what can occur."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from torch import nn

from rosearch.attack.text import segment
from rosearch.config import make_config
from rosearch.prepare import _encodings
from rosearch.space.encoding import Clustering
from rosearch.tasks import Split


@pytest.fixture(scope="module")
def encodings(mr, bert_tokenizer):
    """Encodings of a few hundred sentences, whole and trimmed."""
    few = Split(mr.train.texts[:300], mr.train.labels[:300])
    task = replace(mr, train=few)
    model = SimpleNamespace(get_input_embeddings=lambda: nn.Embedding(30522, 70))
    targets = np.where(np.arange(2) == np.array(few.labels)[:, None], 2.0, -2.0)
    wanted = [Clustering(("wordnet",), 0.015)]
    return [
        _encodings(
            make_config("smoke", None, {"encoding": {"trim": trim}}),
            wanted, task, targets, model, bert_tokenizer,
        )
        for trim in (False, True)
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", [0, 1], ids=["plain", "synonym"])
def test_trimming_keeps_what_training_and_attacks_can_ask(encodings, mr, encoding: int):
    whole, small = (list(made.values())[encoding] for made in encodings)
    assert np.array_equal(whole.ids, small.ids)
    assert whole.tokenizer_json == small.tokenizer_json
    rows = small.vocabulary.rows
    unknown = rows[small.tokenizer().unk_token_id]
    assert unknown not in rows[small.ids]
    assert whole.vocabulary.n_rows > 2 * small.vocabulary.n_rows == 2 * len(small.embedding)
    gone = whole.vocabulary.n_rows - small.vocabulary.n_rows
    assert small.vocabulary.trimmed_rows == gone
    seen = {w.lower() for text in mr.train.texts[:300] for w in segment(text).words}
    ids = {token: i for i, token in enumerate(small.vocabulary.tokens)}
    table = small.substitutes
    for word in seen & set(ids):
        assert unknown not in rows[table.ids[ids[word], : table.count[ids[word]]]]
    assert np.isfinite(small.embedding).all()

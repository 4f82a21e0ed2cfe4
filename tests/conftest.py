"""Shared fixtures. Nothing here needs the hub; pinned resources are fetched once and cached."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
import pytest
import torch

from rosearch.config import DistillConfig
from rosearch.distill.data import EncodedTrain, TrainData, encode_train
from rosearch.encodings.vocabulary import plain_vocabulary, student_tokenizer, tokenizer_settings
from rosearch.io import resources
from rosearch.io.plugins.registry import REGISTRIES, registry
from rosearch.space.cost import Sizes
from rosearch.space.genotype import Genotype, Node
from rosearch.space.variation import Space
from rosearch.tasks import Task, load_task
from rosearch.types import Fidelity

torch.set_num_threads(1)  # two threads on a shared machine wait for each other by spinning

LONGEST = "test_end_to_end.py"  # of all files: begun last, one process of several would wait for it


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name != LONGEST)


@pytest.fixture
def sizes() -> Sizes:
    return Sizes({"plain": 3000, "synonym:wordnet:0.015:0": 2000}, classes=3)


@pytest.fixture
def space(sizes: Sizes) -> Space:
    return Space(sizes)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def scratch_registries() -> Iterator[None]:
    """What a test registers is gone afterwards."""
    found = [registry(kind) for kind in REGISTRIES]
    before = [set(names) for names in found]
    yield
    for entries, names in zip(found, before, strict=True):
        for name in set(entries) - names:
            entries.remove(name)


@pytest.fixture(scope="session")
def bert_tokenizer():
    """The real MiniLM tokenizer."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(resources.fetch("minilm"))


@pytest.fixture(scope="session")
def read(bert_tokenizer):
    """The plain vocabulary, and the tokenizer of students that read it."""
    vocabulary = plain_vocabulary(bert_tokenizer)
    return vocabulary, student_tokenizer(bert_tokenizer, vocabulary)


@pytest.fixture(scope="session")
def mr() -> Task:
    """The real built-in task."""
    return load_task("mr")


@pytest.fixture(scope="session")
def mr_train(bert_tokenizer, mr) -> EncodedTrain:
    """2,000 real training sentences under the plain encoding, with a random embedding."""
    vocabulary = plain_vocabulary(bert_tokenizer)
    tokenizer = student_tokenizer(bert_tokenizer, vocabulary)  # of its own: it is written down
    embedding = np.random.default_rng(0).normal(size=(vocabulary.n_rows, 32)).astype(np.float32)
    settings = tokenizer_settings(tokenizer)
    texts = mr.train.texts[:2000]
    return encode_train(vocabulary, tokenizer, settings, texts, embedding, 128)


@pytest.fixture(scope="session")
def train_quickly(mr, mr_train):
    """Train a small student on real sentences in a few seconds; hard labels are its teacher."""
    from rosearch.distill.train import train_student

    labels = mr.train.labels[:2000]
    targets = np.where(np.arange(2) == np.array(labels)[:, None], 2.0, -2.0)

    data = TrainData({"plain": mr_train}, labels, targets, mr.label_names, 10**7)

    def train(g: Genotype, seed: int = 0, epochs: int = 4, **more):
        fidelity = Fidelity(epochs, 1.0, 0, ())
        config = DistillConfig(learning_rate=1e-2)
        return train_student(g, data, config, fidelity, seed, **more)

    return train


@pytest.fixture(scope="session")
def students(train_quickly):
    """Two trained students: a convolution and a Transformer block."""
    cnn = Genotype(32, 32, (Node((0,), "conv3", activation="relu"),), pooling="max")
    block = (
        Node((0,), "attention2", norm="layer"),
        Node((0, 1), "ff1", norm="layer", activation="gelu"),
        Node((0, 1, 2), "identity"),
    )
    return [train_quickly(g) for g in (cnn, Genotype(32, 32, block, position="sinusoidal"))]


@pytest.fixture(scope="session")
def tiny_body(tmp_path_factory, bert_tokenizer):
    """Folder of a BERT of random weights without a masked-language-model head."""
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    size = {"hidden_size": 32, "intermediate_size": 64, "max_position_embeddings": 64}
    depth = {"num_hidden_layers": 1, "num_attention_heads": 2}
    config = BertConfig(vocab_size=len(bert_tokenizer), initializer_range=0.1, **size, **depth)
    folder = tmp_path_factory.mktemp("body")
    BertModel(config).save_pretrained(folder)
    bert_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_masked_lm(tmp_path_factory, tiny_body, mr):
    """Folder of a tiny masked language model, fitted to real sentences within seconds."""
    from rosearch.teacher import masked_lm

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROSEARCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(masked_lm, "TOKENS", 20_000)
        patch.setattr(masked_lm, "MAX_LENGTH", 64)
        patch.setattr(masked_lm, "LEARNING_RATE", 3e-3)
        return masked_lm.fit_masked_lm(mr.train.texts[:500], tiny_body, "tiny")


BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def missing(reason: str) -> None:
    """A browser that is not there skips a test, but not in continuous integration."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium; the environment variable CHROMIUM names another one.

    Closed with its module: while it is open, an event loop runs, and `asyncio.run` is refused.
    """
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        missing(
            f"browser tests need one of {', '.join(BROWSERS)} on the PATH, or its path in "
            "CHROMIUM; none was found"
        )
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing('browser tests need playwright: pip install "rosearch[dev]"')
    # Chromium's sandbox refuses to run as root.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=flags)
        yield running
        running.close()

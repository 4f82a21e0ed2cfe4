"""Defences by registry: a user's own ones, from settings to training."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rosearch.attacks.white_box import Ball
from rosearch.config import DistillConfig, from_dict
from rosearch.distill.batch import Batch
from rosearch.distill.data import EncodedTrain, TrainData
from rosearch.distill.defences import (
    DEFENCES,
    EmbeddingDefence,
    StepDefence,
    TokenDefence,
    TrainTexts,
    asked_defences,
)
from rosearch.distill.defences.compose import robust_method
from rosearch.distill.defences.embeddings import AtWorstPoint
from rosearch.distill.defences.steps import Composed, Plain, RobustMethod
from rosearch.distill.encode import encoded_texts, material_of
from rosearch.distill.objective import Objective
from rosearch.distill.train import train_student
from rosearch.encodings.vocabulary import plain_vocabulary
from rosearch.errors import UserError
from rosearch.evaluation.held_out import check
from rosearch.run.prepare import encode_settings
from rosearch.space.genotype import Genotype, Node
from rosearch.types import Fidelity

pytestmark = pytest.mark.usefixtures("scratch_registries")
CNN = Genotype(32, 32, (Node((0,), "conv3"),))
MINE = DistillConfig(substitution=0.0, defences=("swapped",))


@dataclass(frozen=True)
class Marks:
    ids: tuple[int, ...]


class Swapped(TokenDefence):
    """The last real token gives way to a mark."""

    name = "swapped"
    families = ("marks",)
    seen: Sequence[int] = ()

    def prepare(self, texts: TrainTexts) -> Marks:
        return Marks(tuple(texts.tokenizer.convert_tokens_to_ids(["elephant"])))

    def tokens(self, table: Marks) -> Iterable[int]:
        return table.ids

    def noise(self, config: DistillConfig, data: EncodedTrain, model: Any):
        found = data.table(Marks)
        assert found is not None

        def perturbed(model: Any, batch: Batch, objective: Objective) -> Batch:
            self.seen = found.ids
            ids = batch.ids.clone()
            ids[torch.arange(len(ids)), batch.mask.sum(1) - 1] = found.ids[0]
            return replace(batch, ids=ids)

        return perturbed


class Doubled(StepDefence):
    """Twice the loss."""

    name = "doubled"
    families = ()

    def method(self, config: DistillConfig, data: EncodedTrain, model: Any) -> RobustMethod:
        class Twice:
            def backward(self, model: Any, batch: Batch, objective: Objective) -> Tensor:
                loss = 2 * objective.losses(model, batch).mean()
                loss.backward()
                return loss.detach()

        return Twice()


@pytest.fixture
def own(scratch_registries: None) -> Swapped:
    DEFENCES.register(Doubled())
    return DEFENCES.register(Swapped())


def test_built_in_ones_are_asked_for_by_their_settings():
    def asked(**settings: object) -> list[str]:
        found = asked_defences(replace(DistillConfig(substitution=0.0), **settings))
        return [defence.name for defence in found]

    assert asked() == []
    assert asked(substitution=0.1) == ["random"]
    both = {"characters": 0.1, "substitution": 0.1, "substitution_choice": "first-order"}
    assert asked(adversarial="freelb", **both) == ["first-order", "characters", "freelb"]


def test_own_ones_are_asked_for_by_name(own: Swapped):
    config = from_dict({"distill": {"defences": ["doubled", "swapped"]}}).distill
    assert [d.name for d in asked_defences(config)] == ["random", "doubled", "swapped"]
    assert asked_defences(config.plain()) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"defences": ("nope",)},
            "no defence .nope.; the defences are random, first-order",
        ),
        ({"defences": ("pgd",)}, r"pgd is turned on by distill\.adversarial; set that"),
        ({"defences": ("doubled",), "adversarial": "pgd"}, "pgd and doubled each say how a step"),
    ],
)
def test_what_cannot_be_is_told(own: Swapped, settings: dict[str, object], message: str):
    with pytest.raises(UserError, match=message):
        asked_defences(replace(DistillConfig(), **settings))


def prepared(bert_tokenizer, distill: DistillConfig, trim: bool = False) -> EncodedTrain:
    texts = ["good film", "bad film", "fine story", "dull story"]
    config = from_dict({"encoding": {"trim": trim}})
    material = material_of(texts, 4, np.eye(2)[[0, 1, 0, 1]], bert_tokenizer)
    table = np.random.default_rng(0).normal(size=(len(bert_tokenizer), 64))
    settings = encode_settings(replace(config, distill=distill))
    return encoded_texts(settings, (), texts, material, table)["plain"]


def test_its_table_is_prepared_and_trimming_keeps_its_tokens(own: Swapped, bert_tokenizer):
    token = plain_vocabulary(bert_tokenizer).tokens.index("elephant")
    for config, kept in ((MINE, True), (replace(MINE, defences=()), False)):
        data = prepared(bert_tokenizer, config, trim=True)
        rows = data.vocabulary.rows
        assert (rows[token] != rows[bert_tokenizer.unk_token_id]) == kept
        assert (data.table(Marks) is not None) == kept


def test_training_goes_through_it(own: Swapped, bert_tokenizer):
    data = prepared(bert_tokenizer, MINE)
    train = TrainData({"plain": data}, [0, 1, 0, 1], np.eye(2)[[0, 1, 0, 1]], ("a", "b"), 1)

    def student(config: DistillConfig) -> list[Tensor]:
        model = train_student(CNN, train, config, Fidelity(2, 1.0, 0, ()), 0)
        return list(model.state_dict().values())

    first, second = student(MINE), student(replace(MINE, defences=()))
    assert own.seen and any(not torch.equal(a, b) for a, b in zip(first, second, strict=True))
    model = train_student(CNN, train, MINE, Fidelity(1, 1.0, 0, ()), 0)
    assert not isinstance(robust_method(MINE, data, model), Plain)


def test_a_ball_of_ones_own_is_climbed_in(own: Swapped, bert_tokenizer):
    class Wide(EmbeddingDefence):
        name = "wide"

        def ball(self, config: DistillConfig) -> Ball:
            return Ball("l2", 2.0, steps=1, step=2.0, random_start=False)

    DEFENCES.register(Wide())
    config = from_dict({"distill": {"substitution": 0, "defences": ["wide"]}}).distill
    data = prepared(bert_tokenizer, config)
    train = TrainData({"plain": data}, [0, 1, 0, 1], np.eye(2)[[0, 1, 0, 1]], ("a", "b"), 1)
    model = train_student(CNN, train, config, Fidelity(1, 1.0, 0, ()), 0)
    method = robust_method(config, data, model)
    assert isinstance(method, Composed) and isinstance(method.method, AtWorstPoint)


def test_what_it_knows_is_not_held_out(own: Swapped):
    final = {"final": {"held_out": ["characters"]}}
    check(from_dict({"distill": {"defences": ["swapped"]}, **final}))

    class Misspelt(Swapped):
        name = "misspelt"
        families = ("inner-letters",)

    class Silent(Swapped):
        name = "silent"
        families = None

    DEFENCES.register(Misspelt())
    DEFENCES.register(Silent())
    with pytest.raises(UserError, match=r"trained against inner-letters.*distill\.defences"):
        check(from_dict({"distill": {"defences": ["misspelt"]}, **final}))
    with pytest.raises(UserError, match=r"distill\.defences = .* does not state what it knows"):
        check(from_dict({"distill": {"defences": ["silent"]}, **final}))


def test_asking_for_defences_needs_no_torch():
    code = (
        "import sys; from rosearch.distill.defences import DEFENCES; list(DEFENCES.values()); "
        "print(any(m in sys.modules for m in ('torch', 'transformers')))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"

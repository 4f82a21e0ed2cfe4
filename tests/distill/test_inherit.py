"""Weight inheritance: what matches is copied, the rest is as initialised."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from rosearch.config import DistillConfig
from rosearch.distill.data import TrainData
from rosearch.distill.inherit import Ancestor, Lineage, MissingWeights, inherit, matching_nodes
from rosearch.distill.train import train_student
from rosearch.encodings.synonym import Synonym
from rosearch.encodings.vocabulary import Vocabulary
from rosearch.space.genotype import Genotype, Node
from rosearch.student.build import build_student
from rosearch.types import Fidelity

CONV, LSTM, GATE = Node((0,), "conv3"), Node((1,), "lstm"), Node((2,), "glu3", norm="layer")
PARENT = Genotype(32, 64, (CONV, LSTM, GATE), repeat=2)


def student(g, seed):
    vocabulary = Vocabulary(("[PAD]", "a", "b"), ((0,), (1,), (2,)), 0, None)
    return build_student(g, vocabulary, ("x", "y"), seed)


def inherited(child):
    parent, made, fresh = student(PARENT, 1), student(child, 2), student(child, 2)
    share = inherit(made, child, PARENT, parent.state_dict())
    return made.state_dict(), fresh.state_dict(), parent.state_dict(), share


def test_the_same_network_inherits_everything():
    made, _, parent, share = inherited(PARENT)
    assert share == 1.0
    assert all(torch.equal(made[name], parent[name]) for name in parent)


def test_a_changed_node_starts_anew_and_those_behind_it_inherit():
    made, fresh, parent, share = inherited(replace(PARENT, nodes=(CONV, Node((1,), "gru"), GATE)))
    changed = [name for name in made if ".nodes.1." in name]
    assert changed and all(torch.equal(made[name], fresh[name]) for name in changed)
    assert all(torch.equal(made[n], parent[n]) for n in made if ".nodes.1." not in n)
    assert 0.5 < share < 1.0


def test_an_inserted_node_shifts_the_others():
    nodes = (CONV, Node((1,), "ff2"), Node((2,), "lstm"), Node((3,), "glu3", norm="layer"))
    made, fresh, parent, _ = inherited(replace(PARENT, nodes=nodes))
    for cell in "01":
        begin = f"cells.{cell}.nodes"
        assert torch.equal(made[f"{begin}.3.norm.weight"], parent[f"{begin}.2.norm.weight"])
        assert torch.equal(made[f"{begin}.3.op.conv.weight"], parent[f"{begin}.2.op.conv.weight"])
        assert torch.equal(made[f"{begin}.1.op.up.weight"], fresh[f"{begin}.1.op.up.weight"])


def test_a_further_cell_takes_after_the_last_one():
    made, _, parent, _ = inherited(replace(PARENT, repeat=3))
    name = "nodes.0.op.conv.weight"
    assert torch.equal(made[f"cells.2.{name}"], parent[f"cells.1.{name}"])
    shared, _, parent, share = inherited(replace(PARENT, shared=True))
    assert share == 1.0 and torch.equal(shared[f"cells.0.{name}"], parent[f"cells.0.{name}"])


def test_a_wider_embedding_keeps_the_common_components():
    made, fresh, parent, _ = inherited(replace(PARENT, embedding_dim=48))
    table = "input.table.weight"
    assert torch.equal(made[table][:, :32], parent[table])
    assert torch.equal(made[table][:, 32:], fresh[table][:, 32:])
    narrow, _, parent, _ = inherited(replace(PARENT, embedding_dim=16))
    assert torch.equal(narrow[table], parent[table][:, :16])


def test_another_width_or_encoding_starts_its_own():
    made, fresh, _, share = inherited(replace(PARENT, width=96))
    assert torch.equal(
        made["cells.0.nodes.0.op.conv.weight"], fresh["cells.0.nodes.0.op.conv.weight"]
    )
    assert share < 0.1
    synonym = replace(PARENT, coding=Synonym())
    made, fresh, _, _ = inherited(synonym)
    assert torch.equal(made["input.table.weight"], fresh["input.table.weight"])


@pytest.mark.parametrize("seed", range(5))
def test_matched_nodes_are_alike_and_in_order(seed):
    rng = np.random.default_rng(seed)
    ops = ("conv3", "lstm", "ff1", "identity")

    def drawn():
        n = int(rng.integers(1, 7))
        return Genotype(32, 64, tuple(Node((i,), str(rng.choice(ops))) for i in range(n)))

    child, parent = drawn(), drawn()
    pairs = list(matching_nodes(child, parent))
    assert all(child.nodes[a].op == parent.nodes[b].op for a, b in pairs)
    assert pairs == sorted(pairs) and len({b for _, b in pairs}) == len(pairs)


def test_weights_are_left_and_found(tmp_path):
    family = Lineage(tmp_path / "weights", 0.06)
    model = student(PARENT, 1)
    family.leave(PARENT, model)
    genotype, weights = family.find(PARENT.hash)
    assert genotype == PARENT
    own = dict(model.named_parameters())
    assert weights.keys() == own.keys()
    assert all(torch.equal(weights[name], own[name].detach().half()) for name in weights)
    path = tmp_path / "weights" / f"{PARENT.hash}.safetensors"
    for broken in (b"", path.read_bytes()[:100]):
        path.write_bytes(broken)
        with pytest.raises(MissingWeights, match="no weights of the parent"):
            family.find(PARENT.hash)
    with pytest.raises(MissingWeights, match=r"search\.inherit"):
        family.find("other")


def test_a_child_is_trained_from_its_parents_weights(mr, mr_train):
    child = Genotype(32, 32, (Node((0,), "conv3"), Node((1,), "ff1")), pooling="max")
    parent = replace(child, nodes=child.nodes[:1])
    targets = np.zeros((2000, 2))
    data = TrainData({"plain": mr_train}, mr.train.labels[:2000], targets, mr.label_names, 1)

    def trained(g, origin=None, seed=3):
        fidelity = Fidelity(1, 0.02, 0, ())
        return train_student(g, data, DistillConfig(), fidelity, seed, parent=origin)

    old = trained(parent, seed=4)
    origin = Ancestor(parent, old.state_dict())
    new, again, alone = trained(child, origin), trained(child, origin), trained(child)
    name = "cells.0.nodes.0.op.conv.weight"
    assert torch.equal(new.state_dict()[name], again.state_dict()[name])
    start = old.state_dict()[name]
    assert (new.state_dict()[name] - start).norm() < (alone.state_dict()[name] - start).norm() / 3

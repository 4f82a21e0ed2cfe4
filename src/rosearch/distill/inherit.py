"""Weight inheritance: a child starts from its parent's weights wherever node and shape match.

As in evolution with inherited weights (Real et al. 2017, section 3.5) and function-preserving
morphisms (Elsken et al. 2019), but without any claim to keep the function: what doesn't match is
initialised anew. It is for ranking candidates only; finalists are trained from scratch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from rosearch.errors import UserError
from rosearch.io.files import new_file
from rosearch.space.genotype import Genotype, Node, from_json
from rosearch.student.model import StudentForSequenceClassification

TABLE = "input.table.weight"
TABLES = (TABLE, "votes.table.weight")  # one row for each token or cluster of an encoding


def _same_rows(child: Genotype, parent: Genotype) -> bool:
    return child.encoding_key == parent.encoding_key and child.framed == parent.framed


class Ancestor(NamedTuple):
    """A student whose weights another may start from; `weights` in half precision."""

    genotype: Genotype
    weights: Mapping[str, Tensor]


class Lineage(NamedTuple):
    """Where candidates leave their weights for their children.

    Attributes:
        portion: share of the training after which they do: that of the first rung, for it is the
            only one that every candidate certainly reaches before it has a child.
    """

    folder: Path
    portion: float

    def leave(self, g: Genotype, model: StudentForSequenceClassification) -> None:
        """Write a student's weights, whole or not at all."""
        tensors = {name: p.detach().half().contiguous() for name, p in model.named_parameters()}
        with new_file(self._path(g.hash)) as stream:
            stream.write(save(tensors, {"genotype": g.to_json()}))

    def find(self, parent: str) -> Ancestor:
        """The weights that the candidate of an id left.

        Raises:
            MissingWeights: they are gone; a child that starts from nothing would be another one.
        """
        path = self._path(parent)
        try:
            with safe_open(path, framework="pt") as file:
                genotype = from_json((file.metadata() or {}).get("genotype", ""))
                names = file.keys()
                return Ancestor(genotype, {name: file.get_tensor(name) for name in names})
        except (OSError, SafetensorError, UserError):
            raise MissingWeights(
                f"no weights of the parent in {path}; bring the file back, or start a run without "
                "search.inherit"
            ) from None

    def _path(self, candidate: str) -> Path:
        return self.folder / f"{candidate}.safetensors"


class MissingWeights(RuntimeError):
    """A parent's weights are gone."""


def inherit(
    model: StudentForSequenceClassification,
    child: Genotype,
    parent: Genotype,
    weights: Mapping[str, Tensor],
) -> float:
    """Copy what matches into a fresh student; the share of its parameters that was copied.

    Of an embedding of another dimension the common columns are copied: they are the same principal
    components in both.

    Args:
        model: built from `child`.
        weights: state of a student built from `parent`.
    """
    names = dict(_origins(child, parent, model))
    copied = 0
    with torch.no_grad():
        for name, own in model.named_parameters():
            found = weights.get(names.get(name, ""))
            if found is None:
                continue
            if name in TABLES and _same_rows(child, parent):
                common = min(own.shape[1], found.shape[1])
                own[:, :common] = found[:, :common]
                copied += own.shape[0] * common
            elif name not in TABLES and own.shape == found.shape:
                own.copy_(found)
                copied += own.numel()
    return copied / sum(p.numel() for p in model.parameters())


def _origins(
    child: Genotype, parent: Genotype, model: StudentForSequenceClassification
) -> Iterator[tuple[str, str]]:
    """Names of the child's parameters with those of the parent that stand in the same place."""
    nodes = dict(matching_nodes(child, parent))
    last = 0 if parent.shared else parent.repeat - 1
    for name, _ in model.named_parameters():
        if not name.startswith("cells."):
            yield name, name
            continue
        _, cell, _, node, rest = name.split(".", 4)
        if int(node) in nodes:
            yield name, f"cells.{min(int(cell), last)}.nodes.{nodes[int(node)]}.{rest}"


def matching_nodes(child: Genotype, parent: Genotype) -> Iterator[tuple[int, int]]:
    """Positions of equal nodes in the longest common order of both cells."""
    ours, theirs = [_kind(n) for n in child.nodes], [_kind(n) for n in parent.nodes]
    for block in SequenceMatcher(None, theirs, ours, autojunk=False).get_matching_blocks():
        for i in range(block.size):
            yield block.b + i, block.a + i


def _kind(node: Node) -> tuple[object, ...]:
    """What decides a node's parameters and what they are for; not where its inputs come from."""
    projected = len(node.inputs) if node.combine == "concat" else 0
    return node.op, node.norm, node.activation, projected

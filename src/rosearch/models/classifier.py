"""A classifier that is ready to be asked, whatever it is made of.

Shapes: N texts, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from rosearch.errors import UserError
from rosearch.models.answers import Answers, FunctionAnswers, NetworkAnswers
from rosearch.models.batches import ACCELERATED, ONE_BY_ONE, QUERIES, takes_types, tokenized
from rosearch.models.labels import LabelMap, check_labels, names_in, numbers
from rosearch.models.load import content_hash
from rosearch.models.network import Network, Tokenizer
from rosearch.tasks import Split, Task
from rosearch.tasks.words import Words, segment
from rosearch.types import ClassCounts, Text, class_counts

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# From texts, or from pairs `(first, second)`, to probabilities (N, C).
Predict = Callable[[list[Text]], object]


@dataclass(frozen=True, eq=False)
class Classifier:
    """A saved or freshly trained model with its tokenizer, or a function, and its labels.

    Attributes:
        answers: gives the probabilities.
        name: how reports call it.
        label_names: of its probabilities; none where it does not tell, as functions do not.
        folder: where it was read from.
        order: which of the network's outputs is each of its probabilities; None: as they come.
    """

    answers: Answers
    name: str = ""
    label_names: tuple[str, ...] = ()
    folder: Path | None = None
    order: tuple[int, ...] | None = None

    @classmethod
    def of(
        cls,
        model: Network,
        tokenizer: Tokenizer,
        name: str = "",
        folder: Path | None = None,
        one_by_one: bool = False,
    ) -> Classifier:
        """A network with its tokenizer, in evaluation mode.

        Args:
            one_by_one: no batches. An int8 graph needs it: it quantises activations over the whole
                batch, so what it says of a text would depend on the texts beside it.
        """
        model.eval()
        queries = QUERIES if model.device.type == "cpu" else ACCELERATED
        answers = NetworkAnswers(model, tokenizer, ONE_BY_ONE if one_by_one else queries)
        return cls(answers, name, names_in(getattr(model, "config", None)), folder)

    @classmethod
    def function(cls, predict: Predict) -> Classifier:
        """Any function whose probabilities are in the order of a task's labels."""
        name = getattr(predict, "__name__", type(predict).__name__)
        return cls(FunctionAnswers(predict), name)

    def probabilities(self, texts: Sequence[Text] | Sequence[Words]) -> np.ndarray:
        """Probabilities (N, C), float32, of texts or pairs, segmented or not."""
        found = self.answers.probabilities(_segmented(texts))
        return found if self.order is None or not found.size else found[:, list(self.order)]

    def reads(self, texts: Sequence[Text] | Sequence[Words]) -> Sequence[Hashable]:
        """How it reads texts or pairs: of texts that it reads alike it says the same."""
        return self.answers.reads(_segmented(texts))

    def correct(self, texts: Sequence[Text], labels: Sequence[int]) -> np.ndarray:
        """Which texts it gets right, (N,) bool.

        Args:
            labels: as it numbers them, see `in_order`.
        """
        if not texts:
            return np.zeros(0, dtype=bool)
        right: np.ndarray = self.probabilities(texts).argmax(1) == np.asarray(labels)
        return right

    def counts(self, split: Split) -> tuple[ClassCounts, ...]:
        """What it says of the texts of each class.

        Args:
            split: with the labels as it numbers them, see `in_order`.
        """
        said = self.probabilities(split.texts)
        return class_counts(said.argmax(1), split.labels, said.shape[1])

    def in_order(self, label_names: Sequence[str], label_map: LabelMap = ()) -> Classifier:
        """The same classifier, with probabilities in the order of a task's labels.

        Raises:
            UserError: it has other labels, see `rosearch.models.labels.numbers`.
        """
        found = numbers(self.label_names, label_names, label_map, self.name or "the model")
        order = found if self.order is None else tuple(self.order[i] for i in found)
        plain = order == tuple(range(len(order)))
        return replace(self, label_names=tuple(label_names), order=None if plain else order)

    def fitted(self, task: Task, split: Split) -> Classifier:
        """The same classifier in the order of a task's labels, after a look at what it says.

        Args:
            split: texts that it is asked about, unless it is a function.

        Raises:
            UserError: it has other labels, or is far worse than chance, as if they were swapped.
        """
        found = self.in_order(task.label_names, task.label_map)
        if split.texts and isinstance(self.answers, NetworkAnswers):
            said = found.probabilities(split.texts).argmax(1)
            order = found.order or range(task.classes)
            theirs = [self.label_names[i] for i in order] if self.label_names else []
            check_labels(said, split.labels, task.label_names, theirs, self.name or "the model")
        return found

    @cached_property
    def content(self) -> str | None:
        """Hash of its files; None of what was not read from any: it can't be told from another."""
        return None if self.folder is None else content_hash(self.folder)

    @property
    def network(self) -> NetworkAnswers:
        """Its network and tokenizer.

        Raises:
            UserError: it is a function.
        """
        if not isinstance(self.answers, NetworkAnswers):
            raise UserError(f"{self.name} is a function, which has no network; give a saved model")
        return self.answers

    @property
    def model(self) -> Network:
        """Its network; see `network`."""
        return self.network.model

    @property
    def tokenizer(self) -> Tokenizer:
        """Its tokenizer; see `network`."""
        return self.network.tokenizer

    @property
    def module(self) -> PreTrainedModel:
        """Its network as a torch module.

        Raises:
            UserError: it is a function or an ONNX graph.
        """
        if not isinstance(self.model, torch.nn.Module):
            raise UserError(
                f"{self.name} is an ONNX graph, which has no weights to work on; give the folder "
                "of a Hugging Face classifier"
            )
        return self.model

    @property
    def params(self) -> int:
        """Its parameters; 0 where it does not show any, as graphs and functions."""
        model = getattr(self.answers, "model", None)
        parameters = model.parameters() if isinstance(model, torch.nn.Module) else ()
        return sum(p.numel() for p in parameters)

    def reads_types(self, text: Text) -> bool:
        """Whether texts such as this one have token types, other than 0, that it takes."""
        types = takes_types(self.model, self.tokenizer)
        return tokenized(self.tokenizer, [text], None, types)[0].types is not None


def _segmented(texts: Sequence[Text] | Sequence[Words]) -> Sequence[Words]:
    """Words of texts; all of them are segmented already, or none."""
    if texts and isinstance(texts[0], Words):
        return cast(Sequence[Words], texts)
    return [segment(text) for text in cast(Sequence[Text], texts)]

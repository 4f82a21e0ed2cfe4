"""A model that says a rare label at a threshold: spam, abuse, fraud, at few false alarms.

The threshold is taken off the label's bias of the last layer, so it is part of the weights: whoever
loads the model, in whichever form, has it, and the likeliest label is the one to act on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from rosearch.errors import UserError
from rosearch.models.classifier import Classifier
from rosearch.results.words import share
from rosearch.robustness.alarms import log_odds, rare_label, threshold_of
from rosearch.tasks import Task
from rosearch.types import ClassCounts, Text, wilson

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class FalseAlarms:
    """How many false alarms a model may raise.

    Attributes:
        rate: share of the texts of the other label.
        rare: the label; None: the rarer of two that are uneven.
    """

    rate: float
    rare: str | None = None

    @classmethod
    def asked(cls, rate: float | None, rare: str | None) -> FalseAlarms | None:
        """None where no rate is asked for.

        Raises:
            UserError: a label without a rate, or a rate that is no share.
        """
        if rate is None:
            if rare is not None:
                raise UserError(
                    f"a threshold for {rare!r} needs the share of false alarms that it may have: "
                    "give --false-alarms, 0.01 for instance"
                )
            return None
        if not 0 <= rate < 1:
            raise UserError(f"false alarms are a share of texts, from 0 to below 1, not {rate:g}")
        return cls(rate, rare)


@dataclass(frozen=True)
class Threshold:
    """Where a model says a rare label.

    Attributes:
        label: number of the label in the task.
        name: of the label.
        rate: of false alarms that validation texts may have.
        log_odds: of the label, above which it is said.
        calm: validation texts of the other label, by which the threshold was chosen.
        above: of these, to how many the exported file gives the label.
    """

    label: int
    name: str
    rate: float
    log_odds: float
    calm: int
    above: int

    def told(self, counts: Sequence[ClassCounts]) -> str:
        """Its false alarms and recall in two sentences.

        Args:
            counts: of the exported file on the test split, in the order of the task's labels.
        """
        rare, other = counts[self.label], counts[1 - self.label]
        wrong = other.n - other.correct
        few = ", which of so few is none" if self.rate * self.calm < 1 else ""
        return (
            f"{self.name} is said above log-odds of {self.log_odds:.4g}, for at most "
            f"{self.rate:.4g} false alarms on the validation split: {self.above} of "
            f"{self.calm:,} texts{few}. On the test split false alarms are "
            f"{_rate(wrong, other.n)}, recall {_rate(rare.correct, rare.n)}."
        )

    def measured_on(self, exported: Classifier, task: Task) -> Threshold:
        """With the false alarms of the exported file."""
        said = exported.probabilities(_calm_texts(task, self.label)).argmax(1)
        return replace(self, above=int((said == self.label).sum()))


def _rate(found: int, n: int) -> str:
    return f"{share(found / n, wilson(found, n))} (n = {n:,})" if n else "unknown (no such text)"


def choose_threshold(victim: Classifier, task: Task, allowed: FalseAlarms) -> Threshold:
    """The least threshold that raises no more false alarms than that on the validation split.

    Args:
        victim: with the labels in the order of the task.

    Raises:
        UserError: see `rare_label`; no label is rare and none is named.
    """
    label = rare_label(task, allowed.rare)
    if label is None:
        raise UserError(
            "false alarms are of a rare label, and this task has none: it has to have two labels, "
            "uneven ones, and validation texts of both; name the one that is meant with --rare"
        )
    texts = _calm_texts(task, label)
    scores = log_odds(victim, texts, label)
    chosen = threshold_of(scores, allowed.rate)
    above = int((scores > chosen).sum())
    return Threshold(label, task.label_names[label], allowed.rate, chosen, len(texts), above)


def _calm_texts(task: Task, label: int) -> list[Text]:
    """The validation texts of the other label."""
    split = task.validation
    return [text for text, own in zip(split.texts, split.labels, strict=True) if own != label]


def with_threshold(victim: Classifier, threshold: Threshold) -> Classifier:
    """The same model, read anew, with the threshold in its weights.

    Args:
        victim: with the labels in the order of the task, read from a folder.

    Raises:
        UserError: its answers do not simply add a bias of its last layer.
    """
    from rosearch.models.open import open_classifier

    assert victim.folder is not None
    fresh = open_classifier(victim.folder)  # this one remembers what it has answered
    label = threshold.label if victim.order is None else victim.order[threshold.label]
    with torch.no_grad():
        _last_bias(fresh.module)[label] -= threshold.log_odds
    return fresh


def _last_bias(model: PreTrainedModel) -> Tensor:
    """The bias (C,) of the votes, or of the last linear map to the labels."""
    if getattr(model, "defence", None) is not None:
        raise UserError(_NOT_HERE.format("its inference-time defence averages several answers"))
    if getattr(model, "votes", None) is not None:
        voted: Tensor = model.votes.bias
        return voted
    last = [m for m in model.modules() if isinstance(m, nn.Linear)][-1:]
    if not last or last[0].out_features != model.config.num_labels or last[0].bias is None:
        raise UserError(_NOT_HERE.format("its last layer has no bias of each label"))
    return last[0].bias


_NOT_HERE = (
    "a threshold can't be built into this model: {}; export it without --false-alarms, and compare "
    "the probability of the label with a threshold of your own"
)

"""The worst substitutes of words that vote, exact where votes are a sum.

Certified training against word substitutions bounds what a network may say over all texts at once
(Jia et al. 2019; Huang et al. 2019). Of a sum of the words' votes the worst text is known: each
word takes the substitute that votes least for the text's class, whatever the others do. Students
without votes know nothing of it; how many of the words take it is a gene (`Votes.share`).

Shapes: B batch, T tokens, V tokens of the vocabulary, K substitutes, N words that are replaced,
C classes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rosearch.config import DistillConfig
from rosearch.distill.defences.substitution import Replacement, Substitutes, Substitution
from rosearch.distill.votes import MOST_SUBSTITUTES

if TYPE_CHECKING:
    from torch import Tensor

    from rosearch.distill.batch import Batch
    from rosearch.distill.objective import Objective
    from rosearch.student.model import StudentForSequenceClassification


@dataclass(frozen=True)
class Options(Substitutes):
    """Substitutes of every word, as `MOST_SUBSTITUTES` allows."""


class WorstSubstitution(Replacement):
    """About `share` of the whole words of a batch are replaced by their worst substitutes.

    The worst for the teacher's label against the class that the votes of the clean text put next,
    which of two classes is the other one. It is exact. Words that no substitute makes worse stay.
    """

    def __call__(
        self, model: StudentForSequenceClassification, batch: Batch, objective: Objective
    ) -> Batch:
        return self.replaced(model, batch, frame_weights(model, batch))

    def replaced(
        self, model: StudentForSequenceClassification, batch: Batch, weights: Tensor | None
    ) -> Batch:
        """The batch with the worst substitutes.

        Args:
            weights: how much its votes count, (B, T); None where no cell weighs them.
        """
        import torch

        assert model.votes is not None
        rows, columns = self.places(batch.ids)
        whole = model.votes.whole_words(batch.ids)[rows, columns]
        places = (rows[whole], columns[whole])  # (N,) each
        if not len(places[0]):
            return batch
        options = self.options(batch.ids[places])
        label, rival = compared(model, batch)
        with torch.no_grad():
            votes = model.votes.of_words(options, model.row_of(options))  # (N, K + 1, C)
            margins = _difference(votes, label[places[0], None], rival[places[0], None])
        if weights is not None:
            margins = margins * weights[places][:, None]
        ids = batch.ids.clone()
        ids[places] = options.gather(1, margins.argmin(1, keepdim=True))[:, 0]
        return replace(batch, ids=ids)

    def options(self, words: Tensor) -> Tensor:
        """Words (N,) and what they may be replaced by, (N, K + 1), filled up with themselves."""
        import torch

        column = torch.arange(self.table.shape[1], device=words.device)
        others = self.table[words].long()
        others = torch.where(column < self.count[words][:, None], others, words[:, None])
        return torch.cat([words[:, None], others], 1)


def compared(model: StudentForSequenceClassification, batch: Batch) -> tuple[Tensor, Tensor]:
    """The teacher's label of each text, and the class that its votes put next, (B,) each."""
    import torch

    assert model.votes is not None
    label = batch.targets.argmax(-1)
    if model.votes.classes == 2:
        return label, 1 - label
    with torch.no_grad():
        columns = model.votes.columns(batch.ids, model.row_of(batch.ids))
        sums = model.votes(columns, batch.mask.bool())
    return label, sums.scatter(1, label[:, None], -float("inf")).argmax(-1)


def frame_weights(model: StudentForSequenceClassification, batch: Batch) -> Tensor | None:
    """How much the votes of a batch count, (B, T), which no substitute of a content word changes;
    None where all count alike."""
    import torch

    from rosearch.distill.defences.steps import without_dropout

    if model.reach is None:
        return None
    with torch.no_grad(), without_dropout(model):
        vectors = model.input.embed(batch.ids)
        return model.weights_of(model.states(vectors, batch.mask.bool()))


def _difference(values: Tensor, label: Tensor, rival: Tensor) -> Tensor:
    """Values (..., C) of the label less those of the rival, (...); both (...) or broadcast."""
    shape = values.shape[:-1]
    ours = values.gather(-1, label.expand(shape)[..., None])
    return (ours - values.gather(-1, rival.expand(shape)[..., None]))[..., 0]


class WorstCase(Substitution):
    """Of students whose words vote, whatever the settings; see `WorstSubstitution`."""

    name = "worst-case"
    replacement = WorstSubstitution
    kind = Options
    most = MOST_SUBSTITUTES

    def share(self, config: DistillConfig, model: StudentForSequenceClassification) -> float:
        votes = model.config.genotype.get("votes")
        return float(votes["share"]) if votes else 0.0


WORST_CASE = WorstCase()

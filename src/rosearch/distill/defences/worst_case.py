"""The worst substitutes of words that vote, exact where votes are a sum.

Certified training against word substitutions bounds what a network may say over all texts at once
(Jia et al. 2019; Huang et al. 2019). Of a sum of the words' votes the worst text is known: each
word takes the substitute that votes least for the text's class, whatever the others do. Students
without votes know nothing of it; how many of the words take it is a gene (`Votes.share`).

Shapes: B batch, T tokens, V tokens of the vocabulary, K substitutes, N words that are replaced,
C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rosearch.attacks.constraints.words import not_a_stop_word
from rosearch.config import DistillConfig
from rosearch.distill.defences.base import TokenDefence, TrainTexts
from rosearch.distill.defences.substitution import Substitutes, substitutes

if TYPE_CHECKING:
    from torch import Tensor

    from rosearch.distill.batch import Batch
    from rosearch.distill.data import EncodedTrain
    from rosearch.distill.defences.steps import Noise
    from rosearch.distill.objective import Objective
    from rosearch.encodings.vocabulary import Vocabulary
    from rosearch.student.model import StudentForSequenceClassification

MOST = 40  # substitutes kept per word: of several lexicons, whose lists stand one after the other
CLEAN_WEIGHT = 0.3  # of the loss on the clean text, unless the configuration says otherwise


@dataclass(frozen=True)
class Options(Substitutes):
    """Substitutes of every word, as `MOST` allows."""


@dataclass(frozen=True, eq=False)
class WorstSubstitution:
    """About `share` of the whole words of a batch are replaced by their worst substitutes.

    The worst against the teacher's label: the vote for it less that for the class that the votes
    of the clean text put next, which of two classes is the other one and so exact. Words that no
    substitute makes worse stay.

    Attributes:
        table, count: `Options` as tensors (V, K) and (V,).
    """

    table: Tensor
    count: Tensor
    share: float

    def __call__(
        self, model: StudentForSequenceClassification, batch: Batch, objective: Objective
    ) -> Batch:
        import torch

        assert model.votes is not None
        drawn = torch.rand(batch.ids.shape, device=batch.ids.device) < self.share
        whole = model.votes.whole_words(batch.ids)
        places = (whole & drawn & (self.count[batch.ids] > 0)).nonzero(as_tuple=True)  # 2 x (N,)
        if not len(places[0]):
            return batch
        words = batch.ids[places]  # (N,)
        column = torch.arange(self.table.shape[1], device=words.device)
        options = self.table[words].long()  # (N, K)
        options = torch.where(column < self.count[words][:, None], options, words[:, None])
        options = torch.cat([words[:, None], options], 1)
        with torch.no_grad():
            label, rival = self.classes(model, batch)
            votes = model.votes.of_words(options, model.row_of(options))  # (N, K + 1, C)
            margin = votes.gather(-1, label[places[0]][:, None, None].expand(*options.shape, 1))
            margin = margin - votes.gather(
                -1, rival[places[0]][:, None, None].expand(*options.shape, 1)
            )
        ids = batch.ids.clone()
        ids[places] = options.gather(1, margin[..., 0].argmin(1, keepdim=True))[:, 0]
        return replace(batch, ids=ids)

    def classes(
        self, model: StudentForSequenceClassification, batch: Batch
    ) -> tuple[Tensor, Tensor]:
        """The teacher's label of each text, and the class that its votes put next, (B,) each."""
        assert model.votes is not None
        label = batch.targets.argmax(-1)
        columns = model.votes.columns(batch.ids, model.row_of(batch.ids))
        sums = model.votes(columns, batch.mask.bool())
        return label, sums.scatter(1, label[:, None], -float("inf")).argmax(-1)


class WorstCase(TokenDefence):
    """Of students whose words vote; see `WorstSubstitution`.

    The lexicons count as known anyway, so it states no families.
    """

    name = "worst-case"
    families = ()

    def prepare(self, texts: TrainTexts) -> Mapping[str, Sequence[str]]:
        return {w: found for w, found in texts.lexicon.items() if not_a_stop_word(w)}

    def fitted(self, table: Mapping[str, Sequence[str]], vocabulary: Vocabulary) -> Options:
        found = substitutes(vocabulary, table, MOST)
        return Options(found.ids, found.count)

    def noise(
        self, config: DistillConfig, data: EncodedTrain, model: StudentForSequenceClassification
    ) -> Noise | None:
        import torch

        found = data.table(Options)
        share = share_of(model)
        if found is None or not share:
            return None
        table, count = torch.from_numpy(found.ids), torch.from_numpy(found.count)
        return WorstSubstitution(table.to(model.device), count.to(model.device), share)


def share_of(model: StudentForSequenceClassification) -> float:
    """Share of the words that take their worst substitute while a student is trained."""
    votes = model.config.genotype.get("votes")
    return float(votes["share"]) if votes else 0.0


WORST_CASE = WorstCase()

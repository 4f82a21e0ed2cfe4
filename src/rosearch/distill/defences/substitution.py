"""Random synonym substitution: the student matches the teacher's clean output on other words.

Shapes: B batch, T tokens, V tokens of the vocabulary, K substitutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from rosearch.attacks.constraints.words import not_a_stop_word
from rosearch.config import DistillConfig
from rosearch.distill.defences.base import TokenDefence, TrainTexts

if TYPE_CHECKING:
    from torch import Tensor

    from rosearch.distill.batch import Batch
    from rosearch.distill.data import EncodedTrain
    from rosearch.distill.defences.steps import Noise
    from rosearch.distill.objective import Objective
    from rosearch.encodings.vocabulary import Vocabulary
    from rosearch.student.model import StudentForSequenceClassification

MOST = 12  # substitutes kept per word, the commonest senses first


@dataclass(frozen=True)
class Substitutes:
    """Tokens that may stand in for a token.

    Attributes:
        ids: (V, K) int32 token ids, valid up to `count`.
        count: (V,) int32, 0 for tokens that stay.
    """

    ids: np.ndarray
    count: np.ndarray


def substitutes(
    vocabulary: Vocabulary, lexicon: Mapping[str, Sequence[str]], most: int = MOST
) -> Substitutes:
    """Substitutes of the words that are one token each; those of the same row are left out.

    Args:
        lexicon: lower-cased word -> its substitutions.
        most: substitutes of a word.
    """
    ids = {token: i for i, token in enumerate(vocabulary.tokens)}
    rows = list(range(len(ids))) if vocabulary.rows is None else vocabulary.rows.tolist()
    table = np.zeros((len(ids), most), dtype=np.int32)
    count = np.zeros(len(ids), dtype=np.int32)
    for word, others in lexicon.items():
        token = ids.get(word)
        if token is not None:
            known = [ids[other] for other in map(str.lower, others) if other in ids]
            found = {rows[other]: other for other in known if rows[other] != rows[token]}
            chosen = list(found.values())[:most]
            table[token, : len(chosen)] = chosen
            count[token] = len(chosen)
    return Substitutes(table, count)


def substituted(ids: Tensor, table: Tensor, count: Tensor, share: float) -> Tensor:
    """Token ids (B, T) with about `share` of the replaceable words replaced at random.

    Args:
        table, count: `Substitutes` as tensors (V, K) and (V,).
    """
    import torch

    options = count[ids]  # (B, T)
    pick = (torch.rand(ids.shape, device=ids.device) * options).long()
    drawn = table[ids].gather(-1, pick[..., None])[..., 0].to(ids.dtype)
    chosen = (options > 0) & (torch.rand(ids.shape, device=ids.device) < share)
    return torch.where(chosen, drawn, ids)


@dataclass(frozen=True, eq=False)
class Replacement:
    """Noise that replaces words by their substitutes.

    Attributes:
        table, count: `Substitutes` as tensors (V, K) and (V,).
        share: of the replaceable words.
    """

    table: Tensor
    count: Tensor
    share: float

    def places(self, ids: Tensor) -> tuple[Tensor, ...]:
        """Rows and columns (N,) of about `share` of the replaceable words of token ids (B, T)."""
        import torch

        drawn = torch.rand(ids.shape, device=ids.device) < self.share
        return ((self.count[ids] > 0) & drawn).nonzero(as_tuple=True)

    def __call__(
        self, model: StudentForSequenceClassification, batch: Batch, objective: Objective
    ) -> Batch:
        """The batch with some words replaced."""
        raise NotImplementedError


class RandomSubstitution(Replacement):
    """Random synonym substitution as in SAFER (Ye et al. 2020, section 3), as training data.

    Words of both texts of a pair: more variety, though attacks change the second text only.

    Departures: SAFER predicts by a vote over such texts, here they are training data only; a word
    whose next piece continues it is replaced as well, now and then; it is noise.
    """

    def __call__(
        self, model: StudentForSequenceClassification, batch: Batch, objective: Objective
    ) -> Batch:
        return replace(batch, ids=substituted(batch.ids, self.table, self.count, self.share))


class Substitution(TokenDefence):
    """Words that are replaced by a substitution of the encoding's lexicons.

    Those lexicons count as known anyway, so it states no families.

    Attributes:
        replacement: which substitutions; `kind` and `most`: the table of those of a word.
    """

    setting = "substitution"
    families = ()
    replacement: ClassVar[type[Replacement]]
    kind: ClassVar[type[Substitutes]] = Substitutes
    most: ClassVar[int] = MOST

    def asked(self, config: DistillConfig) -> bool:
        return config.substitution > 0 and config.substitution_choice == self.name

    def share(self, config: DistillConfig, model: StudentForSequenceClassification) -> float:
        """Of the replaceable words."""
        return config.substitution

    def prepare(self, texts: TrainTexts) -> Mapping[str, Sequence[str]]:
        return {w: found for w, found in texts.lexicon.items() if not_a_stop_word(w)}

    def fitted(self, table: Mapping[str, Sequence[str]], vocabulary: Vocabulary) -> Substitutes:
        found = substitutes(vocabulary, table, self.most)
        return self.kind(found.ids, found.count)

    def noise(
        self, config: DistillConfig, data: EncodedTrain, model: StudentForSequenceClassification
    ) -> Noise | None:
        import torch

        found, share = data.table(self.kind), self.share(config, model)
        if found is None or not share:
            return None
        table, count = torch.from_numpy(found.ids), torch.from_numpy(found.count)
        return self.replacement(table.to(model.device), count.to(model.device), share)


class Random(Substitution):
    """At random."""

    name = "random"
    replacement = RandomSubstitution


RANDOM = Random()

"""What a training-time defence is: how a student is hardened while it is trained. Torch-free.

Two kinds compose. A token defence perturbs what the student reads; a step defence says how the
gradients of a step are made. Names, families and settings are asked for long before torch is
needed, so it is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from rosearch.config import DistillConfig
from rosearch.encodings.reader import Reader
from rosearch.types import Text

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from rosearch.attacks.white_box import Ball
    from rosearch.distill.data import EncodedTrain
    from rosearch.distill.defences.steps import Noise, RobustMethod
    from rosearch.encodings.vocabulary import Vocabulary
    from rosearch.student.model import StudentForSequenceClassification


@dataclass(frozen=True, eq=False)
class TrainTexts:
    """The train texts under one encoding, for tables that defences prepare once.

    Attributes:
        tokenizer: of the student, a fast one of Hugging Face.
        max_length: at which texts are cut.
        lexicon: lower-cased word -> its substitutions.
        reader: of those students that read texts before their tokens, if there may be any.
    """

    texts: Sequence[Text]
    tokenizer: PreTrainedTokenizerFast
    max_length: int
    lexicon: Mapping[str, Sequence[str]]
    seed: int
    reader: Reader | None = None


class Defence:
    """A training-time defence; a subclass is one of the two kinds below.

    Attributes:
        setting: of `distill`, the one that turns it on; `defences` lists those without their own.
        families: of attacks that students trained with it know, as attacks state theirs; None if
            nobody says which: no attack can be held out then.
    """

    name: ClassVar[str]
    setting: ClassVar[str] = "defences"
    families: ClassVar[tuple[str, ...] | None] = None

    def asked(self, config: DistillConfig) -> bool:
        """Whether the settings turn it on: its own one names it, unless a subclass knows better."""
        value: object = getattr(config, self.setting)
        return self.name in (value if isinstance(value, tuple) else (value,))

    def prepare(self, texts: TrainTexts) -> object | None:
        """A table that it reads in training, made once for each encoding; None needs none.

        `EncodedTrain.table` finds it by its class.
        """
        return None

    def tokens(self, table: Any) -> Iterable[int]:
        """Token ids that it puts into texts: trimming the vocabulary keeps their rows."""
        return ()

    def fitted(self, table: Any, vocabulary: Vocabulary) -> object:
        """The table for the vocabulary after trimming."""
        return table


class TokenDefence(Defence):
    """Perturbs what the student reads."""

    def noise(
        self, config: DistillConfig, data: EncodedTrain, model: StudentForSequenceClassification
    ) -> Noise | None:
        """What perturbs every batch; None where the encoding leaves nothing to perturb.

        It depends on the student's device and shape, never on its weights: a training that goes on
        from a checkpoint gets the same.
        """
        raise NotImplementedError(f"the defence {self.name} makes no noise")


class StepDefence(Defence):
    """Says how the gradients of a step are made; a training has one at most."""

    def method(
        self, config: DistillConfig, data: EncodedTrain, model: StudentForSequenceClassification
    ) -> RobustMethod:
        """How every step's gradients are made; as `TokenDefence.noise`, blind to weights."""
        raise NotImplementedError(f"the defence {self.name} makes no gradients")


class EmbeddingDefence(StepDefence):
    """Ascent on the embeddings within a ball, and a training step at its end."""

    families = ("embeddings",)

    def ball(self, config: DistillConfig) -> Ball:
        """Where embeddings may move, in units of the embedding scale."""
        raise NotImplementedError(f"the defence {self.name} has no ball")

    def method(
        self, config: DistillConfig, data: EncodedTrain, model: StudentForSequenceClassification
    ) -> RobustMethod:
        from rosearch.distill.defences.embeddings import AtWorstPoint, region_of

        return AtWorstPoint(region_of(self.ball(config), data, model))

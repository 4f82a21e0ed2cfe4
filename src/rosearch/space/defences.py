"""Inference-time defences as genes: what may wrap the forward pass of a student. Torch-free.

Their modules stand in `rosearch.student.defences`, as those of operations do in `layers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rosearch.encodings.genes import Choice, gene, short
from rosearch.io.plugins import Registry

MAX_COPIES = 64


@dataclass(frozen=True)
class InferenceDefence(Choice):
    """A defence with chosen genes; its class is what `INFERENCE_DEFENCES` holds.

    Attributes:
        module: `module:CLASS` of the torch module that takes the genes by name; see
            `rosearch.student.defences` for what it has to do. A saved student carries the source
            of the class, so that may need nothing but torch.
    """

    module: ClassVar[str]

    @property
    def passes(self) -> int:
        """Forward passes of the student for one answer."""
        return 1


@dataclass(frozen=True)
class MaskedMean(InferenceDefence):
    """The mean answer to copies of the text, in each of which other tokens are masked."""

    name = "masked_mean"
    text = "mean probabilities of copies of the text; copy j has every k-th token masked, from j on"
    source = "Zeng et al. 2023 (RanMASK), made deterministic"
    families = ()
    module = "rosearch.student.defences:MaskedMean"

    copies: int = gene([3, 2, 4], "how many copies: each token is masked in exactly one of them.")

    @property
    def passes(self) -> int:
        return self.copies

    def problems(self) -> list[str]:
        if 2 <= self.copies <= MAX_COPIES:
            return []
        return [f"copies: expected 2 to {MAX_COPIES}, found {short(self.copies)}"]


def passes_of(defence: InferenceDefence | None) -> int:
    """Forward passes for one answer; without a defence, one."""
    return 1 if defence is None else defence.passes


INFERENCE_DEFENCES: Registry[type[InferenceDefence]] = Registry(
    "inference defence", {"masked_mean": "rosearch.space.defences:MaskedMean"}
)

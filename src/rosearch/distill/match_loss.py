"""Matching what a student computes inside with chosen layers of the teacher.

Shapes: B batch, T tokens, W width of the student, D width of the teacher, H heads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from rosearch.distill.data import EncodedTrain
from rosearch.distill.losses import (
    attention_kl,
    attention_mse,
    hidden_cosine,
    hidden_mse,
    patient_hidden,
)
from rosearch.distill.match_schemes import Match, attention_node
from rosearch.errors import UserError
from rosearch.space.genotype import Genotype
from rosearch.space.ops import OPS
from rosearch.student.states import StudentStates
from rosearch.teacher.outputs import Index, TeacherOutputs

# Losses of states or maps of all tokens; `patient` reads first tokens only.
TOKEN_LOSSES: Mapping[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "hidden": hidden_mse,
    "cosine": hidden_cosine,
    "attention": attention_mse,
    "attention_kl": attention_kl,
}


def check_matches(
    matches: Sequence[Match], g: Genotype, data: EncodedTrain, outputs: TeacherOutputs
) -> None:
    """Whether a student of genotype `g` can be matched so.

    Raises:
        UserError: naming the first layer that is not there; or the student reads other tokens than
            the teacher and tokens are matched.
    """
    for m in matches:
        known = outputs.attention if m.of_attention else outputs.hidden
        if m.teacher not in known:
            raise UserError(
                f"matching: layer {m.teacher} of the teacher is not among those computed "
                f"({', '.join(map(str, sorted(known))) or 'none'})"
            )
    if any(m.of_tokens for m in matches) and not same_tokens(data, outputs):
        kinds = ", ".join(sorted({m.kind for m in matches if m.of_tokens}))
        raise UserError(
            f"matching {kinds} needs a student that reads the teacher's own tokens, and the "
            f"encoding of {g.encoding_key} makes others; use the plain encoding with the same "
            "max_length, or match first tokens only (patient)"
        )


def same_tokens(data: EncodedTrain, outputs: TeacherOutputs) -> bool:
    """Whether every train text is the same token ids to the student as it was to the teacher."""
    values, starts = outputs.ids.arrays
    return np.array_equal(data.starts, starts) and np.array_equal(data.ids, values)


@dataclass(frozen=True)
class TeacherRows:
    """What the matches read of the teacher for one batch; one tensor per match, float32.

    (B, D) for `patient`, (B, T, D) for states of tokens, (B, H, T, T) for attention.
    """

    values: tuple[Tensor, ...]


def teacher_rows(matches: Sequence[Match], outputs: TeacherOutputs, index: Index) -> TeacherRows:
    """Read the teacher's layers for the train texts `index` (B,)."""
    read: dict[tuple[bool, bool, int], Tensor] = {}
    for m in matches:
        key = (m.of_attention, m.of_tokens, m.teacher)
        if key not in read:
            layer = (outputs.attention if m.of_attention else outputs.hidden)[m.teacher]
            read[key] = layer.rows(index) if m.of_tokens else layer.first(index)
    return TeacherRows(tuple(read[m.of_attention, m.of_tokens, m.teacher] for m in matches))


class MatchLoss(nn.Module):
    """The sum of matching losses; holds the learned maps from student to teacher.

    States go through a linear map W -> D each, attention maps through a mixture of heads where the
    numbers of heads differ. Departures: TinyBERT has one map for all layers (section 3.1) and PKD
    none, as its widths are equal; equal widths are no equal axes where the student's embeddings
    are principal components. Train its parameters together with the student's.

    Args:
        g: of the student.
        outputs: of the teacher, for its widths and heads; must hold all layers, see
            `check_matches`.
        seed: of the maps' initialisation; the global generator is left as it was.
    """

    def __init__(
        self, matches: Sequence[Match], g: Genotype, outputs: TeacherOutputs, seed: int
    ) -> None:
        super().__init__()
        self.matches, self.outputs = tuple(matches), outputs
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.maps = nn.ModuleList(_map_of(m, g, outputs) for m in matches)

    def forward(self, states: StudentStates, mask: Tensor, rows: TeacherRows) -> Tensor:
        """Weighted sum (B,) of the losses of a batch.

        Args:
            mask: (B, T), true or 1 at real tokens.
            rows: of the same texts, see `teacher_rows`.
        """
        total = states.logits.new_zeros(len(mask))
        for m, to_teacher, teacher in zip(self.matches, self.maps, rows.values, strict=True):
            # (B, H, T, T) or (B, T, W)
            student = (states.attention if m.of_attention else states.outputs)[m.student]
            teacher = teacher.to(student)
            if m.kind == "patient":
                loss = patient_hidden(to_teacher(student[:, 0]), teacher)
            else:
                loss = TOKEN_LOSSES[m.kind](to_teacher(student), teacher, mask)
            total = total + m.weight * loss
        return total


class MixHeads(nn.Module):
    """Maps of the teacher's heads as mixtures of the student's: (B, H, T, T) -> (B, H', T, T).

    The weights of a mixture are positive with sum 1, so what it gives is attention again.
    """

    def __init__(self, heads: int, teacher_heads: int) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.randn(teacher_heads, heads))

    def forward(self, maps: Tensor) -> Tensor:
        return torch.einsum("gh,bhst->bgst", self.scores.softmax(-1), maps)


def _map_of(m: Match, g: Genotype, outputs: TeacherOutputs) -> nn.Module:
    if not m.of_attention:
        return nn.Linear(g.width, outputs.hidden[m.teacher].width)
    heads = OPS[g.nodes[attention_node(g) - 1].op].argument
    teacher_heads = outputs.attention[m.teacher].width
    return nn.Identity() if heads == teacher_heads else MixHeads(heads, teacher_heads)

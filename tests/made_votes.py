"""Students whose words vote at random."""

from __future__ import annotations

import numpy as np
import torch

from rosearch.encodings.vocabulary import Vocabulary
from rosearch.space.genotype import Genotype
from rosearch.student.build import build_student
from rosearch.student.model import StudentForSequenceClassification


def random_votes(
    g: Genotype,
    vocabulary: Vocabulary,
    classes: int = 2,
    seed: int = 0,
    *,
    scale: float = 1.0,
    bias: float = 0.0,
) -> StudentForSequenceClassification:
    """A student of random votes, some far beyond the bound; weights turn some of them round.

    Args:
        scale: standard deviation of the votes.
        bias: of the last class, and of the first one with a minus.
    """
    model = build_student(g, vocabulary, tuple("abcd"[:classes]), seed)
    votes = np.random.default_rng(seed).normal(0, scale, (vocabulary.n_rows, classes))
    with torch.no_grad():
        model.votes.table.weight.copy_(torch.from_numpy(votes.astype(np.float32)))
        model.votes.bias.copy_(torch.linspace(-bias, bias, classes))
        if g.framed:
            model.weigh.weight.normal_(generator=torch.Generator().manual_seed(seed))
    return model.eval()

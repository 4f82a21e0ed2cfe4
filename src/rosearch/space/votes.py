"""The additive readout as genes: whether a student's words vote for the classes. Torch-free.

Its module stands in `rosearch.student.votes`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rosearch.encodings.genes import Choice, gene, short

MOST = 1000.0  # of a bound


@dataclass(frozen=True)
class Votes(Choice):
    """Logits are a sum of the words' bounded votes: no cell, no embedding, and none of their genes.

    A word that is replaced moves the logits by no more than its own vote can: what no attack
    changes can be counted (`rosearch.attacks.certificates`).
    """

    name = "votes"
    text = "logits = b + sum over words of cap * tanh(z_word / cap)"
    source = (
        "additive models of words (Wang and Manning 2012); worst case of words in training as in "
        "Jia et al. 2019 and Huang et al. 2019, exact here"
    )
    families = ()

    cap: float = gene([0.5, 1.0, 2.0], "most that a word can say for or against each class.")
    context: float = gene(
        [0.0], "always 0; of students of earlier versions, the bound of a cell that read all words."
    )
    share: float = gene(
        [0.5, 0.25, 1.0, 0.0],
        "share of the words that take their worst substitute in training; with 0 they are replaced "
        "at random, as of other students.",
    )

    @property
    def alone(self) -> bool:
        """Whether nothing but the votes decides; of what is still built, all but frames."""
        return self.context == 0

    @property
    def framed(self) -> bool:
        """Whether the cell reads the frame only, and says how much each vote counts."""
        return False

    def problems(self) -> list[str]:
        found = []
        if not 0 < self.cap <= MOST:  # also refuses NaN
            found.append(f"cap: expected more than 0 to {MOST:g}, found {short(self.cap)}")
        if not 0 <= self.context <= MOST:
            found.append(f"context: expected 0 to {MOST:g}, found {short(self.context)}")
        if not 0 <= self.share <= 1:
            found.append(f"share: expected 0 to 1, found {short(self.share)}")
        return found

    def numbers(self) -> tuple[float, ...]:
        return (math.log2(self.cap), math.log2(1 + self.context), self.share)


@dataclass(frozen=True)
class FrameVotes(Votes):
    """Votes that count more or less, or the other way round, by where they stand in the frame.

    The cell reads function words and marks alone (`rosearch.encodings.frame`): "not", "too", "but"
    and a comma change what the words around them say. Attacks that replace content words leave the
    frame as it is, so the worst text is still known word by word.
    """

    name = "votes_frame"
    text = (
        "logits = b + sum over words of w_i * cap * tanh(z_word / cap) + context * tanh(cell / "
        "context), where cell and weights w_i = 1 + reach * tanh(v_i / reach) read the frame only"
    )
    source = (
        "votes as above; texts without content words: Zeman and Resnik 2008; words that shift the "
        "valence of others: Polanyi and Zaenen 2006"
    )

    context: float = gene(
        [1.0, 2.0], "most that the frame itself can say for or against each class."
    )
    share: float = gene(
        [0.35, 0.25, 0.3, 0.5],
        "share of the words that take their worst substitute in training; with 0 they are replaced "
        "at random, as of other students.",
    )
    reach: float = gene(
        [1.0, 1.5], "most that the frame changes the weight of a vote, which is 1 without it."
    )

    @property
    def framed(self) -> bool:
        return True

    def problems(self) -> list[str]:
        found = super().problems()
        if self.context == 0:
            found.append("context: expected more than 0, found 0")
        if not 0 < self.reach <= MOST:
            found.append(f"reach: expected more than 0 to {MOST:g}, found {short(self.reach)}")
        return found

    def numbers(self) -> tuple[float, ...]:
        return (*super().numbers(), self.reach)

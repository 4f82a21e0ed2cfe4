"""How a model is to be attacked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rosearch.attacks.methods import (
    check_attack,
)
from rosearch.errors import UserError


@dataclass(frozen=True)
class AttackSettings:
    """How a model is attacked.

    Attributes:
        attacks: names of attacks or suites.
        split: the texts to attack: the first `n` of a split.
        max_queries: query budget per text; None means no budget.
        total_queries: budget per attack for all texts. Every text gets an equal share, so that the
            outcome does not depend on the order in which texts are attacked; what an easy text
            leaves over is not passed on.
        target: name of the label that attacks must reach; None means any wrong label.
        masked_lm: folder or hub id of the masked language model for attacks that ask one; see
            `rosearch.teacher.masked_lm.masked_lm_folder`.
        similarity: whether to measure how alike flipped texts are to the original ones.
        device: where a model runs: `auto`, `cpu`, `cuda`, `cuda:1`, ...
    """

    attacks: tuple[str, ...] = ("wordnet",)
    split: str = "test"
    n: int = 200
    max_queries: int | None = None
    total_queries: int | None = None
    target: str | None = None
    masked_lm: str | None = None
    similarity: bool = True
    device: str = "auto"

    def check(self, label_names: Sequence[str]) -> None:
        """Refuse what cannot work.

        Raises:
            UserError: an unknown attack, split or target, or a budget below one query per text.
        """
        for name in self.attacks:
            check_attack(name)
        if self.split not in ("train", "validation", "test"):
            raise UserError(f"no split {self.split!r}; the splits are train, validation, test")
        if self.target is not None and self.target not in label_names:
            known = ", ".join(label_names)
            raise UserError(f"no label {self.target!r} to reach; the labels are {known}")
        if self.total_queries is not None and self.total_queries < self.n:
            raise UserError(
                f"a total of {self.total_queries} queries is less than one for each of {self.n} "
                "texts; raise it or attack fewer"
            )

    def budget(self, texts: int) -> int | None:
        """Query budget of one text."""
        limits = [self.max_queries, self.total_queries and self.total_queries // texts]
        return min((limit for limit in limits if limit is not None), default=None)

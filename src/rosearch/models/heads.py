"""Which classification heads are what RoSearch takes them for: one label of several per text."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rosearch.errors import UserError

if TYPE_CHECKING:
    from transformers import PretrainedConfig

FINE_TUNE = "fine-tune it on one label per text, as `rosearch search` and `distill` do by default"


def check_head(config: PretrainedConfig, name: str, missing: Iterable[str] = ()) -> None:
    """Refuse a model whose answers are no probabilities of labels that exclude each other.

    Args:
        missing: weights that are not in its files: transformers fills them with random numbers.

    Raises:
        UserError: weights are missing, or the head gives one number, or labels beside each other.
    """
    if lost := sorted(missing):
        raise UserError(
            f"the model {name!r} has no trained classification head: {_some(lost)} not in its "
            f"files, and its answers would be random; {FINE_TUNE}, or give a classifier"
        )
    kind = getattr(config, "problem_type", None)
    if config.num_labels == 1 or kind == "regression":
        raise UserError(
            f"the model {name!r} is no classifier: its head is a regression, which gives numbers "
            f"and no probabilities of labels; {FINE_TUNE}"
        )
    if kind == "multi_label_classification":
        raise UserError(
            f"the model {name!r} gives a text several labels (problem_type {kind}), and RoSearch "
            f"works with one label per text; {FINE_TUNE}"
        )


def begin_head(config: PretrainedConfig, name: str, fresh: Iterable[str]) -> None:
    """Make the head of a model that is going to be trained one of one label per text.

    Args:
        fresh: weights that begin as random numbers, which is said.
    """
    config.problem_type = None
    if new := sorted(fresh):
        line = f"{name} has no classification head for this task: a new one is trained"
        print(f"{line} ({_some(new)} new)", file=sys.stderr)


def _some(names: list[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more} {'is' if len(names) == 1 else 'are'}"

"""The budget of a run: what ends its search, and how a finished run is extended."""

from __future__ import annotations

from dataclasses import replace

from rosearch.config import MOST_CANDIDATES, RunConfig, from_dict, to_dict
from rosearch.errors import UserError

Amount = int | float | str  # as much in all, or `+` and as much more


def extended(
    config: RunConfig,
    candidates: Amount | None = None,
    minutes: Amount | None = None,
    queries: Amount | None = None,
) -> RunConfig:
    """The same run with a larger budget; what is None stays as it is.

    Raises:
        UserError: no amount, an addition to what has no limit, or less than before.
    """
    asked = {"candidates": candidates, "minutes": minutes, "queries": queries}
    changed = {
        name: _amount(name, getattr(config.search, name), amount)
        for name, amount in asked.items()
        if amount is not None
    }
    longer = replace(config, search=replace(config.search, **changed))  # type: ignore[arg-type]
    return from_dict(to_dict(longer))  # checks types and ranges


def without_budget(config: RunConfig) -> RunConfig:
    """All that decides a run besides its budget."""
    search = replace(config.search, candidates=MOST_CANDIDATES, minutes=None, queries=None)
    return replace(config, search=search)


def _amount(name: str, before: float | None, asked: Amount) -> float:
    text = str(asked).strip()
    try:
        number = float(text) if name == "minutes" else int(text)
    except ValueError:
        raise UserError(
            f"--{name} {text}: expected a number, or + and a number, such as +50"
        ) from None
    if text.startswith("+"):
        if before is None:
            raise UserError(f"--{name} {text}: the run has no such limit to add to; give a number")
        return before + number
    if before is not None and number < before:
        raise UserError(
            f"--{name} {text}: a run can only be extended, and this one has {before:g} already"
        )
    return number

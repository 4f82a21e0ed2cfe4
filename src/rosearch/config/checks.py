"""Checks of a configuration: each setting by what its field says, then what several must keep."""

from __future__ import annotations

from rosearch.config.sections import RunConfig, SearchConfig
from rosearch.config.setting import fields_of
from rosearch.errors import UserError


def check_config(config: RunConfig) -> None:
    """Refuse settings that are not allowed, or not together.

    Raises:
        UserError: naming the first one, what is allowed and what was found.
    """
    for name, field in fields_of(RunConfig).items():
        problem = field.problem(field.value_in(config))
        if problem:
            raise UserError(f"config: {name}: {problem}")
    _check_rungs(config.search)


def _check_rungs(search: SearchConfig) -> None:
    rungs = list(search.rungs)
    if rungs != sorted(rungs) or rungs[-1] != 1:
        raise UserError(
            "config: search.rungs: expected shares that grow and end with 1, such as "
            f"[0.12, 1], found {rungs}"
        )
    if search.inherit and len(rungs) < 2:
        raise UserError(
            f"config: search.inherit needs several search.rungs, such as [0.12, 1], found {rungs}"
        )

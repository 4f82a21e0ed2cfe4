"""Executors: where evaluations run. One Protocol, one behaviour suite."""

from __future__ import annotations

from typing import Any

from rosearch.errors import UserError, require
from rosearch.executors.base import Evaluate, Executor, evaluate
from rosearch.executors.faults import Limits

NAMES = ("local", "ray", "in-process")
WORKERS = 2  # on this machine


def make_executor(
    name: str,
    context: Any,
    workers: int | None = None,
    limits: Limits | None = None,
    evaluate: Evaluate = evaluate,
    address: str | None = None,
    per_device: int | None = None,
) -> Executor:
    """An executor by name.

    Args:
        name: `local` (a pool of processes), `ray` or `in-process`.
        workers: by default 2, or with Ray as many as the cluster has room for.
        address, per_device: see `rosearch.executors.ray_pool.RayPool`.

    Raises:
        UserError: no such executor, or an option that it does not have.
    """
    check_executor(name, address, per_device)
    if name == "ray":
        from rosearch.executors.ray_pool import RayPool

        return RayPool(context, workers, limits, evaluate, address, per_device)
    from rosearch.executors.local import InProcess, ProcessPool

    if name == "in-process":
        return InProcess(context, evaluate)
    return ProcessPool(context, workers or WORKERS, limits, evaluate)


def check_executor(name: str, address: str | None = None, per_device: int | None = None) -> None:
    """Refuse what no executor can do, before any work is done.

    Raises:
        UserError: no such executor, or an option that it does not have.
        MissingExtra: Ray is not installed.
    """
    if name not in NAMES:
        raise UserError(f"no executor {name!r}; the executors are {', '.join(NAMES)}")
    if name != "ray":
        for option, value in (("--address", address), ("--per-device", per_device)):
            if value is not None:
                raise UserError(f"{option} needs --executor ray, found --executor {name}")
    else:
        require("ray", "ray")

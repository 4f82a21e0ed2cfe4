"""An executor on a Ray cluster, or on one that it starts on this machine.

Ray places supervisors, one per worker, by the resources they ask for; the pool feeds them as it
feeds local workers. The context is put into the object store once, each machine fetches it once.
Folders that a job reads or makes travel with it. What else is read by path has to be there on each
machine, or on storage that they share: the models of attacks that need one (the cache folder,
ROSEARCH_CACHE) and checkpoints, without which a training starts anew. Plugins travel as rosearch
itself does; what they import besides has to be installed on the machines.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Protocol, cast

from rosearch.errors import UserError, one_line, require
from rosearch.executors.base import Evaluate, ExecutorSettings, NamedExecutor, R, evaluate
from rosearch.executors.faults import Limits, WorkerDied
from rosearch.executors.pool import Pool
from rosearch.executors.supervisor import (
    Files,
    HasFolder,
    Supervisor,
    packed_folders,
    run_elsewhere,
    write_files,
)
from rosearch.executors.worker import opened
from rosearch.io.files import new_folder
from rosearch.io.plugins import loaded_plugins, plugin_files

STORE = 200_000_000  # least bytes of the object store of a cluster on this machine


class RayPool(Pool):
    """Workers on a Ray cluster, each with one CPU and, if asked for, a share of an accelerator.

    Args:
        workers: as many as the cluster has room for if None.
        address: `auto`, HOST:PORT or ray://HOST:PORT; None starts a cluster on this machine, which
            ends with the executor.
        per_device: workers that share one accelerator; None asks for none.

    Raises:
        UserError: no cluster there, or nothing in it that a worker could run on.
        MissingExtra: Ray is not installed.
    """

    def __init__(
        self,
        context: object,
        workers: int | None = None,
        limits: Limits | None = None,
        evaluate: Evaluate = evaluate,
        address: str | None = None,
        per_device: int | None = None,
    ) -> None:
        limits = limits or Limits()
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # telemetry
        # Ray otherwise hides all accelerators from workers that ask for none, with a warning.
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        ray = require("ray", "ray")
        pickled = ray.cloudpickle.dumps(context)
        self.started = _connect(ray, address, workers, len(pickled))
        try:
            room = _room(ray, per_device)
            share = 1 / per_device if per_device else 0
            actor = ray.remote(Supervisor).options(num_cpus=1, num_gpus=share)
            make = partial(_Remote, ray, actor, ray.put(pickled), limits.gigabytes)
            super().__init__(make, workers or room, limits, evaluate)
        except BaseException:
            self._disconnect(ray)
            raise

    def __exit__(self, *error: object) -> None:
        try:
            super().__exit__(*error)
        finally:
            self._disconnect(require("ray", "ray"))

    def _disconnect(self, ray: ModuleType) -> None:
        if self.started:
            ray.shutdown()


class _Method(Protocol):
    """A method of an actor, called elsewhere."""

    def remote(self, *args: object) -> object: ...


class _Actor(Protocol):
    """A supervisor elsewhere."""

    start: _Method
    run: _Method


class _ActorClass(Protocol):
    """Starts supervisors elsewhere."""

    def remote(self, *args: object) -> _Actor: ...


class _Remote:
    """The handle of a worker elsewhere; see `rosearch.executors.worker.Worker`."""

    def __init__(
        self, ray: ModuleType, actor: _ActorClass, context: object, gigabytes: float | None
    ) -> None:
        self.ray = ray
        # Inside a list, so that Ray hands on the reference and the actor fetches the bytes.
        self.supervisor = actor.remote([context], gigabytes, loaded_plugins())

    def start(self) -> None:
        """Return when the cluster has placed the worker and it is ready."""
        opened(self._get(self.supervisor.start.remote()))

    def run(self, function: Callable[..., R], args: tuple[object, ...], seconds: float | None) -> R:
        call = (run_elsewhere, (function, args, packed_folders(args)))
        task = self.ray.cloudpickle.dumps(call)  # takes functions of the main script along
        packed = opened(self._get(self.supervisor.run.remote(task, seconds)))
        result, made = cast(tuple[R, dict[int, Files]], packed)
        for i, files in made.items():
            with new_folder(cast(HasFolder, args[i]).folder) as folder:
                write_files(files, folder)
        return result

    def stop(self) -> None:
        self.ray.kill(self.supervisor)

    def _get(self, reference: object) -> bytes:
        try:
            packed: bytes = self.ray.get(reference)
        except self.ray.exceptions.RayError as error:
            kind = type(error).__name__
            raise WorkerDied(f"its machine or its Ray process was lost ({kind})") from None
        return packed


def _connect(ray: ModuleType, address: str | None, workers: int | None, size: int) -> bool:
    """Connect to a cluster or start one; False if the program is connected already."""
    if ray.is_initialized():
        return False
    own: dict[str, object] = {
        "num_cpus": workers,
        "object_store_memory": max(STORE, 3 * size),
        "include_dashboard": False,
    }
    try:
        if address is not None and address != "auto":
            _knock(address)
        ray.init(
            address or "local",  # with None, Ray would look for a running cluster
            logging_level="ERROR",
            log_to_driver=False,
            runtime_env=_code(address),
            **(own if address is None else {}),
        )
    except Exception as error:  # Ray raises plain ones, too
        raise UserError(
            f"cannot use a Ray cluster at {address or 'this machine'}: {one_line(error)}; "
            "`ray start --head` starts one, without --address one is started for this run"
        ) from error
    return True


def _knock(address: str) -> None:
    """Connect and hang up: Ray itself tries for minutes.

    Raises:
        OSError: nobody answers.
        ValueError: not an address.
    """
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not (colon and host and port.isdecimal() and int(port) < 65536):
        raise ValueError("expected auto, HOST:PORT or ray://HOST:PORT")
    socket.create_connection((host, int(port)), timeout=5.0).close()


def _room(ray: ModuleType, per_device: int | None) -> int:
    """How many workers fit into the cluster.

    Raises:
        UserError: none.
    """
    found = ray.cluster_resources()
    cpus, devices = int(found.get("CPU", 0)), int(found.get("GPU", 0))
    room = cpus if per_device is None else min(cpus, devices * per_device)
    if room < 1:
        raise UserError(
            f"the Ray cluster has {cpus} CPUs and {devices} accelerators: no worker fits; "
            "leave out --per-device where there are no accelerators"
        )
    return room


def _code(address: str | None) -> dict[str, object]:
    """What makes workers import the same rosearch as this program."""
    if address is None:
        return {"env_vars": {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}}
    return {"py_modules": [str(Path(__file__).parents[1]), *map(str, plugin_files())]}


def _make(context: object, settings: ExecutorSettings) -> RayPool:
    s = settings
    return RayPool(context, s.workers, s.limits, s.evaluate, s.address, s.per_device)


def _check(name: str, settings: ExecutorSettings) -> None:
    require("ray", "ray")


RAY = NamedExecutor("ray", _make, _check)

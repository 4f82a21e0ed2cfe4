from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import worker_tasks

from rosearch.executors import make_executor
from rosearch.executors.base import Executor
from rosearch.executors.faults import Limits

os.environ["RAY_DISABLE_IMPORT_WARNING"] = "1"
WITH_RAY = pytest.param(
    "ray",
    marks=[
        pytest.mark.ray,
        pytest.mark.skipif(find_spec("ray") is None, reason="the extra ray is not installed"),
    ],
)
LIMITS = Limits(seconds=3.0, gigabytes=0.4)


@pytest.fixture(scope="module")
def traces(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("traces")


@pytest.fixture(scope="module", params=["in-process", "local", WITH_RAY])
def executor(request, traces: Path) -> Iterator[Executor]:
    """Every executor, with two workers where it may have several."""
    folder = traces / request.param
    folder.mkdir()
    with make_executor(request.param, folder, 2, LIMITS, worker_tasks.evaluate) as made:
        yield made


@pytest.fixture
def pool(executor: Executor) -> Executor:
    """The executors whose workers are processes of their own."""
    if executor.workers == 1:
        pytest.skip("evaluates in this process")
    return executor


@pytest.fixture
def folder(executor: Executor) -> Path:
    """The context of the executor."""
    return executor.call(worker_tasks.context_of, None).result(timeout=60)

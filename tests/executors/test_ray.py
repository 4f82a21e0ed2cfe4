"""What only Ray has: accelerators, folders that travel, machines that are lost."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

import pytest
import worker_tasks
from worker_tasks import Model, environment, job, noted, read, save

from rosearch.errors import MissingExtra, UserError
from rosearch.executors import make_executor
from rosearch.executors.faults import Limits

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.ray
SMALL = {"object_store_memory": 80_000_000}


@pytest.fixture(scope="module")
def two_devices():
    """A connection to a cluster with two accelerators that it is only told about."""
    assert not ray.is_initialized(), "the executor of another test did not end its cluster"
    ray.init(
        "local",
        num_cpus=4,
        num_gpus=1,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join(sys.path)}},
        **SMALL,
    )
    yield
    ray.shutdown()


def test_workers_share_an_accelerator(two_devices: None, tmp_path: Path):
    with make_executor("ray", tmp_path, per_device=2) as executor:
        assert executor.workers == 2
        seen = [executor.call(environment, "CUDA_VISIBLE_DEVICES") for _ in range(4)]
        assert [future.result(timeout=60) for future in seen] == ["0"] * 4
    assert ray.is_initialized()  # the connection was not the executor's


def test_folders_travel_with_their_job(two_devices: None, tmp_path: Path):
    made = Model("student", tmp_path / "students" / "a")
    there = Model("teacher", tmp_path / "teacher")
    there.folder.mkdir()
    (there.folder / "name").write_text("from here")
    with make_executor("ray", tmp_path, 1) as executor:
        worked_in = executor.call(save, made).result(timeout=60)
        name, read_in = executor.call(read, there).result(timeout=60)
    assert name == "from here"
    assert not {worked_in, read_in} & {str(made.folder), str(there.folder)}
    assert (made.folder / "deep" / "weights").read_bytes() == bytes(range(256))
    assert (made.folder / "name").read_text() == "student"
    assert [p.name for p in made.folder.parent.iterdir()] == ["a"]


def test_functions_of_the_main_script_travel_too(two_devices: None):
    with make_executor("ray", 10, 1) as executor:
        assert executor.call(lambda x, context: x + context, 1).result(timeout=60) == 11


def test_a_cluster_without_accelerators_is_told_early(two_devices: None, monkeypatch):
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 4.0})
    with pytest.raises(UserError, match="4 CPUs and 0 accelerators: no worker fits"):
        make_executor("ray", None, per_device=8)


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_without_a_cluster_the_address_is_told(scheme: str):
    if ray.is_initialized():
        ray.shutdown()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"{scheme}127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(UserError, match=rf"Ray cluster at {address}: .*refused.*`ray start"):
            make_executor("ray", None, address=address)


@pytest.mark.parametrize("address", ["here", "host:", "host:99999", "ray://"])
def test_what_is_no_address_is_told(address: str):
    with pytest.raises(UserError, match="expected auto, HOST:PORT or ray://HOST:PORT"):
        make_executor("ray", None, address=address)


def test_without_the_extra_the_command_that_installs_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r'pip install "rosearch\[ray\]"'):
        make_executor("ray", None)


@pytest.mark.slow
def test_a_lost_machine_costs_nothing(tmp_path: Path, monkeypatch):
    """Two machines of a cluster; one is lost with a candidate under way."""
    from ray.cluster_utils import Cluster

    if ray.is_initialized():
        ray.shutdown()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # the tests' own code
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **SMALL})
    try:
        nodes = [cluster.add_node(num_cpus=1, **SMALL) for _ in range(2)]
        with make_executor(
            "ray", tmp_path, 2, Limits(), worker_tasks.evaluate, address=cluster.address
        ) as executor:
            futures = [executor.submit(job(i, "slow")) for i in range(12)]
            while noted(tmp_path, "attempt-0") + noted(tmp_path, "attempt-1") < 2:
                assert not futures[0].done(), futures[0]
                time.sleep(0.05)
            cluster.remove_node(nodes[0], allow_graceful=False)
            assert [f.result(timeout=120).params for f in futures] == list(range(12))
        attempts = [noted(tmp_path, f"attempt-{i}") for i in range(12)]
        assert set(attempts) == {1, 2} and sum(attempts) <= 14
    finally:
        ray.shutdown()
        cluster.shutdown()

"""The programs in examples/ that carry an exported student elsewhere, on a tiny one."""

from __future__ import annotations

import asyncio
import importlib
import json
import resource
import socket
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest

from rosearch.models.open import open_classifier

EXAMPLES = Path(__file__).parents[2] / "examples"
TEXTS = ["A gorgeous, witty film.", "Dull and slow.", "x" * 5000, "naïve 日本 \N{PILE OF POO}"]


@pytest.fixture
def examples(monkeypatch):
    """Modules of examples/ can be imported; fresh ones each time."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield importlib.import_module
    for name in ("exported", "service", "mlflow_model"):
        sys.modules.pop(name, None)


@contextmanager
def running(app: object):
    """The port of a server in a thread."""
    import uvicorn

    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen(2048)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            yield bound.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def service(examples, onnx, monkeypatch):
    pytest.importorskip("fastapi")
    monkeypatch.setenv("MODEL", str(onnx.out))
    module = examples("service")
    with running(module.app) as port:
        yield module, port


async def asked(port: int, body: bytes, kind: str = "application/json", path: str = "/predict"):
    """Status and answer of one POST; GET without a body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    method = "POST" if body else "GET"
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    answer = await reader.read()
    writer.close()
    status, _, rest = answer.partition(b"\r\n")
    return int(status.split()[1]), json.loads(rest.partition(b"\r\n\r\n")[2])


def one(text: str) -> bytes:
    return json.dumps({"text": text}).encode()


def test_an_export_answers_the_same_without_rosearch(examples, onnx):
    alone, ours = examples("exported").Exported(str(onnx.out)), open_classifier(onnx.out)
    assert tuple(alone.labels) == ours.label_names
    np.testing.assert_allclose(alone(TEXTS), ours.probabilities(TEXTS), atol=1e-6)
    pair = ("A man sings.", "Somebody makes music.")
    np.testing.assert_allclose(alone([pair]), ours.probabilities([pair]), atol=1e-6)


def test_the_service_answers_as_the_model_does(service, onnx):
    _, port = service
    ours = open_classifier(onnx.out)

    async def both():
        return await asyncio.gather(*(asked(port, one(text)) for text in TEXTS))

    for (status, answer), row in zip(asyncio.run(both()), ours.probabilities(TEXTS), strict=True):
        assert status == 200
        assert list(answer.values()) == pytest.approx(row.tolist(), abs=1e-5)
    status, told = asyncio.run(asked(port, b"", path="/health"))
    assert (status, told["labels"], told["waiting"]) == (200, list(ours.label_names), 0)


def test_bad_input_is_refused_and_the_service_goes_on(service):
    _, port = service
    cases = [
        (one(" \n"), "application/json", 422),
        (one("x" * 1_000_000), "application/json", 413),
        (bytes(range(256)), "application/json", 400),
        (one("good"), "text/plain", 415),
        (one("good"), "application/octet-stream", 415),
        (b"[1, 2]", "application/json", 400),
        (b'{"text": 3}', "application/json", 400),
        (b'{"text": "\\ud800"}', "application/json", 422),
        (b"[" * 60_000, "application/json", 400),
    ]
    for body, kind, expected in cases:
        status, answer = asyncio.run(asked(port, body, kind))
        assert (status, len(answer["error"]) > 10) == (expected, True), body[:30]
    assert asyncio.run(asked(port, one("good")))[0] == 200


def test_a_thousand_requests_at_once_are_answered_or_told_to_wait(service, monkeypatch):
    module, port = service
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    monkeypatch.setattr(module, "WAITING", 100)
    before = psutil.Process().memory_info().rss

    async def crowd():
        return await asyncio.gather(*(asked(port, one("a good film")) for _ in range(1000)))

    try:
        found = Counter(status for status, _ in asyncio.run(crowd()))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert found[200] + found[429] == 1000 and found[200] >= 100
    assert psutil.Process().memory_info().rss - before < 200e6
    assert asyncio.run(asked(port, b"", path="/health"))[1]["waiting"] == 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_mlflow_loads_what_the_example_saves(onnx, tmp_path):
    import pandas as pd

    mlflow = pytest.importorskip("mlflow")
    out = tmp_path / "model"
    command = [sys.executable, str(EXAMPLES / "mlflow_model.py"), str(onnx.out), str(out)]
    subprocess.run(command, check=True, capture_output=True)
    assert not list(out.rglob("*.pkl"))
    model = mlflow.pyfunc.load_model(str(out))
    assert model.metadata.get_input_schema().input_names() == ["text"]
    assert model.input_example is not None
    found = model.predict(pd.DataFrame({"text": TEXTS}))
    answers = open_classifier(onnx.out).probabilities(TEXTS)
    np.testing.assert_allclose(found[list(onnx.source.task.label_names)], answers, atol=1e-6)
    assert list(found["label"]) == [onnx.source.task.label_names[i] for i in answers.argmax(1)]
    with pytest.raises(mlflow.exceptions.MlflowException, match="text"):
        model.predict(pd.DataFrame({"other": ["x"]}))

"""`rosearch try`: what is asked over the wire, what is refused, and how the command ends."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from made_runs import EVIL_LABELS, made_run
from served import served
from tried import running

from rosearch.cli.main import app, code_of
from rosearch.results.store import Store
from rosearch.serve.asked import MOST_CHARACTERS
from rosearch.serve.subject import Example, Subject, find_subject
from rosearch.student.saving import save_student

JSON = {"Content-Type": "application/json"}
TEXT = "A gor geous film, with a good ending!"
EXAMPLE = Example("a good film", None, "good", ("wordnet",), ())


@pytest.fixture(scope="module")
def subject(voting) -> Subject:
    student = voting(("bad", "good"), reads=True)
    return Subject("tried", student, "films", voting(("bad", "good")), examples=(EXAMPLE,))


@pytest.fixture(scope="module")
def page(subject) -> Iterator[str]:
    with running(subject) as url:
        yield url


def ask(
    url: str, path: str, body: Any, headers: dict[str, str] = JSON, method: str = "POST"
) -> tuple[int, dict[str, str], Any]:
    """Status, headers with small names, and the JSON that came back."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection.request(method, f"/{path}", sent, headers)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, found, json.loads(answer.read())
    finally:
        connection.close()


def test_both_models_answer_and_the_student_says_what_it_read(page: str, subject: Subject) -> None:
    status, headers, found = ask(page, "student", {"text": TEXT})
    assert status == 200
    said = subject.student.probabilities([TEXT])[0]
    assert found["probabilities"] == pytest.approx(said.tolist(), abs=1e-6)
    assert ["gor geous", "gorgeous"] in found["read_as"]
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert "unsafe" not in headers["content-security-policy"]
    beside = ask(page, "teacher", {"text": TEXT})[2]["probabilities"]
    assert beside == pytest.approx(subject.teacher.probabilities([TEXT])[0].tolist(), abs=1e-6)
    about = ask(page, "model", None, method="GET")[2]
    assert about["labels"] == ["bad", "good"]
    assert about["examples"][0]["fell"] == ["wordnet"]
    weighed = ask(page, "words", {"text": TEXT})[2]
    assert weighed["exact"]
    assert "gorgeous" in [piece for piece, _ in weighed["texts"][0]]
    sure = ask(page, "certain", {"text": "good " * 40})[2]["certain"]
    assert "No two words can flip this, whatever is put in their place." in sure


def test_an_attack_is_told_step_by_step(page: str, subject: Subject) -> None:
    about = ask(page, "model", None, method="GET")[2]
    assert {"wordnet", "characters"} < {name for name, _ in about["attacks"]}
    assert "fgsm" not in {name for name, _ in about["attacks"]}  # changes no words
    text = "a dull film, hardly worth the trouble of seeing it"
    found = ask(page, "attack", {"text": text, "attack": "characters"})[2]
    first, *steps = found["steps"]
    assert (first["text"], first["pieces"]) == (text, [["same", text]])
    assert steps
    for before, step in zip(found["steps"], steps, strict=False):
        assert before["text"].replace(step["gone"], step["new"], 1) == step["text"]
        assert ["new", step["new"]] in step["pieces"]
        asked = subject.student.probabilities([step["text"]])[0]
        assert step["student"] == pytest.approx(asked.tolist(), abs=1e-6)
        own = step["student"][found["label"]]
        assert own < before["student"][found["label"]]  # a greedy attack only goes down
        assert step["teacher"] is not None
    fooled = [step["student"][found["label"]] < 0.5 for step in found["steps"]]
    assert fooled[:-1] == [False] * len(steps)
    assert fooled[-1] == (found["status"] == "flipped")


@pytest.mark.parametrize(
    ("path", "body", "kind", "status", "told"),
    [
        ("student", {"text": " \n"}, "application/json", 422, "empty"),
        ("words", {"text": "x" * 1_000_000}, "application/json", 413, "too large"),
        ("student", {"text": "x" * (MOST_CHARACTERS + 1)}, "application/json", 413, "10,001"),
        ("student", b"\x00\xff\xfe" * 99, "application/json", 400, "no JSON"),
        ("student", b"[" * 100_000, "application/json", 400, "no JSON"),
        ("student", b'{"text": "half \\ud83d"}', "application/json", 422, "no Unicode"),
        ("student", ["text"], "application/json", 400, "form"),
        ("student", {"text": 3}, "application/json", 400, "form"),
        ("student", {"text": "a"}, "text/plain", 415, "text/plain"),
        ("student", {"text": "a"}, "", 415, "missing"),
        ("attack", {"text": "a", "attack": "no-such"}, "application/json", 422, "no-such"),
        ("attack", {"text": "a", "attack": "textfooler:/etc/x"}, "application/json", 422, "no att"),
        ("run.db", {"text": "a"}, "application/json", 404, "Not Found"),
        ("..%2f..%2fetc/passwd", {"text": "a"}, "application/json", 404, "Not Found"),
        ("try.html", {"text": "a"}, "application/json", 404, "Not Found"),
        ("model", {"text": "a"}, "application/json", 405, "Not Allowed"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_one_line(
    page: str, path: str, body: Any, kind: str, status: int, told: str
) -> None:
    found, headers, answer = ask(page, path, body, {"Content-Type": kind} if kind else {})
    assert found == status
    assert list(answer) == ["error"]
    assert told in answer["error"]
    assert "\n" not in answer["error"] and len(answer["error"]) < 1_000
    assert headers["content-security-policy"].startswith("default-src 'none'")


def test_pages_of_other_origins_get_nothing(page: str) -> None:
    rebound = JSON | {"Host": "rebound.example"}
    assert ask(page, "student", {"text": TEXT}, rebound)[0] == 421
    asking = JSON | {"Origin": "https://other.example"}
    preflight = asking | {"Access-Control-Request-Method": "POST"}
    for answer in (
        ask(page, "student", {"text": TEXT}, asking),
        ask(page, "student", None, preflight, "OPTIONS"),
    ):
        assert not [name for name in answer[1] if name.startswith("access-control")]
        assert answer[1]["cross-origin-resource-policy"] == "same-origin"


def test_a_thousand_requests_at_once_are_answered_or_told_to_wait(page: str) -> None:
    body = json.dumps({"text": "word " * 1_500}).encode()
    port = urlsplit(page).port
    head = "POST /student HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{}\r\n\r\n"
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}"

    async def one() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.format(kind).encode() + body)
        answer = await reader.read()
        writer.close()
        return answer

    async def all_at_once() -> list[bytes]:
        return await asyncio.gather(*(one() for _ in range(1_000)))

    before = psutil.Process().memory_info().rss
    answers = asyncio.run(all_at_once())
    statuses = [int(answer.split(b" ", 2)[1]) for answer in answers]
    assert set(statuses) <= {200, 429}
    assert 200 in statuses and 429 in statuses
    assert psutil.Process().memory_info().rss - before < 200e6  # with the client's thousand sockets
    assert ask(page, "student", {"text": TEXT})[0] == 200


def test_who_goes_away_in_the_middle_harms_nobody(page: str) -> None:
    port = urlsplit(page).port
    with socket.create_connection(("127.0.0.1", port)) as half:
        half.sendall(b"POST /student HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\n{")
    with socket.create_connection(("127.0.0.1", port)) as noise:
        noise.sendall(os.urandom(4_000))
    assert ask(page, "student", {"text": TEXT})[0] == 200


def test_pairs_take_two_texts(voting) -> None:
    with running(Subject("pairs", voting(("no", "yes")), pairs=True)) as url:
        pair = {"text": "a man sleeps", "text_pair": "a man is awake"}
        assert ask(url, "student", pair)[0] == 200
        assert ask(url, "teacher", pair)[2]["probabilities"] == []
        weighed = ask(url, "words", pair)[2]
        assert len(weighed["texts"]) == 2
        steps = ask(url, "attack", pair | {"attack": "characters"})[2]["steps"]
        assert steps[0]["text"] == "a man is awake"  # attacks leave the first text alone
        status, _, answer = ask(url, "student", {"text": "a man sleeps"})
        assert (status, "text_pair" in answer["error"]) == (400, True)


@pytest.fixture(scope="module")
def run(voting, tmp_path_factory) -> Path:
    """A finished run with hostile texts and labels, whose data are not at hand."""
    folder = made_run(tmp_path_factory.mktemp("runs") / "run")
    best = Store(folder / "run.db").meta().summary.best.id
    student = voting(tuple(EVIL_LABELS), reads=True)
    save_student(student.model, student.tokenizer, folder / "students" / best)
    return folder


def test_a_run_brings_its_examples_and_says_what_is_missing(run: Path) -> None:
    found = find_subject(str(run))
    assert found.teacher is None
    assert "not at hand" in found.notes[0]
    by_outcome = [(bool(one.fell), bool(one.stood)) for one in found.examples]
    assert by_outcome == [(True, False)] * 6 + [(False, True)] * 6 + [(False, False)] * 6
    assert {one.label for one in found.examples} == set(EVIL_LABELS)
    assert not any("/home/me" in name for one in found.examples for name in one.fell)


def test_the_command_serves_until_ctrl_c(run: Path) -> None:
    teacher = str(next((run / "students").iterdir()))
    with served(run, "try", "--no-open", "--teacher", teacher) as server:
        assert server.url.startswith("http://127.0.0.1:")
        asked = {"text": TEXT, "text_pair": TEXT}
        assert len(ask(server.url, "teacher", asked)[2]["probabilities"]) == 2
        code, errors = server.interrupt()
    assert code == 130
    assert "Traceback" not in errors


def test_what_cannot_be_tried_is_told_in_one_line(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*words: str) -> str:
        assert code_of(lambda: app(["try", "--no-open", *words])) == 2
        (line,) = [s for s in capsys.readouterr().err.splitlines() if s.startswith("error: ")]
        return line

    model = str(next((run / "students").iterdir()))
    assert "no model" in fails(str(tmp_path / "nothing-here"))
    (tmp_path / "config.json").write_text("{}")
    assert "cannot load the model" in fails(str(tmp_path))
    assert "no trained classification head" in fails("minilm")
    assert "saved students" in fails(f"{run}:ffff")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "cannot listen" in fails(model, "--port", str(taken.getsockname()[1]))
    unfinished = made_run(tmp_path / "unfinished", finished=False)
    assert "no best student yet" in fails(str(unfinished))

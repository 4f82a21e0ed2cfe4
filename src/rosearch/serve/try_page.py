"""The page on which a student is tried: its answers while you type, attacks on what you typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from importlib.resources import files
from typing import Any

from rosearch.attacks.at_hand import attacks_at_hand
from rosearch.errors import UserError, one_line, require
from rosearch.models.classifier import Classifier
from rosearch.report.html import own_file
from rosearch.serve.asked import (
    MOST_CHARACTERS,
    Asked,
    Line,
    Refused,
    Request,
    Thread,
    asked_in,
    check_kind,
    read_body,
)
from rosearch.serve.certificate import certain
from rosearch.serve.server import Application, guarded, serve
from rosearch.serve.steps import attack_text
from rosearch.serve.subject import Subject, find_subject
from rosearch.serve.words import carried
from rosearch.tasks.words import Words

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
PAGES = {"/": "try.html", "/try.css": "try.css", "/try.js": "try.js", "/attack.js": "attack.js"}

Answer = dict[str, Any]


def try_out(
    what: str,
    teacher: str | None,
    pairs: bool,
    host: str,
    port: int,
    ready: Callable[[str], object] = print,
    note: Callable[[str], object] = print,
) -> None:
    """Serve the page of `RUN`, `RUN:ID` or a model until the process is interrupted.

    Args:
        note: called with what the user should know.

    Raises:
        UserError: see `find_subject` and `serve`.
    """
    require("uvicorn", "report")
    subject = find_subject(what, teacher, pairs)
    for line in subject.notes:
        note(line)
    tried = Tried(subject)
    tried.warm_up()
    try:
        serve(guarded(make_application(tried), host, POLICY), host, port, ready)
    finally:
        tried.line.close()


class Tried:
    """What the page can ask of a student and its teacher; answers are JSON-ready."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.line = Line()
        self.attacks = {named.name: named for named in attacks_at_hand(subject.given)}

    def warm_up(self) -> None:
        """Answer once, so that the first one who types does not wait for tables to be made."""
        odd = "bxgxnqing"  # a reader makes its tables when it first meets an unknown word
        text = Words((odd,), ("", ""), odd if self.subject.pairs else None)
        for answer in (self.student, self.teacher, self.words):
            answer(Asked(text))

    def about(self) -> Answer:
        """What the page shows before anything is asked."""
        s, teacher = self.subject, self.subject.teacher
        return {
            "name": s.name,
            "task": s.task,
            "labels": list(s.student.label_names),
            "params": s.student.params,
            "teacher": None if teacher is None else teacher.params,
            "pairs": s.pairs,
            "attacks": [[a.name, a.description] for a in self.attacks.values()],
            "examples": [asdict(example) for example in s.examples],
            "limit": MOST_CHARACTERS,
            "notes": list(s.notes),
        }

    def student(self, asked: Asked) -> Answer:
        """The student's answer, and what its reader corrected, if it has one."""
        reader = getattr(getattr(self.subject.student.answers, "tokenizer", None), "reader", None)
        parts = [p for p in (asked.text.first, asked.text.text) if p is not None]
        read = None if reader is None else [pair for p in parts for pair in reader.explain(p)]
        return {"probabilities": _row(self.subject.student, asked.text), "read_as": read}

    def teacher(self, asked: Asked) -> Answer:
        """The teacher's answer; none without a teacher."""
        teacher = self.subject.teacher
        return {"probabilities": [] if teacher is None else _row(teacher, asked.text)}

    def words(self, asked: Asked) -> Answer:
        """Which words carry the student's answer."""
        return asdict(carried(self.subject.student, asked.text))

    def certain(self, asked: Asked) -> Answer:
        """What is certain of the student's answer; None where that cannot be told."""
        student = self.subject.student
        label = int(student.probabilities([asked.text])[0].argmax())
        return {"certain": certain(student, asked.text, label, self.subject.given)}

    def attack(self, asked: Asked) -> Answer:
        """An attack on the text, step by step.

        Raises:
            UserError: there is no such attack here.
        """
        if asked.attack not in self.attacks:
            known = ", ".join(self.attacks)
            raise UserError(f"no attack {asked.attack!r:.60} here; there are {known}")
        s = self.subject
        found = attack_text(
            asked.attack, asked.text, s.student, s.teacher, s.given, lambda: self.line.stopped
        )
        return asdict(found)


def _row(model: Classifier, text: Words) -> list[float]:
    return [round(float(p), 6) for p in model.probabilities([text])[0]]


def make_application(tried: Tried) -> Application:
    """The web application: the page and its files, `/model`, and what is asked about a text."""
    applications = require("starlette.applications", "report")
    exceptions = require("starlette.exceptions", "report")
    requests = require("starlette.requests", "report")
    json_response = require("starlette.responses", "report").JSONResponse
    route = require("starlette.routing", "report").Route

    async def ask(work: Callable[[Asked], Answer], thread: Thread, request: Request) -> object:
        if tried.line.full:
            await read_body(request, 0)
            return error("busy: others wait already; ask again in a moment", 429)
        with tried.line.place():
            try:
                body = await read_body(request)
                check_kind(request.headers.get("content-type", ""))
                asked = asked_in(body, tried.subject.pairs)
                return json_response(await tried.line.run(work, asked, thread))
            except Refused as refusal:
                return error(str(refusal), refusal.status)
            except UserError as refusal:
                return error(str(refusal), 422)

    def error(reason: str, status: int) -> object:
        return json_response({"error": reason}, status)

    async def about(request: Request) -> object:
        return json_response(tried.about())

    async def refused(request: Request, found: Any) -> object:
        return error(found.detail, found.status_code)

    async def gone(request: Request, found: Exception) -> object:
        return error("the client went away", 400)

    async def broken(request: Request, found: Exception) -> object:
        return error(f"internal error: {type(found).__name__}: {one_line(found)}", 500)

    works: dict[Callable[[Asked], Answer], Thread] = {
        tried.student: "student",
        tried.teacher: "teacher",
        tried.words: "student",
        tried.certain: "certain",
        tried.attack: "student",
    }
    asking = [
        route(f"/{work.__name__}", partial(ask, work, thread), methods=["POST"])
        for work, thread in works.items()
    ]
    made: Application = applications.Starlette(
        routes=[*_page_routes(), route("/model", about), *asking],
        exception_handlers={
            exceptions.HTTPException: refused,
            requests.ClientDisconnect: gone,
            Exception: broken,
        },
    )
    return made


def _page_routes() -> Sequence[object]:
    """The page and its files, as they are in the package."""
    response = require("starlette.responses", "report").Response
    route = require("starlette.routing", "report").Route

    async def send(text: str, kind: str, request: Request) -> object:
        return response(text, media_type=kind)

    texts = {
        path: (files("rosearch.serve") / name).read_text("utf-8") for path, name in PAGES.items()
    }
    texts["/style.css"] = own_file("style.css")
    return [
        route(path, partial(send, text, KINDS[path.rpartition(".")[2] if path != "/" else "html"]))
        for path, text in texts.items()
    ]

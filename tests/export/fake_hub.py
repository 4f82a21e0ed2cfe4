"""A hub on 127.0.0.1: the part of its HTTP API that making and filling a model repository takes.

Users and their tokens, repositories with files by path; large files come by the LFS protocol: a
batch request, one PUT each, and a pointer in the commit.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import yaml

LARGE = (".safetensors", ".onnx")


@dataclass
class Repo:
    """A model repository."""

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)


@dataclass
class Hub:
    """What the server holds.

    Attributes:
        users: names by token.
        licences: of models and data sets of others.
        refused: paths that answer with this status.
        lfs: whether large files are asked for by LFS.
        asked: method and path of every request.
    """

    users: dict[str, str]
    url: str = ""
    lfs: bool = True
    repos: dict[str, Repo] = field(default_factory=dict)
    licences: dict[str, str] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    """Answers as the hub does; what it does not know is 404."""

    hub: Hub

    def do_GET(self) -> None:
        """Who one is, and what a repository is."""
        self._begin()
        name = self.path.partition("?")[0].removeprefix("/api/models/")
        if self.path == "/api/whoami-v2":
            self._send(200, {"type": "user", "name": self._user()})
        elif name in self.hub.repos and (self._user() or not self.hub.repos[name].private):
            repo = self.hub.repos[name]
            self._send(200, {"id": name, "private": repo.private, "sha": "0" * 40, "tags": []})
        elif name in self.hub.licences:
            told = {"id": name, "private": False, "cardData": {"license": self.hub.licences[name]}}
            self._send(200, told)
        else:
            self._send(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})

    def do_POST(self) -> None:
        """Make a repository, say how files are to come, take a commit."""
        body = self._begin()
        for part, status in self.hub.refused.items():
            if part in self.path:
                return self._send(status, {"error": f"no {part} for you"})
        if self.path == "/api/validate-yaml":
            return self._validate(json.loads(body)["content"])
        if not self._user():
            return self._send(401, {"error": "Invalid username or password."})
        if self.path == "/api/repos/create":
            return self._create(json.loads(body))
        repo, _, action = (
            self.path.partition("?")[0]
            .removeprefix("/api/models/")
            .partition("/preupload/" if "/preupload/" in self.path else "/commit/")
        )
        if self.path.endswith(".git/info/lfs/objects/batch"):
            return self._batch(json.loads(body))
        if repo not in self.hub.repos or action != "main":
            return self._send(404, {"error": "not found"})
        if "/preupload/" in self.path:
            return self._modes(json.loads(body)["files"])
        return self._commit(repo, [json.loads(line) for line in body.splitlines()])

    def do_PUT(self) -> None:
        """A large file."""
        body = self._begin()
        oid = self.path.rpartition("/")[2]
        assert hashlib.sha256(body).hexdigest() == oid
        self.hub.blobs[oid] = body
        self._send(200, {})

    def _create(self, asked: dict[str, Any]) -> None:
        owner = asked["organization"] or self._user()
        name = f"{owner}/{asked['name']}"
        if owner != self._user():
            return self._send(403, {"error": f"You don't have the rights to create {name}"})
        private = asked.get("visibility") == "private" or bool(asked.get("private"))
        self.hub.repos[name] = Repo(private)
        return self._send(200, {"url": f"{self.hub.url}/{name}", "name": name, "id": name})

    def _validate(self, card: str) -> None:
        told = yaml.safe_load(card.split("---")[1])
        errors = [] if told["model-index"][0]["results"] else [{"message": "no results"}]
        self._send(200 if not errors else 400, {"errors": errors, "warnings": []})

    def _modes(self, files: list[dict[str, Any]]) -> None:
        found = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if self.hub.lfs and file["path"].endswith(LARGE) else "regular",
                "shouldIgnore": False,
            }
            for file in files
        ]
        self._send(200, {"files": found})

    def _batch(self, asked: dict[str, Any]) -> None:
        objects = [
            {**one, "actions": {"upload": {"href": f"{self.hub.url}/blobs/{one['oid']}"}}}
            for one in asked["objects"]
        ]
        self._send(200, {"transfer": "basic", "objects": objects})

    def _commit(self, repo: str, lines: list[dict[str, Any]]) -> None:
        to = self.hub.repos[repo]
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                to.commits.append(value["summary"])
            elif line["key"] == "file":
                to.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                to.files[value["path"]] = self.hub.blobs[value["oid"]]
        url = f"{self.hub.url}/{repo}/commit/{'1' * 40}"
        self._send(200, {"commitUrl": url, "commitOid": "1" * 40})

    def _begin(self) -> bytes:
        self.hub.asked.append(f"{self.command} {self.path.partition('?')[0]}")
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _user(self) -> str | None:
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        return self.hub.users.get(token)

    def _send(self, status: int, body: object, more: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(data))}
        for name, value in {**headers, **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def fake_hub(users: dict[str, str]) -> Iterator[Hub]:
    """A hub while the block runs."""
    hub = Hub(users)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

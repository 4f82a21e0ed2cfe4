"""`RobustTextClassifier`: a search for a robust student as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from rosearch.config import RunConfig
from rosearch.errors import UserError
from rosearch.results.folder import RunFolder
from rosearch.run.estimator.inputs import Labelled, labelled, texts_of, value_errors
from rosearch.run.estimator.saved import Opened, Record, StudentFiles, save
from rosearch.run.estimator.searching import config_of, new_run, run, told
from rosearch.types import Json


class RobustTextClassifier(ClassifierMixin, BaseEstimator):
    """A small text classifier, searched for the data at hand, that stands adversarial attacks.

    `fit` fine-tunes a teacher and searches students of it, as `rosearch search` does. A tenth of
    the texts, stratified, is split off to choose the student by, and another tenth for the final
    evaluation (`summary_`). X is a list, array, Series or single column of texts; two columns are
    pairs of texts.

    Args:
        preset: `smoke`, `quick`, `standard` or `paper`: what all other settings start from.
        candidates: architectures to evaluate; None: of the preset, or no limit with `minutes`.
        minutes: most minutes to search.
        teacher: `minilm`, a hub id or a folder; None: of the preset.
        final_seeds: trainings of each finalist; None: of the preset; 0: as little of the final
            evaluation as there can be, for cross-validation.
        settings: all others, by name: `{"search.epochs": 2}`; they win over the rest.
        workers: processes; more than one need `if __name__ == "__main__":` in a program.
        random_state: of the splits and the search; equal ones give equal students.
        runs_folder: where each fit leaves its run; None: the run is not kept.
        verbose: whether stderr shows progress.

    Attributes:
        classes_: the labels (C,), sorted.
        student_: files of the student.
        summary_: what the run found, as in `summary.json`; None of a loaded model.
        run_: folder of the run; None where it was not kept.
    """

    classes_: np.ndarray
    student_: StudentFiles
    summary_: Json | None
    run_: Path | None

    def __init__(
        self,
        preset: str = "quick",
        *,
        candidates: int | None = None,
        minutes: float | None = None,
        teacher: str | None = None,
        final_seeds: int | None = None,
        settings: Mapping[str, object] | None = None,
        workers: int = 1,
        random_state: int | np.random.RandomState | None = 0,
        runs_folder: str | Path | None = None,
        verbose: bool = False,
    ) -> None:
        self.preset = preset
        self.candidates = candidates
        self.minutes = minutes
        self.teacher = teacher
        self.final_seeds = final_seeds
        self.settings = settings
        self.workers = workers
        self.random_state = random_state
        self.runs_folder = runs_folder
        self.verbose = verbose

    def fit(self, X: Any, y: Any) -> Self:
        """Search a student for texts (N,), or pairs (N, 2), and labels (N,).

        Raises:
            ValueError: texts, labels or parameters that can't be used; one line.
        """
        with value_errors():
            if self.workers < 1:
                raise UserError(f"workers: expected 1 or more, found {self.workers}")
            seed = self._seed()
            data = labelled(X, y, seed)
            config = self._config(seed)
            if self.runs_folder is None:
                with TemporaryDirectory(prefix="rosearch-") as scratch:
                    self._search(config, data, Path(scratch) / "run")
            else:
                self._search(config, data, new_run(Path(self.runs_folder)))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest label of each text (N,)."""
        likeliest = self.predict_proba(X).argmax(1)
        found: np.ndarray = self.classes_[likeliest]
        return found

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (N, C) of the labels in `classes_`, float32.

        Raises:
            ValueError: something in X is no text.
        """
        check_is_fitted(self)
        with value_errors():
            return self._classifier().classifier.probabilities(texts_of(X))

    def save(self, folder: str | Path) -> None:
        """Write a new folder, which is a student's: it also loads with transformers.

        Raises:
            ValueError: it exists, or can't be written.
        """
        check_is_fitted(self)
        with value_errors():
            save(Path(folder), self.student_, self._record(self.classes_, self._names))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """What `save` wrote, or any folder of a classifier; labels are then as it calls them.

        Raises:
            ValueError: no classifier is there.
        """
        with value_errors():
            place = Path(folder)
            if not (place / "config.json").is_file():
                raise UserError(
                    f"{folder} is no folder of a saved classifier (it has no config.json); a run "
                    "is read with from_run"
                )
            return cls._of(place, Record.read(place))

    @classmethod
    def from_run(cls, run: str | Path, student: str | None = None) -> Self:
        """A student of a run, whoever started it.

        Args:
            student: beginning of its id; by default the best one.

        Raises:
            ValueError: no finished run is there, or no such student.
        """
        with value_errors():
            place = RunFolder(Path(run))
            with closing(place.open()) as store:
                summary = store.meta().summary
            folder = place.best_student() if student is None else place.find_student(student)
            made = cls._of(folder, Record.read(place.path))
            made.summary_ = None if summary is None else summary.to_json()
            made.run_ = place.path
            return made

    @classmethod
    def _of(cls, folder: Path, record: Record | None) -> Self:
        made = cls(**(record.params if record else {}))
        made.student_, made.summary_, made.run_ = StudentFiles.of(folder), None, None
        opened = made.student_.opened()
        names = opened.classifier.label_names
        made._keep(record or Record(np.array(names), names), opened)
        return made

    def _seed(self) -> int:
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _config(self, seed: int) -> RunConfig:
        return config_of(
            self.preset,
            seed,
            self.candidates,
            self.minutes,
            None if self.teacher is None else str(self.teacher),
            self.final_seeds,
            self.settings,
        )

    def _record(self, classes: np.ndarray, names: tuple[str, ...]) -> Record:
        return Record(classes, names, self.get_params(deep=False))

    def _search(self, config: RunConfig, data: Labelled, folder: Path) -> None:
        record = self._record(data.classes, data.names)
        with told(self.verbose):
            summary = run(config, data.task, folder, self.workers, record)
        self.student_ = StudentFiles.of(RunFolder(folder).best_student())
        self.summary_ = summary.to_json()
        self.run_ = None if self.runs_folder is None else folder
        self._keep(record, self.student_.opened())

    def _keep(self, record: Record, opened: Opened) -> None:
        self.classes_, self._names = record.classes, record.names
        self._opened = Opened(opened.classifier.in_order(record.names), opened.place)

    def _classifier(self) -> Opened:
        if not hasattr(self, "_opened"):  # a copy, or from another process
            self._keep(Record(self.classes_, self._names), self.student_.opened())
        return self._opened

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "student_")

    def __getstate__(self) -> dict[str, Any]:
        """The student travels as its files: a copy needs no folder of this machine."""
        return {name: v for name, v in super().__getstate__().items() if name != "_opened"}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.one_d_array = True, True
        tags.input_tags.two_d_array = False
        return tags

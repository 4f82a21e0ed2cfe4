"""The folder of a run: the one place that knows what lies where in it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rosearch.config import import_plugins
from rosearch.errors import UserError
from rosearch.results.store import Store
from rosearch.results.summary import best_first


@dataclass(frozen=True)
class ComparisonFolder:
    """The paths of a comparison of students, inside a run's folder or elsewhere."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def database(self) -> Path:
        """The store of its own."""
        return self.path / "comparison.db"

    @property
    def table(self) -> Path:
        """The table as JSON."""
        return self.path / "comparison.json"

    @property
    def lock(self) -> Path:
        """Held by the process that works on the comparison."""
        return self.path / ".lock"

    @property
    def teachers(self) -> Path:
        """The teacher, compressed in several ways."""
        return self.path / "teachers"

    def student(self, recipe: str, seed: int) -> Path:
        """The folder of a recipe's student."""
        return self.path / "students" / f"{recipe}-{seed}"


@dataclass(frozen=True)
class RunFolder:
    """The paths of a run, whether it is there or not."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        """Name of the folder, however it was named."""
        return self.path.resolve().name

    @property
    def database(self) -> Path:
        """The store; a folder is a run if it is there."""
        return self.path / "run.db"

    @property
    def config(self) -> Path:
        """The settings that the run was started with."""
        return self.path / "config.toml"

    @property
    def summary(self) -> Path:
        """The outcome of a finished run as JSON."""
        return self.path / "summary.json"

    @property
    def report(self) -> Path:
        """The page."""
        return self.path / "report.html"

    @property
    def lock(self) -> Path:
        """Held by the process that works on the run."""
        return self.path / ".lock"

    @property
    def data(self) -> Path:
        """The texts, where the run was given them and no files."""
        return self.path / "data"

    @property
    def checkpoints(self) -> Path:
        """Unfinished trainings, as long as the search goes on."""
        return self.path / "checkpoints"

    @property
    def weights(self) -> Path:
        """Trained weights that children inherit."""
        return self.path / "weights"

    @property
    def students(self) -> Path:
        """The saved students: of each model the seed that is best on the validation split."""
        return self.path / "students"

    @property
    def comparison(self) -> ComparisonFolder:
        """The comparison with reference students, if one was made."""
        return ComparisonFolder(self.path / "comparison")

    def student(self, model: str) -> Path:
        """The folder of a saved student: `reference` or an id."""
        return self.students / model

    def other_seeds(self, model: str) -> list[Path]:
        """The folders of a model's students of other seeds than the saved one; early runs have
        none."""
        return sorted((self.path / "seeds").glob(f"{model}-*"))

    def other_seed(self, model: str, seed: int) -> Path:
        """Where one of them lies."""
        return self.path / "seeds" / f"{model}-{seed}"

    def trained(self, model: str, seed: int) -> Path:
        """Where one seed's student lies until the best seed is known."""
        return self.students / f".{model}-{seed}"

    def exists(self) -> bool:
        """Whether there is a run."""
        return self.database.is_file()

    def open(self) -> Store:
        """The store; the run's plugins are imported, for its genotypes may have their operations.

        Raises:
            UserError: there is none, it can't be read, or a plugin can't be imported.
        """
        store = Store(self.database)
        import_plugins(store.meta().config)
        return store

    def best_student(self) -> Path:
        """The folder of the best student: of the finalists the fittest on the validation split.

        While a finished run is extended, or where that was interrupted, the best one so far.

        Raises:
            UserError: there is no such run, or it was never finished.
        """
        with closing(self.open()) as store:
            summary, finals = store.meta().summary, store.finals()
        ids = [summary.best.id] if summary and summary.best else best_first(finals)
        folder = next((self.student(model) for model in ids if self.student(model).is_dir()), None)
        if folder is None:
            raise UserError(f"{self} has no best student yet; finish it: rosearch resume {self}")
        return folder

    def find_student(self, wanted: str) -> Path:
        """The folder of the saved student that is the point `wanted` or whose id starts so; of the
        best one where it is empty.

        Raises:
            UserError: there is none, or more than one.
        """
        if not wanted:
            return self.best_student()
        with closing(self.open()) as store:
            summary = store.meta().summary
        points = {
            p: entry.id for entry in (summary.finalists if summary else ()) for p in entry.points
        }
        wanted = points.get(wanted, wanted)
        saved = sorted(p.parent.name for p in self.students.glob("[!.]*/config.json"))
        found = [name for name in saved if name.startswith(wanted)]
        if len(found) != 1:
            raise UserError(
                f"{self} has {len(found)} saved students whose id starts with {wanted!r}; it has "
                f"{', '.join([*saved, *points]) or 'none: only the finalists are saved'}"
            )
        return self.student(found[0])


def run_of(folder: Path) -> tuple[RunFolder, str] | None:
    """The run that a student's folder lies in, and its name there."""
    place = folder.resolve()
    run = RunFolder(place.parent.parent)
    inside = run.exists() and place.is_dir() and run.student(place.name) == place
    return (run, place.name) if inside else None

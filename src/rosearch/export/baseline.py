"""What a model makes of its own task, kept in its folder: what new texts are compared with."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rosearch.errors import DiskError, UserError
from rosearch.export.source import find_source, import_plugins_of, split_run
from rosearch.io.files import write_text
from rosearch.models.classifier import Classifier
from rosearch.models.open import open_classifier
from rosearch.results.decode import decode
from rosearch.robustness.profile import Profile, profile

FILE = "drift.jsonl"  # one line; content hashes of models do not count it


@dataclass(frozen=True)
class Baseline:
    """A model's figures on its task's test split.

    Attributes:
        model: content hash of the model.
        label_names: in the order of the figures.
        pairs: whether the task is of pairs of texts.
        max_words: that its texts are cut after.
    """

    model: str
    label_names: tuple[str, ...]
    pairs: bool
    task: str
    profile: Profile
    max_words: int | None = None


def model_and_baseline(what: str, flags: Mapping[str, object]) -> tuple[Classifier, Baseline]:
    """The model of `RUN`, `RUN:ID`, or a folder, in the order of its baseline's labels.

    The baseline is measured once, on the test split, which nothing was chosen by.

    Args:
        flags: of `task`, that of a model without a run and without a baseline, or new places of
            the data of a run; given, a baseline is measured anew.

    Raises:
        UserError: no model there, or no data to measure a baseline on.
    """
    import_plugins_of(what)
    run, wanted = split_run(what)
    if run is not None:  # its folder may be named: flags are places of the run's data
        what = f"{run}:{wanted}" if wanted else str(run)
    given = bool(flags.get("task"))
    folder = _folder(what)
    if not given and folder is not None and (kept := _kept(folder)) is not None:
        return open_classifier(folder).in_order(kept.label_names), kept
    if run is None and not given:
        raise UserError(
            f"{what} is of no run and has no {FILE}: name the data that it was trained on, with "
            "--train FILE or --task NAME; their test split is what new texts are compared with"
        )
    return _measured(what, flags)


def _measured(what: str, flags: Mapping[str, object]) -> tuple[Classifier, Baseline]:
    source = find_source(what, flags)
    test = source.task.test
    found = open_classifier(source.folder).fitted(source.task, test)
    made = Baseline(
        found.content or "",
        source.task.label_names,
        source.pairs,
        source.task.name,
        profile(found, test.texts, test.labels),
        source.task.max_words,
    )
    if _folder(what) is not None:  # a model of the hub lies in a cache that is not ours
        _keep(made, source.folder)
    return found, made


def _keep(made: Baseline, folder: Path) -> None:
    try:
        write_text(folder / FILE, json.dumps(asdict(made)) + "\n")
    except DiskError as error:
        print(f"note: the baseline is not kept: {error}", file=sys.stderr)


def _kept(folder: Path) -> Baseline | None:
    """The baseline in a model's folder; None if there is none, or it is another model's."""
    from rosearch.models.load import content_hash

    file = folder / FILE
    if not file.is_file():
        return None
    try:
        found = decode(Baseline, json.loads(file.read_text(encoding="utf-8")), str(file))
    except (OSError, ValueError) as error:
        raise UserError(f"{file} is damaged ({error}); remove it") from None
    return found if found.model == content_hash(folder) else None


def _folder(what: str) -> Path | None:
    """The folder of the model, if it is on this machine."""
    run, wanted = split_run(what)
    if run is None:
        return Path(what) if Path(what).is_dir() else None
    return run.find_student(wanted)


def columns_of(what: str) -> dict[str, str | None]:
    """How a run's own files call their columns; nothing of other models."""
    run, _ = split_run(what)
    if run is None:
        return {}
    task = run.open().meta().run_config.task
    return {
        "text_column": task.text_column,
        "text_pair_column": task.text_pair_column,
        "label_column": task.label_column,
    }

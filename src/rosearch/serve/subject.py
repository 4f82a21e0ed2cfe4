"""What is tried: a student, its teacher, and what its run knows of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from rosearch.attacks.result import AttackResult
from rosearch.attacks.sources.encoder import ENCODER
from rosearch.errors import UserError
from rosearch.export.source import Source, find_source, split_run
from rosearch.models.classifier import Classifier
from rosearch.models.load import model_source
from rosearch.models.open import open_classifier
from rosearch.results.folder import RunFolder
from rosearch.results.store import Store
from rosearch.results.words import attack_label
from rosearch.teacher.words import saved_encoder_words

MOST_EXAMPLES = 400
LONGEST_EXAMPLE = 2_000  # characters


@dataclass(frozen=True)
class Example:
    """A text of the test split with its true label, and the attacks that the student was under.

    Attributes:
        first: the first text of a pair; None of a single text.
        fell, stood: names of the attacks that flipped it, and that it survived.
    """

    text: str
    first: str | None
    label: str
    fell: tuple[str, ...]
    stood: tuple[str, ...]


@dataclass(frozen=True)
class Subject:
    """What is tried.

    Attributes:
        name: no path of this machine.
        task: of its run; empty for a model that is of no run.
        teacher: in the order of the student's labels.
        pairs: whether texts come in pairs.
        given: files of lexicons that are made of the task's teacher.
        notes: what the user should know, such as why there is no teacher.
    """

    name: str
    student: Classifier
    task: str = ""
    teacher: Classifier | None = None
    pairs: bool = False
    examples: tuple[Example, ...] = ()
    given: Mapping[str, Path] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def find_subject(what: str, teacher: str | None = None, pairs: bool = False) -> Subject:
    """What `RUN`, `RUN:ID`, a folder or a hub id names.

    Args:
        teacher: folder or hub id of the teacher; by default that of the run, where it is at hand.
        pairs: whether a model that is of no run takes pairs of texts.

    Raises:
        UserError: nothing there, no classifier, a run without finished students, or a teacher with
            other labels.
    """
    run, wanted = split_run(what)
    if run is not None:
        return _of_run(run, wanted, what, teacher, pairs)
    student = open_classifier(what)
    name = Path(what).resolve().name if Path(what).is_dir() else what
    beside = None if teacher is None else open_classifier(teacher).in_order(student.label_names)
    return Subject(name, student, teacher=beside, pairs=pairs)


def _of_run(run: RunFolder, wanted: str, what: str, teacher: str | None, pairs: bool) -> Subject:
    with closing(run.open()) as store:
        folder = run.find_student(wanted)
        student, meta = open_classifier(folder), store.meta()
        examples = _examples(store, folder.name, student.label_names)
    try:
        source, notes = find_source(what, {}, teacher), list[str]()
    except UserError as error:
        source, notes = None, [f"the run's data and teacher are not at hand: {error}"]
    beside, given = None, dict[str, Path]()
    if place := _teacher_folder(source, teacher):
        beside = open_classifier(place)
        label_map = source.task.label_map if source else ()
        beside = beside.in_order(student.label_names, label_map)
        given = _given(source, meta.run_config.teacher.name) if source else {}
    elif not notes:
        notes.append("no teacher: it is not in the cache; name its folder with --teacher")
    pairs = pairs or (source is not None and source.pairs) or any(e.first for e in examples)
    return Subject(
        folder.name, student, meta.task or "", beside, pairs, examples, given, tuple(notes)
    )


def _teacher_folder(source: Source | None, teacher: str | None) -> Path | None:
    if source is not None:
        return source.teacher
    return None if teacher is None else model_source(teacher)


def _given(source: Source, body: str) -> dict[str, Path]:
    """The file of the lexicon that the run's teacher made, if it is in the cache."""
    assert source.teacher is not None
    try:
        found = saved_encoder_words(source.task, body, source.teacher)
    except UserError:  # the teacher before it was fine-tuned is not at hand
        found = None
    return {} if found is None else {ENCODER.given: found}


def _examples(store: Store, student: str, labels: Sequence[str]) -> tuple[Example, ...]:
    """Attacked texts of the test split, in its order, with what the attacks did to them."""
    summary = store.meta().summary
    if summary is None or summary.best is None:
        return ()
    best = summary.best
    found: dict[int, list[tuple[str, AttackResult]]] = {}
    for attack in dict.fromkeys((summary.search_attack, *best.suites, *best.held_out)):
        for result in store.examples(student, attack):
            found.setdefault(result.index, []).append((attack_label(attack), result))
    short = [found[i] for i in sorted(found) if len(found[i][0][1].original) <= LONGEST_EXAMPLE]
    return tuple(_example(results, labels) for results in short[:MOST_EXAMPLES])


def _example(results: Sequence[tuple[str, AttackResult]], labels: Sequence[str]) -> Example:
    one = results[0][1]
    fell = tuple(name for name, r in results if r.status == "flipped")
    stood = tuple(name for name, r in results if r.status == "survived")
    return Example(one.original, one.first, labels[one.label], fell, stood)

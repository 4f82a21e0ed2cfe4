"""What every task is, wherever it came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from rosearch.io.plugins import Registry
from rosearch.tasks.notes import length_advice, rare_notes, same_text, shown, split_line
from rosearch.tasks.sample import LEAST_PER_CLASS, SEED, stratified_rows
from rosearch.types import Text

_NAME_BYTES = 100  # file systems take names of 255, and more is put around it


@dataclass(frozen=True, repr=False)
class Split:
    """Texts and their labels.

    Args:
        texts: one text per example, or one pair (first, second) per example.
        labels: for each text, an index into the task's `label_names`.
    """

    texts: tuple[Text, ...]
    labels: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.texts) != len(self.labels):
            raise ValueError(f"{len(self.texts)} texts but {len(self.labels)} labels")
        if len({isinstance(text, str) for text in self.texts}) > 1:
            raise ValueError("single texts and pairs in one split")

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int]) -> Split:
        """The examples of these rows, in the order of `rows`."""
        return Split(tuple(self.texts[r] for r in rows), tuple(self.labels[r] for r in rows))

    def sample(self, n: int, *, seed: int = SEED, least_per_class: int = LEAST_PER_CLASS) -> Split:
        """`n` of its examples, stratified by label: see `stratified_rows`.

        By default those that attacks are measured on, the same ones in every command.
        """
        rows = stratified_rows(self.labels, n, seed=seed, least_per_class=least_per_class)
        return self.take(rows)

    def after(self, n: int) -> Split:
        """Its examples but the first `n`."""
        return Split(self.texts[n:], self.labels[n:]) if n else self

    def __repr__(self) -> str:
        return f"Split({len(self)} texts)"  # never the texts: they would flood a traceback


@dataclass(frozen=True)
class Task:
    """A text-classification data set with its three splits and the names of its labels.

    Attributes:
        notes: what the user should know of the data, a line each.
        hidden: splits that came without labels, and that a part of the train split stands for.
        label_map: pairs (a model's name, the task's name) of labels that models call otherwise.
        max_words: that its texts were cut after; None for whole texts.
        unlabelled: further texts, in no split, that students learn from as the teacher labels them.
    """

    name: str
    label_names: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    notes: tuple[str, ...] = field(default=(), compare=False)
    hidden: tuple[str, ...] = field(default=(), compare=False)
    label_map: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    max_words: int | None = field(default=None, compare=False)
    unlabelled: tuple[Text, ...] = ()

    @property
    def classes(self) -> int:
        """How many labels there are."""
        return len(self.label_names)

    @property
    def about(self) -> tuple[str, ...]:
        """Texts and labels of each split, in a line, and what else there is to know."""
        splits = {"train": self.train, "validation": self.validation, "test": self.test}
        said = [
            split_line(split, [self.label_names[label] for label in found.labels])
            for split, found in splits.items()
            if len(found)
        ]
        measured = {"validation": self.validation, "test": self.test}
        rare = [
            note
            for split, found in measured.items()
            if len(found)
            for note in rare_notes(split, [self.label_names[label] for label in found.labels])
        ]
        cut = f"texts cut after {self.max_words} words: only these beginnings are read"
        cuts = [] if self.max_words is None else [cut]
        return (f"texts of {shown(self.name)}: {', '.join(said)}", *cuts, *self.notes, *rare)

    @property
    def advice(self) -> list[str]:
        """What to know before attacks on its texts are begun, a line each."""
        return [] if self.max_words else length_advice(self.validation.texts)

    def unknown(self, texts: Iterable[Text]) -> tuple[Text, ...]:
        """Those of some texts that no split has, each once."""
        splits = (self.train, self.validation, self.test)
        known = {same_text(text) for split in splits for text in split.texts}
        found = {same_text(text): text for text in texts}
        return tuple(text for key, text in found.items() if key not in known)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the content (label names, texts, labels, order), whatever the task's name."""
        splits = [[s.texts, s.labels] for s in (self.train, self.validation, self.test)]
        content = [self.label_names, splits, *([self.unlabelled] if self.unlabelled else [])]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    @property
    def labelled(self) -> Task:
        """The task without the texts that nobody labelled: what a teacher learns from."""
        return replace(self, unlabelled=()) if self.unlabelled else self


@dataclass(frozen=True)
class NamedTask:
    """A task known by its name.

    Attributes:
        load: the task, of the folders of its resources.
        resources: pinned ones that it is read from.
    """

    name: str
    load: Callable[..., Task]
    resources: tuple[str, ...] = ()


TASKS: Registry[NamedTask] = Registry(
    "task",
    {
        "mr": "rosearch.tasks.builtin:MR",
        "bbc_news": "rosearch.tasks.builtin:BBC_NEWS",
    },
)


def task_name(text: str) -> str:
    """A name for a task that folders of the cache can have in theirs: of at most 100 bytes."""
    return text.encode()[:_NAME_BYTES].decode(errors="ignore")


def task_resources(name: str) -> tuple[str, ...]:
    """The resources that the task `name` reads; none if it is not built in."""
    return TASKS[name].resources if name in TASKS else ()

"""From the raw columns that a reader found to a sound `Task`, or one clear error."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rosearch.errors import UserError, one_line
from rosearch.tasks.labels import HIDDEN, all_hidden, in_order, label_names
from rosearch.tasks.notes import (
    contradiction_notes,
    near_label,
    same_text,
    spelling_notes,
    unlabelled_note,
)
from rosearch.tasks.splitting import Part, apart, split_off
from rosearch.tasks.task import Split, Task
from rosearch.tasks.words import beginning
from rosearch.types import Text

_MANY_LABELS = 0.5  # as a share of the texts: then the label column is probably another
_EMPTY_LIMIT = 0.1  # share of empty texts up to which they are dropped


@dataclass(frozen=True)
class Table:
    """The raw columns of one split.

    Args:
        texts: should be strings; None counts as empty.
        labels: should be strings, whole numbers or booleans; None is a missing label.
        source: what messages call it, such as a file name.
        label_names: the names in their order, when the source states them.
        seconds: the second text of each pair, as `texts` are the first ones; None for single texts.
        notes: what the user should know of how it was read.
    """

    texts: Sequence[object]
    labels: Sequence[object]
    source: str
    label_names: tuple[str, ...] | None = None
    seconds: Sequence[object] | None = None
    notes: tuple[str, ...] = ()

    def rows(self) -> list[tuple[object, ...]]:
        """The text of each row, or both texts."""
        columns = (self.texts,) if self.seconds is None else (self.texts, self.seconds)
        return list(zip(*columns, strict=True))


def assemble(
    name: str,
    train: Table,
    validation: Table | None,
    test: Table | None,
    *,
    seed: int,
    keep_repeated: bool = False,
    max_words: int | None = None,
) -> Task:
    """Check the tables, number the labels and split off what is missing.

    Args:
        name: name of the task.
        train: the only table that must be there.
        validation: None to split it off `train`; one without any label counts as None.
        test: as for `validation`.
        seed: for splitting off.
        keep_repeated: whether texts stay in a later split that an earlier one has, too.
        max_words: texts are cut after so many words, before they are compared.

    Raises:
        UserError: empty split, missing or unknown label, fewer than two classes, text that is no
            string, more than 10 % empty texts, too few texts to split off, no text that is not in
            the train split.
    """
    clean = _clean(train, max_words)
    names = train.label_names or in_order(clean.labels)
    if len(set(clean.labels)) < 2:
        raise UserError(
            f"{clean.source} has only the label {clean.labels[0]!r}; "
            "a train split needs texts of at least two classes"
        )
    tables = {k: t for k, t in (("validation", validation), ("test", test)) if t is not None}
    hidden = {k: t for k, t in tables.items() if len(t.labels) and all_hidden(t.labels)}
    given = {k: _clean(t, max_words) for k, t in tables.items() if k not in hidden}
    for part in given.values():
        _check_known(part, set(clean.labels))
    parts, repeated = apart({"train": clean, **given}, keep_repeated)
    splits = {k: part.split(names) for k, part in parts.items()}
    splits = _with_missing(splits, clean.source, seed)
    notes = (
        *(note for part in (clean, *given.values()) for note in part.notes),
        *(note for found in hidden.values() for note in found.notes),
        *spelling_notes(clean.source, clean.labels),
        *contradiction_notes(*_together([clean, *given.values()])),
        *repeated,
        *(unlabelled_note(t.source, len(t.labels), k) for k, t in hidden.items()),
    )
    three = splits["train"], splits["validation"], splits["test"]
    return Task(name, names, *three, notes=notes, hidden=tuple(hidden), max_words=max_words)


def cut_task(task: Task, max_words: int | None, *, keep_repeated: bool = False) -> Task:
    """A task with its texts cut, and without those that an earlier split has, too, then.

    Args:
        max_words: None changes nothing.
        keep_repeated: see `assemble`.

    Raises:
        UserError: no text of a split is left.
    """
    if max_words is None:
        return task
    splits = {"train": task.train, "validation": task.validation, "test": task.test}
    parts = {
        name: Part(
            [beginning(text, max_words) for text in split.texts],
            [task.label_names[label] for label in split.labels],
            f"{task.name}, {name} split",
        )
        for name, split in splits.items()
    }
    left, repeated = apart(parts, keep_repeated)
    notes = (*task.notes, *contradiction_notes(*_together([*parts.values()])), *repeated)
    train, validation, test = (part.split(task.label_names) for part in left.values())
    cut = replace(
        task, train=train, validation=validation, test=test, notes=notes, max_words=max_words
    )
    others = (beginning(text, max_words) for text in task.unlabelled)
    return replace(cut, unlabelled=cut.unknown(others))


def assemble_test(
    name: str, test: Table, validation: Table | None, max_words: int | None = None
) -> Task:
    """A task of test texts alone, for models that are only measured: its train split is empty, and
    so is the validation split unless a table is given.

    Raises:
        UserError: see `assemble`.
    """
    given = {"test": _clean(test, max_words)}
    if validation is not None:
        given["validation"] = _clean(validation, max_words)
    labels = [label for part in given.values() for label in part.labels]
    names = test.label_names or in_order(labels)
    if len(set(labels)) < 2:
        raise UserError(
            f"{test.source} has only the label {labels[0]!r}; it takes texts of at least two labels"
        )
    splits = {k: part.split(names) for k, part in given.items()}
    empty = Split((), ())
    notes = tuple(note for part in given.values() for note in part.notes)
    three = empty, splits.get("validation", empty), splits["test"]
    return Task(name, names, *three, notes=notes, max_words=max_words)


def _together(parts: Sequence[Part]) -> tuple[list[Text], list[str]]:
    """All texts, and all labels."""
    texts = [text for part in parts for text in part.texts]
    return texts, [label for part in parts for label in part.labels]


def _with_missing(splits: dict[str, Split], source: str, seed: int) -> dict[str, Split]:
    """The splits with those split off the train split that are missing."""
    missing = [k for k in ("test", "validation") if k not in splits]
    if not missing:
        return splits
    rest, *held_out = split_off(splits["train"], len(missing), seed, key=same_text)
    labels = set(splits["train"].labels)
    if min(map(len, held_out)) == 0 or set(rest.labels) != labels:
        many = len(labels) > _MANY_LABELS * len(splits["train"])
        raise UserError(
            f"{source} has too few texts to split {' and '.join(missing)} off; "
            + f"there are {len(labels):,} labels: is it the right label column? Else " * many
            + f"give more texts of each label, or the {' and '.join(missing)} data too"
        )
    return {**splits, **dict(zip(missing, held_out, strict=True)), "train": rest}


def _clean(table: Table, max_words: int | None) -> Part:
    """Texts that are not empty, cut, with the names of their labels."""
    texts: list[Text] = []
    labels: list[str] = []
    names = _names(table)
    for row, (found, label) in enumerate(zip(table.rows(), names, strict=True), start=1):
        where = f"{table.source}, row {row}"
        text = _text(found, where)
        if text is not None:
            if label is None:
                raise UserError(
                    f"{where}: the label is missing; every text needs one: take out rows without"
                )
            texts.append(beginning(text, max_words))
            labels.append(label)
    if not len(table.texts):
        raise UserError(f"{table.source} is empty; it needs at least one text")
    notes = table.notes
    if dropped := len(table.texts) - len(texts):
        notes = (*notes, _report_empty(dropped, len(table.texts), table.source))
    return Part(texts, labels, table.source, notes)


def _names(table: Table) -> list[str | None]:
    try:
        return label_names(table.labels)
    except ValueError as error:
        raise UserError(
            f"{table.source}, {error}; labels must be strings, whole numbers or booleans"
        ) from None


def _text(found: Sequence[object], where: str) -> Text | None:
    """The text or pair of a row; None if the text, or the second one of a pair, is empty.

    The second one is what an attack changes; questions about nothing at all do occur.
    """
    strings: list[str] = []
    for text in found:
        if text is not None and not isinstance(text, str):
            raise UserError(
                f"{where}: the text is of type {type(text).__name__}; texts must be strings"
            )
        strings.append(text or "")
    if not strings[-1] or strings[-1].isspace():
        return None
    for string in strings:
        _check_unicode(string, where)
    return strings[0] if len(strings) == 1 else (strings[0], strings[1])


def _check_unicode(text: str, where: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:  # half of a surrogate pair, as JSON escapes can hold
        raise UserError(f"{where}: the text is not valid Unicode; {one_line(error)}") from None


def _report_empty(dropped: int, total: int, source: str) -> str:
    if dropped > _EMPTY_LIMIT * total:
        raise UserError(
            f"{source}: {dropped} of {total} texts are empty, more than {_EMPTY_LIMIT:.0%}; "
            "remove these rows or name the right text column"
        )
    said = f"{source}: dropped {dropped} empty texts of {total}"
    warnings.warn(said, stacklevel=2)
    return said


def _check_known(part: Part, known: set[str]) -> None:
    if unseen := in_order(set(part.labels) - known):
        raise UserError(
            f"{part.source} has labels that the train split lacks: "
            f"{', '.join(_unknown(name, known) for name in unseen[:5])}"
            f"{' ...' if len(unseen) > 5 else ''}; "
            f"known are {', '.join(map(repr, sorted(known)[:5]))}{' ...' if len(known) > 5 else ''}"
        )


def _unknown(name: str, known: set[str]) -> str:
    """A label, and why it may be unknown."""
    if name == HIDDEN:
        return f"{name!r} (leave these rows out if it marks texts whose label is hidden)"
    near = near_label(name, sorted(known))
    return repr(name) if near is None else f"{name!r} (there {near!r}; write them alike)"

"""The columns of a source, whatever it is, and which of them a task means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import combinations

from rosearch.errors import UserError
from rosearch.tasks.assemble import Table
from rosearch.tasks.labels import label_name

_MOST_CLASSES = 50  # of a column that is taken for the label without being named
_LEAST_TEXTS = 2  # of a class there, on average
_FIELDS = {"text": "text", "label": "label", "text pair": "pair"}


@dataclass(frozen=True)
class Columns:
    """Names of the columns of a task: text, label and, where texts come in pairs, second text."""

    text: str = "text"
    label: str = "label"
    pair: str | None = None

    @property
    def named(self) -> dict[str, str]:
        """What a column is for -> its name."""
        named = {"text": self.text, "label": self.label, "text pair": self.pair}
        return {role: name for role, name in named.items() if name is not None}


@dataclass(frozen=True)
class Found:
    """The raw columns of a source.

    Attributes:
        values: by name; all of the same length.
        source: what messages call it, such as a file name.
        class_names: label names in their order, by column, where the source states them.
        about: what else messages say of the columns, such as how they are separated.
        notes: what the user should know of how they were read.
    """

    values: Mapping[str, Sequence[object]]
    source: str
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    about: str = ""
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Of the columns, in their order."""
        return list(self.values)


class ReadWhenAsked(Mapping[str, Sequence[object]]):
    """Columns that are read when somebody asks for them: most of a large file are of no use here.

    Args:
        read: the values of a column.
    """

    def __init__(self, names: Sequence[str], read: Callable[[str], Sequence[object]]) -> None:
        self._names, self._read = tuple(dict.fromkeys(names)), read

    def __getitem__(self, name: str) -> Sequence[object]:
        if name not in self._names:
            raise KeyError(name)
        return self._read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def table(found: Found, columns: Columns, *, labelled: bool = True) -> tuple[Table, Columns]:
    """The columns that a task needs, and under which names they were found.

    Args:
        labelled: whether there must be labels; if not, a missing column is as good as an empty one.

    Raises:
        UserError: a column is missing or stands for two things.
    """
    columns, notes = resolved(found, columns, labelled)
    texts = list(found.values[columns.text])
    seconds = None if columns.pair is None else list(found.values[columns.pair])
    labels = list(found.values.get(columns.label, [None] * len(texts)))
    names = found.class_names.get(columns.label)
    if names is not None:
        by_number = dict(enumerate(names))
        labels = [by_number.get(i) if isinstance(i, int) else None for i in labels]
    notes = (*found.notes, *notes)
    return Table(texts, labels, found.source, names, seconds, notes), columns


def resolved(
    found: Found, columns: Columns, labelled: bool = True
) -> tuple[Columns, tuple[str, ...]]:
    """The columns under the names that the source has, and what was made of other spellings.

    A name may differ in case and white space. A label column that is not there is the only one
    that could be it.

    Raises:
        UserError: a column is missing or stands for two things.
    """
    known = {role: near_name(name, found.names) for role, name in columns.named.items()}
    taken = [name for name in known.values() if name is not None]
    notes = [
        f"{found.source}: took the column {there!r} for {columns.named[role]!r}"
        for role, there in known.items()
        if there is not None and there != columns.named[role]
    ]
    for role, name in columns.named.items():
        if known[role] is None and role != "label":
            raise UserError(_missing(found, role, name, taken))
    if known["label"] is None and labelled:
        known["label"] = _only_candidate(found, columns.label, taken)
        notes.append(
            f"{found.source}: no column {columns.label!r}; took {known['label']!r} for the label, "
            "the only one with few different values (--label-column names another)"
        )
    chosen = Columns(**{_FIELDS[role]: known[role] or n for role, n in columns.named.items()})
    return _different(chosen), tuple(notes)


def near_name(name: str, names: Sequence[str]) -> str | None:
    """The column of that name, or the only one that differs in case and white space alone."""
    if name in names:
        return name
    alike = [known for known in names if _folded(known) == _folded(name)]
    return alike[0] if len(alike) == 1 else None


def _different(columns: Columns) -> Columns:
    for (role, name), (other, same) in combinations(columns.named.items(), 2):
        if name == same:
            raise UserError(
                f"{name!r} was named as {role} and as {other} column; name different columns"
            )
    return columns


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def _only_candidate(found: Found, name: str, taken: Sequence[str]) -> str:
    free = [column for column in found.names if column not in taken]
    candidates = [column for column in free if _is_label(found.values[column])]
    if len(candidates) == 1 and not _is_value(found, candidates[0]):
        return candidates[0]
    raise UserError(_missing(found, "label", name, taken, candidates))


def _is_label(values: Sequence[object]) -> bool:
    """Whether a column has few values that come again and again."""
    try:
        names = {label_name(value) for value in values}
    except ValueError:  # lists, fractions
        return False
    most = min(_MOST_CLASSES, len(values) // _LEAST_TEXTS)
    return None not in names and 2 <= len(names) <= most


def _missing(
    found: Found, role: str, name: str, taken: Sequence[str], candidates: Sequence[str] = ()
) -> str:
    """Which column is not there, and what to do about it."""
    names = ", ".join(map(repr, found.names[:20])) or "none"
    advice = _advice(found, role, name, taken, candidates)
    told = f"{found.source} has no column {name!r}; its columns are {names}{found.about}"
    return f"{told}; {advice}" if advice else told


def _advice(
    found: Found, role: str, name: str, taken: Sequence[str], candidates: Sequence[str]
) -> str:
    option = f"--{role.replace(' ', '-')}-column"
    by_fold = {_folded(column): column for column in found.names if column not in taken}
    if any(_is_value(found, column) for column in found.names):
        return "its first line looks like a row: put a line with names above it, such as text,label"
    if close := get_close_matches(_folded(name), by_fold, n=1):
        return f"did you mean {option} {by_fold[close[0]]!r}?"
    if candidates:
        return f"name one with {option}; it could be {' or '.join(map(repr, candidates[:5]))}"
    if role != "label" and (longest := _longest(found, taken)):
        return f"name one with {option}, perhaps {longest!r}"
    return ""


def _is_value(found: Found, column: str) -> bool:
    """Whether a name is one of the labels below it, as in a file without a header."""
    values = found.values[column]
    return column in map(str, values) and _is_label(values)


def _longest(found: Found, taken: Sequence[str]) -> str | None:
    """The column with the longest texts."""
    free = [column for column in found.names if column not in taken]
    return max(free, key=lambda c: sum(len(str(v)) for v in found.values[c][:100]), default=None)

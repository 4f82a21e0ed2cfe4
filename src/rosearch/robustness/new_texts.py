"""Texts from after a model was shipped: a file, some of whose rows may have labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rosearch.errors import UserError
from rosearch.models.labels import listed
from rosearch.tasks.columns import Columns
from rosearch.tasks.files import Form, StrPath, read_file
from rosearch.tasks.labels import HIDDEN, bare, folded, label_names
from rosearch.tasks.unlabelled import texts_in
from rosearch.tasks.words import beginning
from rosearch.types import Text


@dataclass(frozen=True)
class NewTexts:
    """Texts, or pairs of them, and their labels as the file has them; None is missing."""

    texts: tuple[Text, ...]
    labels: tuple[str | None, ...]
    source: str

    def numbered(self, names: Sequence[str]) -> list[int | None]:
        """The labels as a task numbers them.

        Raises:
            UserError: it has no such label.
        """
        numbers: dict[str, int] = {}
        for fold in (bare, folded, str):
            numbers.update({fold(name): i for i, name in enumerate(names)})
        found = [None if name is None else _number(numbers, name) for name in self.labels]
        pairs = zip(self.labels, found, strict=True)
        wrong = {name for name, i in pairs if i is None and name not in (None, HIDDEN)}
        if wrong:
            raise UserError(
                f"{self.source} has labels that the model has not: "
                f"{listed(sorted(map(str, wrong)))}; its labels are {listed(names)}"
            )
        return found

    def cut(self, max_words: int | None) -> NewTexts:
        """Its texts as a task reads them that is cut after so many words."""
        return replace(self, texts=tuple(beginning(text, max_words) for text in self.texts))

    def check_pairs(self, pairs: bool) -> None:
        """Refuse single texts where pairs are wanted, and the other way round.

        Raises:
            UserError: they are of the other kind.
        """
        if isinstance(self.texts[0], str) == pairs:
            have, want = ("single texts", "pairs") if pairs else ("pairs", "single texts")
            advice = "name the second column with" if pairs else "leave out"
            raise UserError(
                f"{self.source} has {have} and the model reads {want}; {advice} --text-pair-column"
            )


def new_texts(path: StrPath, columns: Mapping[str, str | None]) -> NewTexts:
    """The texts of a file, and what labels it has.

    Args:
        columns: the settings of a task that say how a file is read.

    Raises:
        UserError: it can't be read, or has no text.
    """
    text, label = columns.get("text_column") or "text", columns.get("label_column") or "label"
    wanted = Columns(text, label, columns.get("text_pair_column"))
    form = Form(columns.get("delimiter"), columns.get("encoding"))
    found, _ = read_file(path, wanted, form, labelled=False)
    texts = texts_in(found)
    if not any("".join(t).strip() for t in texts):
        raise UserError(f"{found.source} has no text in the column {text!r}; name another one")
    try:
        names = label_names(found.labels)
    except ValueError as error:
        raise UserError(f"{found.source}, {error}; labels are strings or whole numbers") from None
    return NewTexts(tuple(texts), tuple(names), found.source)


def _number(numbers: Mapping[str, int], name: str) -> int | None:
    return next((numbers[n] for n in (name, folded(name), bare(name)) if n in numbers), None)

"""Lexicons by name, and substitution tables that are computed once and kept on disk, so that
workers need no lexicon library."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from rosearch.attacks.sources import LEXICONS, Lexicon
from rosearch.attacks.sources.neighbours import neighbours
from rosearch.attacks.sources.vectors import content_of
from rosearch.io.files import write_text
from rosearch.tasks.words import segment
from rosearch.types import Text

Table = Mapping[str, tuple[str, ...]]

FILE = "file:"  # starts the name of a lexicon from a user's file
VERSION = "2"  # of the rules for files; raise it when they change: old tables are then built anew


def vocabulary_of(texts: Iterable[Text]) -> set[str]:
    """Lower-cased words that an attack may change: of texts, or of the second texts of pairs."""
    return {word.lower() for text in texts for word in segment(text).words}


def build_table(lexicon: Lexicon, words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Substitutions of the words that have any."""
    return {word: found for word in sorted(words) if (found := lexicon(word))}


def cached_table(
    name: str, words: Iterable[str], folder: Path, given: Mapping[str, Path] | None = None
) -> dict[str, tuple[str, ...]]:
    """Substitutions of words, read from `folder` if they were looked up before.

    Args:
        name: one of `LEXICONS`, or `file:PATH` of a user's file, which is known by its content.
        given: files of lexicons that are made of a task's teacher; see `NamedLexicon.given`.

    Raises:
        UserError: a file that can't be read.
    """
    words = sorted(set(words))
    if name.startswith(FILE):
        file = Path(name.removeprefix(FILE))
        told = [content_of(file), VERSION, *words]
        return _kept(lambda: neighbours(file, words, folder), folder / "file", told)
    lexicon = LEXICONS[name]
    if made := (given or {}).get(lexicon.given):
        table = _read(made)
        return {word: table[word] for word in words if word in table}

    def make() -> dict[str, tuple[str, ...]]:
        return build_table(lexicon.make(), words)

    told = [name, lexicon.version, *words]
    return _kept(make, folder / name, told) if lexicon.version else make()


def _kept(
    make: Callable[[], dict[str, tuple[str, ...]]], path: Path, told: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """A table from its file, which is made if there is none; `told` is all that it depends on."""
    digest = hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
    path = path.with_name(f"{path.name}-{digest}.json")
    if not path.exists():
        write_text(path, json.dumps(make()))
    return _read(path)


def _read(path: Path) -> dict[str, tuple[str, ...]]:
    return {w: tuple(found) for w, found in json.loads(path.read_text(encoding="utf-8")).items()}


def families_of_lexicons(names: Iterable[str]) -> frozenset[str]:
    """What the substitutions of lexicons are known by; those of a file, by the file."""
    return frozenset(
        family
        for name in names
        for family in (
            (FILE + str(Path(name.removeprefix(FILE)).resolve()),)
            if name.startswith(FILE)
            else LEXICONS[name].families
        )
    )


def table_lexicon(table: Table) -> Lexicon:
    """A lexicon that reads a table."""
    return lambda word: table.get(word.lower(), ())

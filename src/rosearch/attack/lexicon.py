"""Lexicons by name, and substitution tables that are computed once and kept on disk, so that
workers need no lexicon library."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from rosearch.attack.sources import Lexicon
from rosearch.attack.sources.characters import character_edits
from rosearch.attack.sources.neighbours import neighbours_file
from rosearch.attack.sources.wordnet import wordnet_relatives, wordnet_synonyms
from rosearch.attack.text import segment
from rosearch.files import write_text

Table = Mapping[str, tuple[str, ...]]

LEXICONS: dict[str, Callable[[], Lexicon]] = {
    "wordnet": wordnet_synonyms,
    "relatives": wordnet_relatives,
    "characters": character_edits,
}
RESOURCES = {"wordnet": ("wordnet",), "relatives": ("wordnet",)}  # what must be downloaded
FILE = "file:"  # starts the name of a lexicon from a user's file
VERSION = "1"  # raise it when a lexicon's rules change: old tables are then built anew


def vocabulary_of(texts: Iterable[str]) -> set[str]:
    """Lower-cased words of texts."""
    return {word.lower() for text in texts for word in segment(text).words}


def load_lexicon(name: str) -> Lexicon:
    """A lexicon by its name in `LEXICONS`, or `file:PATH`.

    Raises:
        UserError: a file that can't be read.
    """
    if name.startswith(FILE):
        return neighbours_file(Path(name.removeprefix(FILE)))
    return LEXICONS[name]()


def build_table(lexicon: Lexicon, words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Substitutions of the words that have any."""
    return {word: found for word in sorted(words) if (found := lexicon(word))}


def cached_table(name: str, words: Iterable[str], folder: Path) -> dict[str, tuple[str, ...]]:
    """`build_table` of a lexicon by name, read from `folder` if it was built before.

    A user's file may change and is quick to read: it is read anew each time.
    """
    words = sorted(set(words))
    if name.startswith(FILE):
        return build_table(load_lexicon(name), words)
    digest = hashlib.sha256("\n".join([name, VERSION, *words]).encode()).hexdigest()[:16]
    path = folder / f"{name}-{digest}.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(build_table(load_lexicon(name), words)))
    return {w: tuple(found) for w, found in json.loads(path.read_text(encoding="utf-8")).items()}


def table_lexicon(table: Table) -> Lexicon:
    """A lexicon that reads a table."""
    return lambda word: table.get(word.lower(), ())

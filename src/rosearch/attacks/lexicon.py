"""Lexicons by name, and substitution tables that are computed once and kept on disk, so that
workers need no lexicon library."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from rosearch.attacks.sources import Lexicon
from rosearch.attacks.sources.characters import character_edits, deepwordbug_edits, textbugger_edits
from rosearch.attacks.sources.neighbours import neighbours
from rosearch.attacks.sources.vectors import content_of
from rosearch.attacks.sources.wordnet import (
    wordnet_antonyms,
    wordnet_inflected,
    wordnet_relatives,
    wordnet_synonyms,
)
from rosearch.io.files import write_text
from rosearch.tasks.words import segment
from rosearch.types import Text

Table = Mapping[str, tuple[str, ...]]

LEXICONS: dict[str, Callable[[], Lexicon]] = {
    "wordnet": wordnet_synonyms,
    "wordnet_inflected": wordnet_inflected,
    "relatives": wordnet_relatives,
    "characters": character_edits,
    "deepwordbug": deepwordbug_edits,
    "textbugger": textbugger_edits,
    "antonyms": wordnet_antonyms,  # for filters
}
RESOURCES = {  # what must be downloaded
    "wordnet": ("wordnet",),
    "wordnet_inflected": ("wordnet",),
    "relatives": ("wordnet",),
    "antonyms": ("wordnet",),
}
KIN = {"wordnet_inflected": "wordnet"}  # lexicons that are others in another form
FILE = "file:"  # starts the name of a lexicon from a user's file
VERSION = "2"  # raise it when a lexicon's rules change: old tables are then built anew


def vocabulary_of(texts: Iterable[Text]) -> set[str]:
    """Lower-cased words that an attack may change: of texts, or of the second texts of pairs."""
    return {word.lower() for text in texts for word in segment(text).words}


def build_table(lexicon: Lexicon, words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Substitutions of the words that have any."""
    return {word: found for word in sorted(words) if (found := lexicon(word))}


def cached_table(name: str, words: Iterable[str], folder: Path) -> dict[str, tuple[str, ...]]:
    """Substitutions of words, read from `folder` if they were looked up before.

    Args:
        name: one of `LEXICONS`, or `file:PATH` of a user's file, which is known by its content.

    Raises:
        UserError: a file that can't be read.
    """
    words = sorted(set(words))
    file = Path(name.removeprefix(FILE)) if name.startswith(FILE) else None
    source = name if file is None else content_of(file)
    digest = hashlib.sha256("\n".join([source, VERSION, *words]).encode()).hexdigest()[:16]
    path = folder / f"{name if file is None else 'file'}-{digest}.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = (
            build_table(LEXICONS[name](), words)
            if file is None
            else neighbours(file, words, folder)
        )
        write_text(path, json.dumps(made))
    return {w: tuple(found) for w, found in json.loads(path.read_text(encoding="utf-8")).items()}


def table_lexicon(table: Table) -> Lexicon:
    """A lexicon that reads a table."""
    return lambda word: table.get(word.lower(), ())

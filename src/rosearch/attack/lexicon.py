"""Substitution tables computed once and kept on disk, so that workers need no lexicon library."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from rosearch.attack.sources import Source
from rosearch.attack.text import segment
from rosearch.files import write_text

Table = Mapping[str, tuple[str, ...]]


def vocabulary_of(texts: Iterable[str]) -> set[str]:
    """Lower-cased words of texts."""
    return {word.lower() for text in texts for word in segment(text).words}


def build_table(source: Source, words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Substitutions of the words that have any."""
    return {word: found for word in sorted(words) if (found := source(word))}


def cached_table(name: str, words: Iterable[str], folder: Path) -> dict[str, tuple[str, ...]]:
    """`build_table` of a named lexicon, read from `folder` if it was built before.

    Args:
        name: key of `rosearch.attack.methods.LEXICONS`.
    """
    from rosearch.attack.methods import LEXICONS

    words = sorted(set(words))
    digest = hashlib.sha256("\n".join([name, VERSION, *words]).encode()).hexdigest()[:16]
    path = folder / f"{name}-{digest}.json"
    if not path.exists():
        table = build_table(LEXICONS[name](), words)
        folder.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(table))
    return {w: tuple(found) for w, found in json.loads(path.read_text(encoding="utf-8")).items()}


def table_source(table: Table) -> Source:
    """A source that reads a table."""
    return lambda word: table.get(word.lower(), ())


VERSION = "1"  # raise it when a lexicon's rules change: old tables are then built anew

"""What attacks are made of, gathered once for the texts to be attacked and then sent to workers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rosearch.attacks.constraints import CONSTRAINTS, Constraint
from rosearch.attacks.lexicon import Table, cached_table, table_lexicon, vocabulary_of
from rosearch.attacks.sources import LEXICONS, WordSource
from rosearch.attacks.steps import Model
from rosearch.errors import UserError, require
from rosearch.io import resources
from rosearch.io.disk_cache import DiskCache
from rosearch.io.files import file_hash, folder_hash
from rosearch.tasks.words import Words
from rosearch.types import Text

if TYPE_CHECKING:
    from rosearch.attacks.encoder import SentenceEncoder

MODELS = {"encoder": "minilm", "tagger": "en_core_web_sm"}  # pinned resources read by default
# What a user is told who gave no model for what has no pinned resource.
WANTED = {
    "masked_lm": "a masked language model; give --masked-lm MODEL, a folder or a hub id such as "
    "bert-base-uncased",
}
PACKAGES = {"tagger": ("spacy", "pos")}  # package and extra that a model needs
VERSION = "1"  # raise it when answers of the same model change


@dataclass(frozen=True)
class AttackResources:
    """Lexicons and models that attacks read; plain data, so that a worker gets it as it is.

    Attributes:
        lexicons: name -> substitutions of every word of the texts.
        models: what a model is for (`encoder`, `masked_lm`, `tagger`) -> its folder.
        answers: what a model is for -> the file of its answers that all students share.
        made: name -> SHA-256 of the file of a lexicon that is made of a task's teacher.
        exact: judge each substitution in the text as it is by then. Otherwise as the only change of
            the original text, by shared answers: the search does so, since it saves most encodings.
    """

    lexicons: Mapping[str, Table] = field(default_factory=dict)
    models: Mapping[str, Path] = field(default_factory=dict)
    answers: Mapping[str, Path] = field(default_factory=dict)
    made: Mapping[str, str] = field(default_factory=dict)
    exact: bool = True

    def words(self, lexicon: str) -> WordSource:
        """A lexicon as a source of substitutions."""
        return WordSource(table_lexicon(self.lexicons[lexicon]))

    def constraint(self, name: str, **settings: object) -> Constraint:
        """A constraint of `CONSTRAINTS`, which may ask the models; `settings` are its own."""
        return CONSTRAINTS[name].make(self, **settings)

    def model(self, name: str) -> Model:
        """What answers requests: cosines of pairs of texts (`encoder`), tags (`tagger`)."""
        shared = None if self.exact else self.answers[name]
        return _ANSWERING[name](self.models[name], shared)


def gather_resources(
    lexicons: Iterable[str],
    texts: Sequence[Text],
    models: Iterable[str] = (),
    folders: Mapping[str, Path] | None = None,
) -> AttackResources:
    """What attacks with these lexicons and models read, on these texts.

    Args:
        folders: what a model is for -> its folder, where it is not the default one; and files of
            lexicons that are made of a task's teacher.

    Raises:
        UserError: a lexicon that can't be read, or a model that can't be downloaded or is not
            given.
    """
    words = vocabulary_of(texts)
    cache = resources.cache_dir()
    given = folders or {}
    tables = {
        name: cached_table(name, words, cache / "lexicons", given)
        for name in dict.fromkeys(lexicons)
    }
    found = {name: given.get(name) or _default(name) for name in dict.fromkeys(models)}
    answers = {
        name: cache / "answers" / f"{name}-{_content(folder)}-{VERSION}.sqlite"
        for name, folder in found.items()
    }
    files = {name: given.get(LEXICONS[name].given) for name in tables if name in LEXICONS}
    made = {name: file_hash(file) for name, file in files.items() if file is not None}
    return AttackResources(tables, found, answers, made)


def _default(model: str) -> Path:
    if model not in MODELS:
        raise UserError(f"the attack needs {WANTED[model]}")
    return resources.fetch(MODELS[model])


def check_packages(models: Iterable[str]) -> None:
    """Refuse models that need a package which is not installed; imports none.

    Raises:
        MissingExtra: naming the command that installs it.
    """
    for package in filter(None, map(PACKAGES.get, models)):
        if find_spec(package[0]) is None:
            require(*package)


def _content(folder: Path) -> str:
    """Tells the content of a model's folder; that of a pinned resource is in its name."""
    if folder.parent == resources.cache_dir():
        return folder.name
    return folder_hash(folder, (".safetensors", ".json", ".txt"))[:16]


# One of each in a process: equal models are asked in one call, and remember what they were asked.


@lru_cache(maxsize=2)
def encoder_of(folder: Path) -> SentenceEncoder:
    """The sentence encoder in a folder."""
    from rosearch.attacks.encoder import SentenceEncoder

    return SentenceEncoder(folder)


@lru_cache(maxsize=4)
def _cosines(folder: Path, shared: Path | None) -> Model:
    def make() -> Model:
        from rosearch.attacks.encoder import Cosines

        return Cosines(encoder_of(folder))

    def key(pair: tuple[Words, Words]) -> str:
        return "\x1e".join(text.text for text in pair)

    return make() if shared is None else DiskCache(make, shared, key)


@lru_cache(maxsize=4)
def _tagger(folder: Path, shared: Path | None) -> Model:
    def make() -> Model:
        from rosearch.attacks.tagger import Tagger

        return Tagger(folder)

    def key(item: tuple[Words, int]) -> str:
        text, position = item
        return "\x1e".join((str(position), *text.words, *text.gaps))

    return make() if shared is None else DiskCache(make, shared, key)


_ANSWERING = {"encoder": _cosines, "tagger": _tagger}

"""Lexicons of a task's teacher: words that it puts together, or whose definitions it does."""

from __future__ import annotations

from functools import partial

from rosearch.attacks.sources import Lexicon, NamedLexicon
from rosearch.errors import UserError


def _not_by_name(name: str) -> Lexicon:
    raise UserError(
        f"the lexicon {name!r} is made of a task's teacher, which is not at hand here: take "
        "another lexicon, such as wordnet"
    )


ENCODER = NamedLexicon(
    "encoder",
    "nearest words by the teacher's sentence encoder, opposites left out",
    partial(_not_by_name, "encoder"),
    families=("encoder",),
    clusters=True,
    given="encoder_words",
)
# Of both families: nothing of either is unseen by who knows it.
DEFINITIONS = NamedLexicon(
    "definitions",
    "words whose WordNet definitions the teacher's sentence encoder puts close by",
    partial(_not_by_name, "definitions"),
    families=("wordnet", "encoder"),
    resources=("wordnet",),
    clusters=True,
    given="definition_words",
)

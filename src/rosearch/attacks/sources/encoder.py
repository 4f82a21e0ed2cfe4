"""The lexicon that nobody wrote: words that a task's teacher puts close together."""

from __future__ import annotations

from rosearch.attacks.sources import Lexicon, NamedLexicon
from rosearch.errors import UserError


def _not_by_name() -> Lexicon:
    raise UserError(
        "the lexicon 'encoder' is made of a task's teacher, which is not at hand here: take "
        "another lexicon, such as wordnet"
    )


ENCODER = NamedLexicon(
    "encoder",
    "nearest words by the teacher's sentence encoder, opposites left out",
    _not_by_name,
    families=("encoder",),
    clusters=True,
    given="encoder_words",
)

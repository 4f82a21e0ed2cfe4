"""What a named attack is: a description for users, what it needs, and how it is wired."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rosearch.attacks.attack import AnyAttack
from rosearch.attacks.attack_resources import AttackResources

NOTHING_MORE = "the words of the text"  # what an attack needs that needs no lexicon and no model


@dataclass(frozen=True)
class NamedAttack:
    """A named attack.

    Attributes:
        paper: where it comes from.
        wire: makes the attack from its resources and the names of its lexicons in them.
        departures: how it differs from the paper; empty if it does not.
        lexicons: read by default; names of `rosearch.attacks.LEXICONS`.
        models: what it needs besides the victim: `encoder`, `masked_lm`, `tagger`; see
            `AttackResources`.
        own_lexicon: whether `name:FILE` reads a user's lexicon instead of the default ones.
        adds_lexicon: whether that lexicon is read besides the default ones.
        white_box: whether it needs the victim's gradients.
        families: what it changes texts by: resources that it reads (`wordnet`), kinds of edits
            (`inner-letters`, `first-letter`, `splits`, `look-alikes`), `embeddings`, `masked-lm`.
            Who was trained or encoded against a family knows all of its attacks, so none of them
            can be held out then. None: not stated, and so never held out.
    """

    name: str
    description: str
    paper: str
    wire: Callable[[AttackResources, tuple[str, ...]], AnyAttack]
    departures: str = ""
    lexicons: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    own_lexicon: bool = False
    adds_lexicon: bool = False
    white_box: bool = False
    families: tuple[str, ...] | None = None

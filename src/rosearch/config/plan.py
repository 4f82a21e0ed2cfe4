"""What a configuration asks for: its attacks, and how much work each evaluation is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rosearch.config.sections import RunConfig
from rosearch.encodings import ENCODINGS, Encoding

if TYPE_CHECKING:  # which loads pydantic: the command line's start does without
    from rosearch.types import Fidelity

FEWEST_ATTACKED = 50


def all_attacks(config: RunConfig) -> tuple[str, ...]:
    """The search attack and the held-out attacks."""
    return tuple(dict.fromkeys((config.search.attack, *config.final.held_out)))


def held_out_attacks(config: RunConfig) -> tuple[str, ...]:
    """The held-out attacks alone."""
    return all_attacks(config)[1:]


def attacks_read(config: RunConfig) -> tuple[str, ...]:
    """The attacks that a run has to have ready: that of the first rung, too."""
    return tuple(dict.fromkeys((*all_attacks(config), first_attack(config))))


def fidelities(config: RunConfig) -> tuple[Fidelity, ...]:
    """Of all rungs."""
    return tuple(fidelity_at(config, rung) for rung in range(len(config.search.rungs)))


def fidelity_at(config: RunConfig, rung: int) -> Fidelity:
    """How much work an evaluation on a rung is; the last rung is the full one.

    The rungs below attack as small a share of the texts as they train of the schedule: the outcome
    on very few would be chance, so not less than `FEWEST_ATTACKED`. The first may have an attack of
    its own, such as FGSM on the embeddings.
    """
    from rosearch.types import Fidelity

    s = config.search
    portion = s.rungs[rung]
    full = Fidelity(s.epochs, s.train_share, s.attacked, (s.attack,), s.max_queries, portion)
    if rung == len(s.rungs) - 1:
        return full
    fewest = min(s.attacked, FEWEST_ATTACKED)
    part = replace(full, attacked=max(fewest, round(portion * s.attacked)))
    return replace(part, attacks=(first_attack(config),)) if rung == 0 else part


def first_attack(config: RunConfig) -> str:
    """The attack of the first rung; its own does not count where it is the last one, too."""
    s = config.search
    return s.first_attack if s.first_attack and len(s.rungs) > 1 else s.attack


def final_fidelity(config: RunConfig) -> Fidelity:
    """Full fidelity, for finalists and the reference."""
    from rosearch.types import Fidelity

    f, s = config.final, config.search
    return Fidelity(f.epochs, f.train_share, s.attacked, (s.attack,))


def codings_of(config: RunConfig) -> tuple[Encoding, ...]:
    """The encodings that students of a run may have, with their genes.

    Raises:
        UserError: an unknown encoding.
    """
    names = config.space.encodings
    return tuple(e for name in names for e in ENCODINGS[name].offered(config.encoding))

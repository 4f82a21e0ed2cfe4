"""What of a configuration can be done with what the cache has, without training a teacher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rosearch.attacks.methods import lexicons_of, members, models_of
from rosearch.attacks.sources import LEXICONS
from rosearch.config import RunConfig, attacks_read
from rosearch.tasks import Task
from rosearch.teacher.fit import saved_teacher
from rosearch.teacher.masked_lm import saved_masked_lm

MOST_TEXTS = 2_000  # of the train split, where there is no teacher: to be encoded and learnt


@dataclass(frozen=True)
class Lean:
    """A configuration without what would have to be trained first.

    Attributes:
        taught: whether the teacher is in the cache.
        left_out: what is, in words.
    """

    config: RunConfig
    taught: bool
    left_out: tuple[str, ...]


def lean(config: RunConfig, task: Task) -> Lean:
    """The configuration as far as the cache has what it needs."""
    taught = saved_teacher(task, config.teacher, config.seed) is not None
    attacks = {attack for suite in attacks_read(config) for attack in members(suite)}
    asking = {attack for attack in attacks if "masked_lm" in models_of(attack)}
    if asking and saved_masked_lm(task, config.teacher.name) is not None:
        asking = set()
    left_out = sorted(asking)
    if not taught:
        made = {a for a in attacks if any(LEXICONS[x].given for x in _named(a))}
        left_out = ["fine-tuning the teacher", "attacking it", *sorted(asking | made)]
        if len(task.train) > MOST_TEXTS:
            left_out.append(f"memory for more than {MOST_TEXTS:,} texts")
        config, asking = _without_teacher(config), asking | made
    return Lean(_without(config, asking), taught, tuple(left_out))


def _named(attack: str) -> list[str]:
    return [name for name in lexicons_of(attack) if name in LEXICONS]


def _without_teacher(config: RunConfig) -> RunConfig:
    """Without lexicons that a teacher makes, and its layers; labels stand for its answers."""
    encoding, distill = config.encoding, config.distill
    return replace(
        config,
        encoding=replace(encoding, lexicons=_ready(encoding.lexicons) or ("wordnet",)),
        distill=replace(
            distill, lexicons=_ready(distill.lexicons), matching="none", augment="none"
        ),
    )


def _ready(lexicons: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in lexicons if not LEXICONS[name].given)


def _without(config: RunConfig, attacks: set[str]) -> RunConfig:
    """Without some attacks; their suites keep the others."""
    if not attacks:
        return config

    def kept(suites: Sequence[str]) -> tuple[str, ...]:
        found = ("+".join(a for a in members(suite) if a not in attacks) for suite in suites)
        return tuple(dict.fromkeys(suite for suite in found if suite))

    s = config.search
    first = kept((s.first_attack,))[:1] if s.first_attack else ()
    search = replace(
        s, attack=kept(s.suites) or ("characters",), first_attack=first[0] if first else None
    )
    held_out = kept(config.final.held_out)
    return replace(config, search=search, final=replace(config.final, held_out=held_out))

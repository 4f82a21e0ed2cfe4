"""What a configuration asks for: its attacks, and how much work each evaluation is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rosearch.config.sections import RunConfig, SearchConfig
from rosearch.config.student_sections import SpaceConfig
from rosearch.encodings import ENCODINGS, Encoding
from rosearch.encodings.reading import Reading
from rosearch.space.defences import InferenceDefence
from rosearch.space.mechanisms import offered
from rosearch.space.votes import Votes

if TYPE_CHECKING:  # which loads pydantic: the command line's start does without
    from rosearch.objectives import Objective
    from rosearch.types import Fidelity, FinalPlan

FEWEST_ATTACKED = 50


def all_attacks(config: RunConfig) -> tuple[str, ...]:
    """The attack suites of the search and the held-out attacks."""
    return tuple(dict.fromkeys((*config.search.suites, *config.final.held_out)))


def held_out_attacks(config: RunConfig) -> tuple[str, ...]:
    """The held-out attacks alone."""
    return tuple(name for name in all_attacks(config) if name not in config.search.suites)


def attacks_read(config: RunConfig) -> tuple[str, ...]:
    """The attacks that a run has to have ready: those of the first rung, too."""
    return tuple(dict.fromkeys((*all_attacks(config), *first_attacks(config))))


def lexicons_read(config: RunConfig) -> tuple[str, ...]:
    """The lexicons that encodings and training of a run know."""
    return tuple(dict.fromkeys((*config.encoding.lexicons, *config.distill.lexicons)))


def objectives_of(search: SearchConfig) -> tuple[Objective, ...]:
    """What a run optimises.

    Raises:
        UserError: an unknown name, one that stands twice, or too few or too many.
    """
    from rosearch.objectives import find_objectives

    return find_objectives(search.objectives, search.suites)


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
    full = Fidelity(s.epochs, s.train_share, s.attacked, s.suites, s.max_queries, portion)
    if rung == len(s.rungs) - 1:
        return full
    fewest = min(s.attacked, FEWEST_ATTACKED)
    part = replace(full, attacked=max(fewest, round(portion * s.attacked)))
    return replace(part, attacks=first_attacks(config)) if rung == 0 else part


def first_attacks(config: RunConfig) -> tuple[str, ...]:
    """The attack suites of the first rung; its own does not count where it is the last one, too."""
    s = config.search
    return (s.first_attack,) if s.first_attack and len(s.rungs) > 1 else s.suites


def final_plan(config: RunConfig) -> FinalPlan:
    """How finalists and the reference are trained, and all models evaluated on the test split."""
    from rosearch.types import Fidelity, FinalPlan

    f, s = config.final, config.search
    training = Fidelity(f.epochs, f.train_share, s.attacked, s.suites)
    return FinalPlan(training, all_attacks(config), f.attacked)


def defences_of(space: SpaceConfig) -> tuple[InferenceDefence | None, ...]:
    """The inference-time defences that students of a run may have, with their genes; None is none.

    Raises:
        UserError: an unknown one.
    """
    return offered("defence", space.defences)  # type: ignore[return-value]


def readings_of(space: SpaceConfig) -> tuple[Reading | None, ...]:
    """What students of a run may do with a text before its tokens; None is nothing."""
    return offered("reading", space.defences)  # type: ignore[return-value]


def votes_of(space: SpaceConfig) -> tuple[Votes | None, ...]:
    """The votes that students of a run may have, with their genes; None is none."""
    return offered("votes", space.defences)  # type: ignore[return-value]


def codings_of(config: RunConfig) -> tuple[Encoding, ...]:
    """The encodings that students of a run may have, with their genes.

    Raises:
        UserError: an unknown encoding.
    """
    names = config.space.encodings
    return tuple(e for name in names for e in ENCODINGS[name].offered(config.encoding))

"""Whether a configuration can work, and whether what it holds out is unseen: torch-free, so that a
mistake is told at once."""

from __future__ import annotations

from collections.abc import Iterable

from rosearch.attacks.lexicon import KIN
from rosearch.attacks.methods import check_attack, lexicons_of, members, models_of
from rosearch.config.plan import attacks_read, first_attack
from rosearch.config.sections import DistillConfig, RunConfig
from rosearch.encodings import ENCODINGS
from rosearch.encodings.plain import PLAIN
from rosearch.errors import UserError

# Attacks and lexicons of one kind: who is trained against one of them knows the others.
CHARACTERS = frozenset({"characters", "deepwordbug", "textbugger"})
EMBEDDINGS = frozenset({"fgsm", "pgd"})


def check(config: RunConfig) -> None:
    """Refuse a configuration that would fail later on.

    Raises:
        UserError: unknown attacks or lexicons, or a held-out attack that the search uses or
            training hardens students against.
    """
    for name in attacks_read(config):
        check_attack(name)
    _check_matching(config)
    searched = _read(config.search.attack) | _kinds(config.encoding.lexicons)
    searched |= _read(first_attack(config))
    if searched & EMBEDDINGS:
        searched |= EMBEDDINGS
    trained = trained_against(config.distill)
    for name in config.final.held_out:
        read = _read(name)
        if searched & read:
            raise UserError(
                f"the attack {name!r} cannot be held out: the search uses it, its lexicon "
                "or its masked language model; change final.held_out, search.attack or "
                "encoding.lexicons"
            )
        for setting, alike in trained.items():
            if read & alike:
                raise UserError(
                    f"the attack {name!r} cannot be held out: students are trained against its "
                    f"kind, {setting}; change final.held_out or that setting"
                )


def trained_against(config: DistillConfig) -> dict[str, frozenset[str]]:
    """Attacks and lexicons that robust distillation spoils for holding out, by setting.

    Lexicons of substitutions are those of the encoding, which count as used anyway.
    """
    found = {}
    if config.characters:
        found[f"distill.characters = {config.characters:g}"] = CHARACTERS
    if config.adversarial != "none":
        found[f"distill.adversarial = {config.adversarial!r}"] = EMBEDDINGS
    if config.augment == "masked_lm":
        found[f"distill.augment = {config.augment!r}"] = frozenset({"masked_lm"})
    return found


def _check_matching(config: RunConfig) -> None:
    """Refuse to match tokens of a student that reads others than the teacher."""
    d = config.distill
    if d.matching not in ("none", "patient"):
        encodings = list(config.space.encodings)
        alike = [name for name in encodings if ENCODINGS[name].as_teacher] or [PLAIN.name]
        for setting, found, wanted in (
            ("space.encodings", encodings, alike),
            ("distill.characters", d.characters, 0),
            ("encoding.trim", config.encoding.trim, False),
        ):
            if found != wanted:
                raise UserError(
                    f"distill.matching {d.matching!r} needs students that read the teacher's own "
                    f"tokens: {setting} is {found}, set it to {wanted}, or match only first "
                    "tokens (patient)"
                )


def _read(suite: str) -> set[str]:
    """What makes two suites alike: their attacks and the lexicons that these read."""
    return {*members(suite), *_kinds(lexicons_of(suite)), *({"masked_lm"} & {*models_of(suite)})}


def _kinds(lexicons: Iterable[str]) -> set[str]:
    """Lexicons, those that only differ in form being one."""
    return {KIN.get(name, name) for name in lexicons}

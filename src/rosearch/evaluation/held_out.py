"""Whether a configuration can work, and whether what it holds out is unseen: torch-free, so that a
mistake is told at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from rosearch.attacks.lexicon import families_of_lexicons
from rosearch.attacks.methods import check_attack, families_of, members
from rosearch.config import DistillConfig, RunConfig, attacks_read, first_attacks, objectives_of
from rosearch.distill.defences import asked_defences
from rosearch.encodings import ENCODINGS
from rosearch.encodings.plain import PLAIN
from rosearch.errors import UserError
from rosearch.space.mechanisms import MECHANISMS, mechanism

if TYPE_CHECKING:
    from rosearch.space.genotype import Genotype
    from rosearch.types import Json

# What a model may know of an attack.
Standing = Literal["known", "held out", "unknown"]


@dataclass(frozen=True)
class Knowledge:
    """What one setting lets encoding, training or search know of attacks.

    Attributes:
        setting: as a file has it, with its value.
        families: of attacks, and names of single ones; None if nobody says which.
        training: whether students are trained against them.
    """

    setting: str
    families: frozenset[str] | None
    training: bool = False

    def to_json(self) -> Json:
        """As a saved student carries it, in the key `known_attacks` of its `config.json`."""
        families = None if self.families is None else sorted(self.families)
        return {"setting": self.setting, "families": families, "training": self.training}

    @classmethod
    def from_json(cls, found: Json) -> Knowledge:
        """From `to_json`.

        Raises:
            KeyError, TypeError: it is something else.
        """
        stated = found["families"]
        families = None if stated is None else frozenset(map(str, stated))
        return cls(str(found["setting"]), families, bool(found["training"]))


def check(config: RunConfig) -> None:
    """Refuse a configuration that would fail later on.

    Raises:
        UserError: unknown attacks or lexicons, or a held-out attack of a family that the search
            uses or training hardens students against.
    """
    for name in attacks_read(config):
        check_attack(name)
    _check_matching(config)
    _check_objectives(config)
    known = tuple(knowledge(config))
    for suite in config.final.held_out:
        for attack in members(suite):
            for seen in known:
                _check_unseen(attack, seen)


def without_known(config: RunConfig, g: Genotype) -> RunConfig:
    """The configuration without held-out attacks that a mechanism of one student was made for."""
    found = (getattr(g, field) for field in MECHANISMS)
    stated = [_stated(choice.families) for choice in found if choice is not None]
    known = frozenset[str]().union(*(families for families in stated if families))
    unseen = [
        suite
        for suite in config.final.held_out
        if not any((_kin(attack) or frozenset()) & known for attack in members(suite))
    ]
    return replace(config, final=replace(config.final, held_out=tuple(unseen)))


def knowledge(config: RunConfig) -> Iterator[Knowledge]:
    """All that encoding, training and search of a run know of attacks."""
    suites = config.search.suites
    searched = [("search.attack", suite) for suite in suites]
    searched += [("search.first_attack", s) for s in first_attacks(config) if s not in suites]
    for setting, suite in searched:
        for attack in members(suite):
            yield Knowledge(f"{setting} = {suite!r}", _kin(attack))
    lexicons = config.encoding.lexicons
    yield Knowledge(f"encoding.lexicons = {list(lexicons)}", families_of_lexicons(lexicons))
    for name in config.space.encodings:
        yield Knowledge(f"space.encodings = [{name!r}]", _stated(ENCODINGS[name].families))
    for name in config.space.defences:
        yield Knowledge(f"space.defences = [{name!r}]", _stated(mechanism(name).families))
    yield from trained_against(config.distill)


def knowledge_of_student(g: Genotype) -> Iterator[Knowledge]:
    """What a student's own encoding and mechanisms know, whatever it was trained on."""
    lexicons = g.coding.lexicons_read(())  # those whose words it joins
    stated = _stated(g.coding.families)
    families = None if stated is None else stated | families_of_lexicons(lexicons)
    yield Knowledge(f"encoding = {g.encoding!r}", families)
    for field in mechanisms_of(g) & set(MECHANISMS):
        found = getattr(g, field)
        yield Knowledge(f"{field} = {found.name!r}", _stated(found.families))


def mechanisms_of(g: Genotype) -> frozenset[str]:
    """What a student defends itself by: its fields of `MECHANISMS`, and `encoding` if that joins
    words."""
    found = {field for field in MECHANISMS if getattr(g, field) is not None}
    return frozenset(found | ({"encoding"} if g.coding.lexicons_read(()) else set()))


def standing(suite: str, known: Sequence[Knowledge], complete: bool) -> tuple[Standing, str]:
    """Whether an attack or suite is known to a model or held out, and why.

    Args:
        complete: whether `known` is all that encoding, training and search knew. If not, what is
            not known may still be known.
    """
    told: tuple[Standing, str] = ("held out", "") if complete else ("unknown", "unknown origin")
    for attack in members(suite):
        own = _kin(attack)
        for seen in known:
            if own is None or seen.families is None:
                told = ("unknown", f"{attack} or {seen.setting} does not state its families")
            elif shared := sorted(own & seen.families):
                return "known", f"{shared[0]} by {seen.setting}"
    return told


def trained_against(config: DistillConfig) -> Iterator[Knowledge]:
    """What robust distillation lets students know."""
    for defence in asked_defences(config):
        value = getattr(config, defence.setting)
        shown = f"{value:g}" if isinstance(value, float) else repr(value)
        setting = f"distill.{defence.setting} = {shown}"
        yield Knowledge(setting, _stated(defence.families), training=True)
    if config.lexicons:
        setting = f"distill.lexicons = {list(config.lexicons)}"
        yield Knowledge(setting, families_of_lexicons(config.lexicons), training=True)
    if config.augment == "masked_lm":
        setting = f"distill.augment = {config.augment!r}"
        yield Knowledge(setting, frozenset({"masked-lm"}), training=True)


def _stated(families: Sequence[str] | None) -> frozenset[str] | None:
    return None if families is None else frozenset(families)


def _check_unseen(attack: str, seen: Knowledge) -> None:
    """Refuse to hold an attack out that a setting lets students know.

    Raises:
        UserError: they share a family, or one of both does not state its families.
    """
    refused = f"the attack {attack!r} cannot be held out"
    own = _kin(attack)
    if own is None:
        raise UserError(
            f"{refused}: it does not state its families, so nobody knows whether they are unseen; "
            "state `families` where it is registered, or change final.held_out"
        )
    setting = seen.setting.partition(" = ")[0]
    if seen.families is None:
        raise UserError(
            f"{refused}: {seen.setting} does not state what it knows, so nobody knows whether the "
            f"attack is unseen; state it where it is registered, or change {setting}"
        )
    shared = sorted(own & seen.families)
    if shared and seen.training:
        raise UserError(
            f"{refused}: students are trained against {shared[0]}, its kind, {seen.setting}; "
            "change final.held_out or that setting"
        )
    if shared:
        raise UserError(
            f"{refused}: the search uses it, its lexicon or its kind ({shared[0]}), "
            f"{seen.setting}; change final.held_out or {setting}"
        )


def _kin(attack: str) -> frozenset[str] | None:
    """What makes an attack like others: its families and its name."""
    families = families_of(attack)
    return None if families is None else families | {attack}


def _check_objectives(config: RunConfig) -> None:
    """Refuse objectives that there are not."""
    try:
        objectives_of(config.search)
    except UserError as error:
        raise UserError(f"search.objectives: {error}") from None


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

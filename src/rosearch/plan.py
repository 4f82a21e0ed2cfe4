"""What a configuration asks for, and whether it can work: torch-free, so that a mistake is told at
once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rosearch import resources
from rosearch.attacks.kit import MODELS
from rosearch.attacks.lexicon import KIN, RESOURCES
from rosearch.attacks.methods import check_attack, lexicons_of, members, models_of
from rosearch.config import DistillConfig, RunConfig, TaskConfig
from rosearch.errors import UserError
from rosearch.tasks import Task, load_task, task_resources
from rosearch.types import Fidelity

FEWEST_ATTACKED = 50

# Attacks and lexicons of one kind: who is trained against one of them knows the others.
CHARACTERS = frozenset({"characters", "deepwordbug", "textbugger"})
EMBEDDINGS = frozenset({"fgsm", "pgd"})


def task_of(config: TaskConfig, seed: int) -> Task:
    """The task that a configuration names."""
    return load_task(
        config.name,
        train=config.train,
        validation=config.validation,
        test=config.test,
        text_column=config.text_column,
        text_pair_column=config.text_pair_column,
        label_column=config.label_column,
        seed=seed,
    )


def needed_resources(config: RunConfig) -> tuple[str, ...]:
    """The pinned resources that a run reads."""
    names = list(task_resources(config.task.name)) if config.task.train is None else []
    if config.teacher.name in resources.RESOURCES:
        names.append(config.teacher.name)
    attacks = attacks_read(config)
    read = [name for attack in attacks for name in lexicons_of(attack)]
    for lexicon in (*read, *config.encoding.lexicons):
        names += RESOURCES.get(lexicon, ())
    models = [model for attack in attacks for model in models_of(attack)]
    names += [MODELS[model] for model in models if model in MODELS]
    return tuple(dict.fromkeys(names))


def all_attacks(config: RunConfig) -> tuple[str, ...]:
    """The search attack and the held-out attacks."""
    return tuple(dict.fromkeys((config.search.attack, *config.final.held_out)))


def held_out_attacks(config: RunConfig) -> tuple[str, ...]:
    """The held-out attacks alone."""
    return all_attacks(config)[1:]


def attacks_read(config: RunConfig) -> tuple[str, ...]:
    """The attacks that a run has to have ready: that of the first rung, too."""
    return tuple(dict.fromkeys((*all_attacks(config), first_attack(config))))


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
        for setting, found, wanted in (
            ("space.encodings", list(config.space.encodings), ["plain"]),
            ("distill.characters", d.characters, 0),
            ("encoding.trim", config.encoding.trim, False),
        ):
            if found != wanted:
                raise UserError(
                    f"distill.matching {d.matching!r} needs students that read the teacher's own "
                    f"tokens: {setting} is {found}, set it to {wanted}, or match only first "
                    "tokens (patient)"
                )


def fidelity_at(config: RunConfig, rung: int) -> Fidelity:
    """How much work an evaluation on a rung is; the last rung is the full one.

    The rungs below attack as small a share of the texts as they train of the schedule: the outcome
    on very few would be chance, so not less than `FEWEST_ATTACKED`. The first may have an attack of
    its own, such as FGSM on the embeddings.
    """
    s = config.search
    portion = s.rungs[rung]
    full = Fidelity(s.epochs, s.train_share, s.attacked, s.attack, s.max_queries, portion)
    if rung == len(s.rungs) - 1:
        return full
    fewest = min(s.attacked, FEWEST_ATTACKED)
    part = replace(full, attacked=max(fewest, round(portion * s.attacked)))
    return replace(part, attack=first_attack(config)) if rung == 0 else part


def first_attack(config: RunConfig) -> str:
    """The attack of the first rung; its own does not count where it is the last one, too."""
    s = config.search
    return s.first_attack if s.first_attack and len(s.rungs) > 1 else s.attack


def final_fidelity(config: RunConfig) -> Fidelity:
    """Full fidelity, for finalists and the reference."""
    f, s = config.final, config.search
    return Fidelity(f.epochs, f.train_share, s.attacked, s.attack)


def _read(suite: str) -> set[str]:
    """What makes two suites alike: their attacks and the lexicons that these read."""
    return {*members(suite), *_kinds(lexicons_of(suite)), *({"masked_lm"} & {*models_of(suite)})}


def _kinds(lexicons: Iterable[str]) -> set[str]:
    """Lexicons, those that only differ in form being one."""
    return {KIN.get(name, name) for name in lexicons}

"""What a run reads of the pinned resources."""

from __future__ import annotations

from rosearch.attacks.attack_resources import MODELS
from rosearch.attacks.methods import lexicons_of, models_of
from rosearch.attacks.sources import LEXICONS
from rosearch.config import RunConfig, attacks_read
from rosearch.io import resources
from rosearch.tasks import task_resources


def needed_resources(config: RunConfig) -> tuple[str, ...]:
    """The pinned resources that a run reads."""
    names = list(task_resources(config.task.name)) if config.task.train is None else []
    if config.teacher.name in resources.RESOURCES:
        names.append(config.teacher.name)
    attacks = attacks_read(config)
    read = [name for attack in attacks for name in lexicons_of(attack)]
    for lexicon in (*read, *config.encoding.lexicons):
        names += LEXICONS[lexicon].resources if lexicon in LEXICONS else ()
    models = [model for attack in attacks for model in models_of(attack)]
    names += [MODELS[model] for model in models if model in MODELS]
    return tuple(dict.fromkeys(names))

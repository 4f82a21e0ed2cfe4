"""What the students of a run know of attacks; what is held out shares no kind with it."""

from __future__ import annotations

from dataclasses import dataclass

from rosearch.errors import UserError
from rosearch.evaluation.held_out import knowledge
from rosearch.results.meta import RunMeta
from rosearch.results.words import attack_label


@dataclass(frozen=True)
class KnownAttacks:
    """What a page says of them.

    Attributes:
        settings: as a file has them, and the families of attacks that each lets students know.
        held_out: names of the attacks that are held out.
    """

    settings: tuple[tuple[str, str], ...]
    held_out: str


def known_attacks(meta: RunMeta) -> KnownAttacks | None:
    """Of a run; None if this version does not know its settings."""
    families: dict[str, set[str]] = {}
    try:
        config = meta.run_config
        for seen in knowledge(config):
            told = ("it does not say which",) if seen.families is None else seen.families
            families.setdefault(seen.setting, set()).update(told)
    except UserError:
        return None
    settings = tuple((name, ", ".join(sorted(found))) for name, found in families.items() if found)
    return KnownAttacks(settings, ", ".join(map(attack_label, config.final.held_out)))

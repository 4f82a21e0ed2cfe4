"""Judging substitutions in advance, so that no student of a search waits for an encoder."""

from __future__ import annotations

from collections.abc import Sequence

from rosearch.attacks.attack import AnyAttack, Attack
from rosearch.attacks.steps import Model, answered
from rosearch.io.progress import stage
from rosearch.tasks.words import segment
from rosearch.types import Text


def judge_in_advance(attack: AnyAttack, texts: Sequence[Text]) -> None:
    """Have every substitution of every word judged by the expensive constraints of a static attack.

    The answers stay on disk: later attacks on these texts, on any victim, ask no model but it.

    Args:
        attack: loaded with `exact=False`.
    """
    if not isinstance(attack, Attack) or not attack.expensive:
        return
    with stage(f"judging substitutions of {attack.name}", len(texts)) as advance:
        for text in texts:
            words = segment(text)
            asked: dict[Model, list[object]] = {}
            for position in attack.positions(words):
                found = answered(attack.source.options(words, position))
                options = [attack.put(words, position, word) for word in found]
                for constraint in attack.expensive if options else ():
                    request = next(constraint.judge(words, words, options, position), None)
                    if request is not None and request.model is not None:
                        asked.setdefault(request.model, []).extend(request.items)
            for model, items in asked.items():
                model(items)
            advance(1, "")

"""Results replayed: the texts from the original to the perturbed one, and what is unfair."""

from __future__ import annotations

from itertools import pairwise

from rosearch.attacks.attack import Attack
from rosearch.attacks.result import AttackResult
from rosearch.attacks.steps import answered
from rosearch.tasks.words import Words, segment


def replayed(result: AttackResult) -> tuple[Words, ...]:
    """The texts from the original to the perturbed one, one word changing at each step.

    Of a word that changed more than once, all changes but the last are gone.
    """
    texts = [segment(result.original)]
    words = dict(zip(result.changed, result.replacements, strict=True))
    for position in dict.fromkeys(result.path):
        texts.append(texts[-1].with_word(position, words[position]))
    return tuple(texts)


def violations(attack: Attack, result: AttackResult) -> list[str]:
    """What a result breaks of its attack's rules, judged from scratch; empty if it is sound."""
    texts = replayed(result)
    original = texts[0]
    found = [] if texts[-1].text == result.perturbed else ["the steps lead to another text"]
    if len(set(result.path)) > attack.max_changed.of(len(original.words)):
        found.append(f"{len(set(result.path))} words changed")
    for position, (current, option) in zip(
        dict.fromkeys(result.path), pairwise(texts), strict=True
    ):
        word = original.words[position]
        if not all(allows(word) for allows in attack.may_change):
            found.append(f"{word!r} may not change")
        if option.words[position] == word:
            found.append(f"{word!r} did not change")
        for constraint in attack.constraints:
            verdict = answered(constraint.judge(original, current, [option], position))
            if not verdict.ok[0]:
                found.append(f"{option.text!r}: refused by {type(constraint).__name__}")
    return found

"""What is certain of an answer, in words: whatever is done to the text, it stays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from rosearch.attacks.at_hand import lexicons_at_hand, tables_at_hand
from rosearch.attacks.certificates import certified
from rosearch.attacks.certificates.votes import votes_of
from rosearch.models.classifier import Classifier
from rosearch.tasks.words import Words

COUNTED = re.compile(r"(\d+) words? (\w+)")
DONE = {
    "replaced": "can flip this, whatever is put in {its} place",
    "inserted": "that {is} put in can flip this, wherever {it} stand{s}",
    "deleted": "that {is} taken out can flip this",
    "misspelt": "that {is} misspelt by one letter can flip this",
}
ONE = {"its": "its", "is": "is", "it": "it", "s": "s"}
MORE = {"its": "their", "is": "are", "it": "they", "s": ""}
NUMBERS = {1: "single word", 2: "two words", 3: "three words"}


def certain(
    student: Classifier, text: Words, label: int, given: Mapping[str, Path]
) -> tuple[str, ...] | None:
    """Sentences on what no attack can flip; None of a student of whom that cannot be told.

    Args:
        given: files of lexicons that are made of a task's teacher.
    """
    if votes_of(student) is None:  # before anything is looked up for it
        return None
    tables = tables_at_hand(lexicons_at_hand(given), [text.example], given)
    found = certified(student, [text.example], [label], tables, edits=True)
    return in_words({what: count > 0 for what, count in found.items()})


def in_words(sure: Mapping[str, bool]) -> tuple[str, ...]:
    """Sentences on what is sure; of several numbers of words the largest one."""
    most: dict[str, int] = {}
    rest = []
    for what in (what for what, yes in sure.items() if yes):
        counted = COUNTED.fullmatch(what)
        if counted and counted[2] in DONE:
            most[counted[2]] = max(most.get(counted[2], 0), int(counted[1]))
        else:
            rest.append(_other(what))
    return (*(_no_words(change, n) for change, n in most.items()), *rest)


def _no_words(change: str, n: int) -> str:
    form = DONE[change].format(**(ONE if n == 1 else MORE))
    return f"No {NUMBERS.get(n, f'{n} words')} {form}."


def _other(what: str) -> str:
    lexicon = what.removeprefix("any ")
    if what == "any words misspelt":
        return "However many words are misspelt, each by one letter, this stays."
    if lexicon == what:
        return f"Nothing of this kind can flip this: {what}."
    return f"No substitutions from the lexicon {lexicon}, of however many words, can flip this."

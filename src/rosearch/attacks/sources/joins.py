"""Words written as one with a neighbour: what readers that part joined words have to stand."""

from __future__ import annotations

from rosearch.attacks.steps import Step
from rosearch.tasks.words import Words


class Joins:
    """A word and one that only a space parts it from as one word: the source, and how it is put
    into a text. The neighbour is left empty, so that a text has as many words as before."""

    def offers(self, text: Words, position: int) -> bool:
        return any(_parted(text, i) for i in (position, position - 1))

    def options(self, text: Words, position: int) -> Step[tuple[str, ...]]:
        firsts = [i for i in (position, position - 1) if _parted(text, i)]
        return tuple(dict.fromkeys(_both(text, i) for i in firsts))
        yield  # asks nothing, yet is a generator like every other source

    def put(self, text: Words, position: int, both: str) -> Words:
        """The text with the word at `position` and a neighbour as `both` of them."""
        after = _parted(text, position) and _both(text, position) == both
        i = position if after else position - 1
        words, gaps = list(text.words), list(text.gaps)
        words[i : i + 2] = (both, "") if after else ("", both)
        gaps[i + 1] = ""
        return Words(tuple(words), tuple(gaps), text.first)


def _parted(text: Words, i: int) -> bool:
    """Whether a space and nothing else parts word i from the next one."""
    if not 0 <= i < len(text.words) - 1:
        return False
    return text.gaps[i + 1] == " " and all(map(str.isalpha, text.words[i : i + 2]))


def _both(text: Words, i: int) -> str:
    return text.words[i] + text.words[i + 1]

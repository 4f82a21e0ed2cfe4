"""Substitutions that the victim's own tokenizer, and reader if it has one, does not undo."""

from __future__ import annotations

from rosearch.attacks.sources import Lexicon
from rosearch.attacks.steps import Request, Step
from rosearch.tasks.words import Words


class UnreadSource:
    """A lexicon without what the victim reads as the text before, or like another substitution."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon

    def offers(self, text: Words, position: int) -> bool:
        return bool(self.lexicon(text.words[position]))

    def options(self, text: Words, position: int) -> Step[tuple[str, ...]]:
        words = self.lexicon(text.words[position])
        if not words:
            return ()
        texts = [text, *(text.replaced(position, word) for word in words)]
        own, *others = yield Request(texts, reads=True)
        found = {own: ""}
        for read, word in zip(others, words, strict=True):
            found.setdefault(read, word)
        return tuple(found.values())[1:]

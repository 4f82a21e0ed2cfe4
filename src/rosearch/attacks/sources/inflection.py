"""Forms of words: a lexicon lists lemmas, texts hold their forms (lemminflect)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import chain, zip_longest
from typing import TypeAlias

import lemminflect

from rosearch.attacks.sources import Lexicon, single_word

# Universal part of speech -> lemma -> others, the nearest first.
Entries: TypeAlias = Mapping[str, Mapping[str, tuple[str, ...]]]


def nearest_first(closeness: Mapping[str, Mapping[str, Mapping[str, int]]]) -> Entries:
    """Entries of part of speech -> lemma -> other -> how near it is."""
    return {
        part: {
            word: tuple(sorted(alike, key=lambda other: (-alike[other], other)))
            for word, alike in words.items()
        }
        for part, words in closeness.items()
    }


def lexicon_of_lemmas(entries: Entries, most: int) -> Lexicon:
    """A lexicon of lemmas for words as texts hold them.

    A word is read as every form of every lemma that it can be, and what the lexicon has for a lemma
    is put into the same form. Parts of speech take turns: a "funny" was a boat once.

    Args:
        most: substitutions of a word.
    """

    @cache
    def near(word: str) -> tuple[str, ...]:
        word = word.lower()
        as_part = [
            [
                new
                for base, tag in readings(word, part, alike.__contains__)
                for other in alike[base]
                for new in inflected(other, tag)
                if new != word and single_word(new)
            ]
            for part, alike in entries.items()
        ]
        in_turn = (new for new in chain(*zip_longest(*as_part)) if new is not None)
        return tuple(dict.fromkeys(in_turn))[:most]

    return near


def readings(word: str, part: str, known: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Lemmas that a word may be a form of, and the Penn tags of that form.

    Args:
        part: universal part of speech.
        known: whether the lexicon has a lemma of that part of speech.
    """
    bases = (*lemminflect.getAllLemmas(word, upos=part).get(part, ()), word)
    for base in filter(known, dict.fromkeys(bases)):
        listed = lemminflect.getAllInflections(base, upos=part)
        forms = listed or lemminflect.getAllInflectionsOOV(base, part)
        # Some forms have rare spellings: "film" may be a plural, but "films" is the usual one.
        usual = [tag for tag, spelled in forms.items() if word == spelled[0]]
        for tag in usual or forms:
            if word in forms[tag] and not (tag == "NNS" and word == base):
                yield base, tag


def inflected(lemma: str, tag: str) -> tuple[str, ...]:
    """The usual form of a lemma; none if an adjective or adverb is not known to be compared so."""
    if tag in ("NN", "VB", "VBP", "JJ", "RB"):
        return (lemma,)
    compared = tag in ("JJR", "JJS", "RBR", "RBS")
    forms: tuple[str, ...] = lemminflect.getInflection(lemma, tag, inflect_oov=not compared)
    return forms[:1]

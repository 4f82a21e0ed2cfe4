"""Webster's dictionary of 1913 as a lexicon: it explains words by words of the same meaning.

"Dull: slow of understanding; stupid; doltish." What stands in a definition by itself, or is listed
as a synonym, is such a word. It was written long before WordNet, and for readers.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from rosearch.attacks.sources import Lexicon, NamedLexicon, single_word

if TYPE_CHECKING:
    from rosearch.attacks.sources.inflection import Entries

MOST = 15  # substitutions of a word
PARTS = {"n": "NOUN", "v": "VERB", "a": "ADJ", "adv": "ADV"}  # Webster's and the universal names
SYNONYM, DEFINED = 3, 2  # how near a listed synonym is, and a word that stands in a definition

_ASIDE = re.compile(r"\([^)]*\)|\[[^\]]*\]")  # fields of knowledge, sources
_BEFORE = re.compile(r"^(?:to|a|an|the|or|and|hence|also|esp|especially|sometimes)[.,:]? ")
_SYNONYMS = re.compile(r"^Syn\. ?-- ?")


def webster() -> Lexicon:
    """Words that explain the word or are explained by it, in its inflection, the nearest first."""
    from rosearch.attacks.sources.inflection import lexicon_of_lemmas

    return lexicon_of_lemmas(_entries(), MOST)


@lru_cache(maxsize=1)
def _entries() -> Entries:
    """Part of speech -> word -> those of its meaning; nearer if both explain each other."""
    from rosearch.attacks.sources.inflection import nearest_first

    closeness: dict[str, dict[str, Counter[str]]] = {
        part: defaultdict(Counter) for part in PARTS.values()
    }
    found = list(_pairs())
    known = {(part, word) for part, word, _, _ in found}
    for part, word, other, near in found:
        if (part, other) in known and other != word:  # what is no such part of speech is no synonym
            closeness[part][word][other] += near
            closeness[part][other][word] += 1
    return nearest_first(closeness)


def _pairs() -> Iterator[tuple[str, str, str, int]]:
    """Part of speech, word, another one of its meaning, and how near."""
    for word, part, definitions, synonyms in _explained():
        yield part, word, word, 0  # it is one, whatever explains it
        for text in definitions:
            for other in _alone(text):
                yield part, word, other, DEFINED
        for other in _alone(_SYNONYMS.sub("", synonyms).replace(",", ";")):
            yield part, word, other, SYNONYM


def _alone(text: str) -> Iterator[str]:
    """Words that stand by themselves between semicolons, or in a list of such."""
    for piece in _ASIDE.sub("", text).lower().split(";"):
        words = [_BEFORE.sub("", part.strip(" .,:-")) for part in piece.split(",")]
        if all(single_word(word) for word in words):
            yield from words


def _explained() -> Iterator[tuple[str, str, list[str], str]]:
    """Word, part of speech, definitions and synonyms of every entry of the edition of 1913."""
    from rosearch.io import resources

    for path in sorted(resources.fetch("webster").glob("*.json")):
        for word, entry in json.loads(path.read_text(encoding="utf-8")).items():
            for one in entry["pos"]:
                part = PARTS.get((one.get("part_of_speech") or "").partition(".")[0])
                if part is None or not single_word(word):
                    continue
                texts = [definition["text"] for definition in one.get("definitions", ())]
                # Later additions are WordNet's, and begin with a small letter.
                texts = [text for text in texts if text[:1].isupper()]
                if texts or one.get("syn"):
                    yield word.lower(), part, texts, one.get("syn") or ""


WEBSTER = NamedLexicon(
    "webster",
    "words that explain each other in Webster's dictionary of 1913",
    webster,
    families=("webster",),
    resources=("webster",),
    clusters=True,
    version="1",
)

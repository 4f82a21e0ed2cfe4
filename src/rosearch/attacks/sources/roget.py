"""Roget's Thesaurus of 1911 as a lexicon: written by others, and for other ends, than WordNet.

It lists ideas, and for each of them, by part of speech, words in groups of the same meaning.
"""

from __future__ import annotations

import html
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from rosearch.attacks.sources import Lexicon, NamedLexicon, single_word

if TYPE_CHECKING:
    from rosearch.attacks.sources.inflection import Entries

MOST = 15  # substitutions of a word
PARTS = {"N": "NOUN", "V": "VERB", "Adj": "ADJ", "Adv": "ADV"}  # Roget's and the universal names

_HEAD = re.compile(r"^\s*\d+[a-z]?\. (?=[A-Z(\[])", re.MULTILINE)  # "3. Substantiality -- N. ..."
_PART = re.compile(r"(?<![\w&])(N|V|Adj|Adv|Phr|Int|Prep|Conj)\.\s")
_ASIDE = re.compile(r"<--.*?-->|\[[^\]]*\]|\([^)]*\)|\{[^}]*\}", re.DOTALL)  # sources, languages
_SEE = re.compile(r"&c\.?( (n|v|adj|adv|int)\.)?( \d+[a-z]?)?")  # "&c adj. 187": see there
_GROUP = re.compile(r"[.:]\s|;")


def roget() -> Lexicon:
    """Words that stand in a group with the word, in its inflection: those of most groups first."""
    from rosearch.attacks.sources.inflection import lexicon_of_lemmas

    return lexicon_of_lemmas(_entries(), MOST)


@lru_cache(maxsize=1)
def _entries() -> Entries:
    """Part of speech -> word -> those of its groups; nearer in more groups first."""
    from rosearch.attacks.sources.inflection import nearest_first

    closeness: dict[str, dict[str, Counter[str]]] = {
        part: defaultdict(Counter) for part in PARTS.values()
    }
    for part, group in _groups():
        for i, word in enumerate(group):
            for j, other in enumerate(group):
                if other != word:
                    closeness[part][word][other] += 10 - min(abs(i - j), 9)
    return nearest_first(closeness)


def _groups() -> Iterator[tuple[str, list[str]]]:
    """Part of speech and single words, lower case, of every group."""
    from rosearch.io import resources

    path = resources.fetch("roget") / "10681-body.py"  # a page of text, whatever its name says
    page = html.unescape(path.read_text(encoding="utf-8", errors="replace"))
    for idea in _HEAD.split(_ASIDE.sub("", page))[1:]:
        _, *parts = _PART.split(" ".join(idea.split()) + " ")
        for part, body in zip(parts[::2], parts[1::2], strict=True):
            if part in PARTS:
                for group in _GROUP.split(_SEE.sub("", body)):
                    words = [word.strip(" .!?,'\"").lower() for word in group.split(",")]
                    yield PARTS[part], [word for word in words if single_word(word)]


ROGET = NamedLexicon(
    "roget",
    "words of the same group in Roget's Thesaurus of 1911",
    roget,
    families=("roget",),
    resources=("roget",),
    clusters=True,
    version="1",
)

"""The Moby Thesaurus as a lexicon: written by others than WordNet's authors, without its senses.

No encoding and no training reads it, so that an attack with it is one by a stranger.
"""

from __future__ import annotations

from functools import cache, lru_cache

from rosearch.attacks.sources import Lexicon, NamedLexicon, single_word

MOST = 15  # substitutions of a word


def thesaurus() -> Lexicon:
    """Words that list each other, those with the most alike lists first.

    An entry holds some 80 words of all senses of its root and is loose. Two words that stand in
    each other's entries mean nearly the same in one sense; how many further words both entries
    share (Jaccard index) ranks them.
    """
    entries = _entries()

    @cache
    def near(word: str) -> tuple[str, ...]:
        word = word.lower()
        own = entries.get(word, frozenset())
        likeness = {
            other: len(own & entries[other]) / len(own | entries[other])
            for other in own
            if word in entries.get(other, ())
        }
        return tuple(sorted(likeness, key=lambda other: (-likeness[other], other))[:MOST])

    return near


@lru_cache(maxsize=1)
def _entries() -> dict[str, frozenset[str]]:
    """Single words, lower case, by the root of their entry."""
    from rosearch.io import resources

    found = {}
    path = resources.fetch("moby") / "words.txt"
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        root, *others = line.split(",")
        if single_word(root):
            alike = {w.strip().lower() for w in others if single_word(w.strip())}
            found[root.lower()] = frozenset(alike - {root.lower()})
    return found


THESAURUS = NamedLexicon(
    "thesaurus",
    "words of the Moby Thesaurus that list each other",
    thesaurus,
    families=("moby",),
    resources=("moby",),
    version="1",
)

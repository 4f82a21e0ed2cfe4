"""Sources of substitutions: what a word may be replaced by.

A source is a function from a word to an ordered tuple of replacements, pure and deterministic;
results are remembered, since the same word is asked for in many texts.
"""

from __future__ import annotations

import json
import random
import string
import warnings
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from rosearch.errors import UserError

Source = Callable[[str], tuple[str, ...]]

# The letters that a QWERTY keyboard has around each letter.
KEYBOARD = {
    "q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok",
    "o": "ipl", "p": "ol", "a": "qsz", "s": "awdx", "d": "sefc", "f": "drgv", "g": "fthb",
    "h": "gyjn", "j": "hukm", "k": "jil", "l": "kop", "z": "asx", "x": "zsdc", "c": "xdfv",
    "v": "cfgb", "b": "vghn", "n": "bhjm", "m": "njk",
}  # fmt: skip


def wordnet_synonyms() -> Source:
    """Lemmas that share a WordNet synset with the word, the commonest sense first.

    Like TextAttack's WordSwapWordNet: every part of speech, single words only. Inflection is not
    carried over: "movies" may become "film".
    """
    return _wordnet_source(lambda synset: (synset,))


def wordnet_relatives() -> Source:
    """Lemmas of synsets one step away (hypernyms, similar and see-also synsets), synonyms left out.

    A lexicon disjoint from `wordnet_synonyms` by construction: the held-out lexicon that needs no
    further resource. Relatives change a meaning more than synonyms do.
    """
    own = wordnet_synonyms()
    related = _wordnet_source(lambda s: (*s.hypernyms(), *s.similar_tos(), *s.also_sees()))

    @cache
    def relatives(word: str) -> tuple[str, ...]:
        synonyms = set(own(word))
        return tuple(r for r in related(word) if r not in synonyms)[:15]

    return relatives


def neighbours_file(path: Path) -> Source:
    """Substitutions from a JSON file that maps each word to its nearest words, nearest first.

    Raises:
        UserError: the file is missing or of another form.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read the lexicon {path}: {error.strerror}") from None
    except ValueError:
        raise UserError(f"{path} is not a JSON file in UTF-8") from None
    if not isinstance(table, dict) or not all(
        isinstance(v, list) and all(isinstance(w, str) for w in v) for v in table.values()
    ):
        raise UserError(f'{path}: expected one object {{"word": ["nearest", "next", ...], ...}}')
    return lambda word: tuple(w for w in table.get(word.lower(), ()) if _single_word(w))


def character_edits() -> Source:
    """Words one edit away, as DeepWordBug makes them (Gao et al. 2018, section 3.2).

    Swap of two neighbouring letters, substitution, deletion and insertion of one letter; letters
    from the keyboard neighbourhood. One edit of each kind is drawn per word, from a generator
    seeded by the word, so that every model meets the same edits. First and last letters stay, as
    readers rely on them (Pruthi et al. 2019).
    """

    @cache
    def edits(word: str) -> tuple[str, ...]:
        if len(word) < 4 or not word.isalpha():
            return ()
        rng = random.Random(word)
        made: list[str] = []
        for edit in (_swap, _substitute, _delete, _insert, _substitute, _swap):
            new = edit(word, rng.randrange(1, len(word) - 2), rng)
            if new != word and new not in made:
                made.append(new)
        return tuple(made)

    return edits


def _swap(w: str, i: int, rng: random.Random) -> str:
    return w[:i] + w[i + 1] + w[i] + w[i + 2 :]


def _substitute(w: str, i: int, rng: random.Random) -> str:
    return w[:i] + _near(w[i], rng) + w[i + 1 :]


def _delete(w: str, i: int, rng: random.Random) -> str:
    return w[:i] + w[i + 1 :]


def _insert(w: str, i: int, rng: random.Random) -> str:
    return w[:i] + _near(w[i], rng) + w[i:]


def _near(letter: str, rng: random.Random) -> str:
    return rng.choice(KEYBOARD.get(letter.lower(), string.ascii_lowercase))


def _wordnet_source(reach: Callable[[Any], tuple[Any, ...]]) -> Source:
    reader = _wordnet_reader()

    @cache
    def lemmas(word: str) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for synset in reader.synsets(word.lower()):
            for near in reach(synset):
                for lemma in near.lemma_names():
                    if lemma.lower() != word.lower() and _single_word(lemma):
                        found.setdefault(lemma)
        return tuple(found)

    return lemmas


def _single_word(word: str) -> bool:
    return word.replace("'", "").replace("-", "").isalpha()


@lru_cache(maxsize=1)
def _wordnet_reader() -> Any:
    import nltk
    from nltk.corpus.reader.wordnet import WordNetCorpusReader

    from rosearch import resources

    folder = resources.fetch("wordnet")  # <folder>/corpora/wordnet
    if str(folder) not in nltk.data.path:
        nltk.data.path.insert(0, str(folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # only English is here, and only English is asked for
        return WordNetCorpusReader(nltk.data.find("corpora/wordnet"), None)

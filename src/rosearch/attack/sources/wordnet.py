"""WordNet as a lexicon: synonyms, and relatives that are no synonyms."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from rosearch.attack.sources import Lexicon, single_word


def wordnet_synonyms() -> Lexicon:
    """Lemmas that share a WordNet synset with the word, the commonest sense first.

    Like TextAttack's WordSwapWordNet: every part of speech, single words only. Inflection is not
    carried over: "movies" may become "film".
    """
    return _wordnet_source(lambda synset: (synset,))


def wordnet_relatives() -> Lexicon:
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


def _wordnet_source(reach: Callable[[Any], tuple[Any, ...]]) -> Lexicon:
    reader = _wordnet_reader()

    @cache
    def lemmas(word: str) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for synset in reader.synsets(word.lower()):
            for near in reach(synset):
                for lemma in near.lemma_names():
                    if lemma.lower() != word.lower() and single_word(lemma):
                        found.setdefault(lemma)
        return tuple(found)

    return lemmas


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

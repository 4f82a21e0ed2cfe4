"""WordNet as a lexicon: synonyms, and relatives that are no synonyms."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING

from rosearch.attacks.sources import Lexicon, NamedLexicon, single_word

if TYPE_CHECKING:
    from nltk.corpus.reader.wordnet import Synset, WordNetCorpusReader

PARTS = {"n": "NOUN", "v": "VERB", "a": "ADJ", "r": "ADV"}  # WordNet's and the universal names


def wordnet_synonyms() -> Lexicon:
    """Lemmas that share a WordNet synset with the word, the commonest sense first.

    Like TextAttack's WordSwapWordNet: every part of speech, single words only. Inflection is not
    carried over: "movies" may become "film".
    """
    return _wordnet_source(lambda synset: (synset,))


def wordnet_inflected() -> Lexicon:
    """`wordnet_synonyms` in the inflection of the word: "movies" becomes "films".

    A word is read as every form of every lemma that it can be; a synonym of a lemma's synset is put
    into the same form. So parts of speech are not mixed, and no form of the word itself is offered.
    Which of its parts of speech a word has in a text is for the part-of-speech constraint to say.
    """
    from rosearch.attacks.sources.inflection import inflected, readings

    reader = _wordnet_reader()

    def is_lemma(part: str, word: str) -> bool:
        return bool(reader.morphy(word, part) == word)

    @cache
    def synonyms(word: str) -> tuple[str, ...]:
        word = word.lower()
        found: dict[str, None] = {}
        for part, universal in PARTS.items():
            for base, tag in readings(word, universal, partial(is_lemma, part)):
                for synset in reader.synsets(base, part):
                    lemmas = [lemma for lemma in synset.lemma_names() if single_word(lemma)]
                    others = [lemma for lemma in lemmas if lemma.lower() != base]
                    if len(others) < len(lemmas):  # else it is a synset of the base's own base
                        for lemma in others:
                            found.update(dict.fromkeys(inflected(lemma, tag)))
        return tuple(new for new in found if new.lower() != word and single_word(new))

    return synonyms


def wordnet_relatives() -> Lexicon:
    """Lemmas of synsets one step away (hypernyms, similar and see-also synsets), synonyms left out.

    Disjoint from `wordnet_synonyms` by construction. Relatives change a meaning more than synonyms
    do.
    """
    own = wordnet_synonyms()
    related = _wordnet_source(
        lambda s: (
            *_in_order(s.hypernyms()),
            *_in_order(s.similar_tos()),
            *_in_order(s.also_sees()),
        )
    )

    @cache
    def relatives(word: str) -> tuple[str, ...]:
        synonyms = set(own(word))
        return tuple(r for r in related(word) if r not in synonyms)[:15]

    return relatives


def wordnet_antonyms() -> Lexicon:
    """Antonyms of the word in all its senses, of the head of a satellite adjective, and satellites.

    So "great" has "bad" through its head "good", and "good" has "awful" through "bad".
    """
    reader = _wordnet_reader()

    @cache
    def antonyms(word: str) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for synset in reader.synsets(word.lower()):
            heads = _in_order(synset.similar_tos()) if synset.pos() == "s" else ()
            for lemma in (lemma for s in (synset, *heads) for lemma in s.lemmas()):
                for opposite in lemma.antonyms():
                    near = (opposite.synset(), *_in_order(opposite.synset().similar_tos()))
                    found.update(dict.fromkeys(n for s in near for n in s.lemma_names()))
        return tuple(n for n in found if single_word(n))

    return antonyms


def _in_order(synsets: Iterable[Synset]) -> list[Synset]:
    """Related synsets by name: NLTK keeps them in sets of strings, whose order differs between
    processes, and where only the first of a word's lemmas count, so would the lexicon."""
    return sorted(synsets, key=lambda synset: str(synset.name()))


def _wordnet_source(reach: Callable[[Synset], tuple[Synset, ...]]) -> Lexicon:
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
def _wordnet_reader() -> WordNetCorpusReader:
    import nltk
    from nltk.corpus.reader.wordnet import WordNetCorpusReader

    from rosearch.io import resources

    folder = resources.fetch("wordnet")  # <folder>/corpora/wordnet
    if str(folder) not in nltk.data.path:
        nltk.data.path.insert(0, str(folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # only English is here, and only English is asked for
        return WordNetCorpusReader(nltk.data.find("corpora/wordnet"), None)


VERSION = "2"  # raise it when the rules of a lexicon change
SYNONYMS = NamedLexicon(
    "wordnet",
    "WordNet synonyms",
    wordnet_synonyms,
    families=("wordnet",),
    resources=("wordnet",),
    clusters=True,
    version=VERSION,
)
INFLECTED = NamedLexicon(
    "wordnet_inflected",
    "WordNet synonyms in the inflection of the word",
    wordnet_inflected,
    families=("wordnet",),
    resources=("wordnet",),
    version=VERSION,
)
# Relatives are of the family of synonyms: what is of one resource does not show what is unseen.
RELATIVES = NamedLexicon(
    "relatives",
    "WordNet hypernyms and similar words",
    wordnet_relatives,
    families=("wordnet",),
    resources=("wordnet",),
    clusters=True,
    version=VERSION,
)
ANTONYMS = NamedLexicon(
    "antonyms",
    "WordNet antonyms, as a filter",
    wordnet_antonyms,
    families=("wordnet-antonyms",),
    resources=("wordnet",),
    offered=False,
    version=VERSION,
)

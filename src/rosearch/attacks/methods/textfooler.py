"""TextFooler."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.attack_resources import AttackResources
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.search.greedy import Greedy
from rosearch.attacks.search.order import by_unknown


def _wire(resources: AttackResources, lexicons: tuple[str, ...]) -> Attack:
    return Attack(
        "textfooler",
        resources.words(*lexicons),
        Greedy(by_unknown, best_flip="quality", beats="original"),
        constraints=(resources.constraint("part-of-speech"), resources.constraint("similarity")),
    )


TEXTFOOLER = NamedAttack(
    name="textfooler",
    description="greedy swap of words of the same part of speech, in texts that stay alike",
    paper="Jin et al. 2020 (TextFooler), sections 3.1 and 3.2; parameters of the authors' code",
    departures="WordNet synonyms unless a file of counter-fitted vectors or neighbours is given; "
    "MiniLM instead of the Universal Sentence Encoder, with the same threshold on the angle; "
    "spaCy's tags instead of NLTK's; texts under 15 words are not checked for similarity (the "
    "code's threshold for them is 0.1); only words that have substitutions are ranked; stop words "
    "of our own list",
    wire=_wire,
    lexicons=("wordnet_inflected",),
    models=("encoder", "tagger"),
    own_lexicon=True,
    families=("wordnet",),
)

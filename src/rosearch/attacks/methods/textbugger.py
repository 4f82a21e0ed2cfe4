"""TextBugger."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.attack_resources import AttackResources
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.search.greedy import Greedy
from rosearch.attacks.sources import Lexicon, WordSource

NEIGHBOURS = 5  # Li et al. 2019, section III-B: nearest words that are tried (Sub-W)
LEAST_COSINE = 0.8  # Li et al. 2019, section IV: threshold of the semantic similarity


def textbugger(resources: AttackResources, lexicons: tuple[str, ...]) -> Attack:
    """TextBugger's bugs; with a second lexicon, its nearest words, too."""
    characters, *own = (resources.words(name).lexicon for name in lexicons)
    source = WordSource(_first_of(characters, own[0]) if own else characters)
    alike = resources.constraint(
        "similarity", least=LEAST_COSINE, measure="cosine", window=None, reference="original"
    )
    return Attack("textbugger", source, Greedy(), constraints=(alike,))


def _first_of(characters: Lexicon, own: Lexicon) -> Lexicon:
    return lambda word: (*characters(word), *own(word)[:NEIGHBOURS])


TEXTBUGGER = NamedAttack(
    name="textbugger",
    description="greedy bugs: a space in a word, a letter deleted, two swapped, one replaced by a "
    "look-alike; with textbugger:FILE also the 5 nearest words of your own lexicon",
    paper="Li et al. 2019 (TextBugger), section III-B (black box)",
    wire=textbugger,
    departures="words are ranked in the whole text, not sentence by sentence; nearest words only "
    "from a file of yours; no keyboard neighbours among the look-alikes; MiniLM instead of the "
    "Universal Sentence Encoder, with the same threshold, a cosine of 0.8",
    lexicons=("textbugger",),
    models=("encoder",),
    own_lexicon=True,
    adds_lexicon=True,
    families=("inner-letters", "splits", "look-alikes"),
)

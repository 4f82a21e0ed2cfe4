"""Published attacks on characters: DeepWordBug and TextBugger."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.attack_resources import AttackResources
from rosearch.attacks.constraints.distance import EditDistance
from rosearch.attacks.named_attack import Recipe
from rosearch.attacks.search.greedy import Greedy
from rosearch.attacks.search.order import by_unknown
from rosearch.attacks.sources import Lexicon, WordSource

MOST_EDITS = 30  # Gao et al. 2018, section 4: the bound of their experiments
NEIGHBOURS = 5  # Li et al. 2019, section III-B: nearest words that are tried (Sub-W)
LEAST_COSINE = 0.8  # Li et al. 2019, section IV: threshold of the semantic similarity

DEEPWORDBUG = Recipe(
    name="deepwordbug",
    description="greedy edits of one random letter: swap, substitution, deletion, insertion; at "
    "most 30 edits a text",
    paper="Gao et al. 2018 (DeepWordBug), sections 3.1 and 3.2",
    wire=lambda resources, lexicons: Attack(
        "deepwordbug",
        resources.words(*lexicons),
        Greedy(order=by_unknown),
        constraints=(EditDistance(MOST_EDITS),),
    ),
    departures="all four edits of a word are tried and the best is kept, as TextAttack does; the "
    "paper uses one kind at a time. Words are ranked by replacing them with an unknown one (the "
    "paper's Replace-1 score, with TextFooler's class-change term); its temporal scores of heads "
    "and tails, made for recurrent models, are left out. Stop words stay",
    lexicons=("deepwordbug",),
)


def textbugger(resources: AttackResources, lexicons: tuple[str, ...]) -> Attack:
    """TextBugger's bugs; with a second lexicon, its nearest words, too."""
    characters, *own = (resources.words(name).lexicon for name in lexicons)
    source = WordSource(_first_of(characters, own[0]) if own else characters)
    alike = resources.similarity(
        least=LEAST_COSINE, measure="cosine", window=None, reference="original"
    )
    return Attack("textbugger", source, Greedy(), constraints=(alike,))


def _first_of(characters: Lexicon, own: Lexicon) -> Lexicon:
    return lambda word: (*characters(word), *own(word)[:NEIGHBOURS])


TEXTBUGGER = Recipe(
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
)

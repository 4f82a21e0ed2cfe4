"""Named attacks: each wires a source, constraints and a search method.

To add an attack, add its lexicon to `LEXICONS` (a function from nothing to a `Source`) and an
entry to `ATTACKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from rosearch.attack import sources
from rosearch.attack.constraints import WordConstraint, not_a_stop_word
from rosearch.attack.lexicon import cached_table, table_source
from rosearch.attack.search import Search, greedy_swap
from rosearch.attack.sources import Source
from rosearch.attack.text import Words
from rosearch.errors import UserError


@dataclass(frozen=True)
class Recipe:
    """What a user should know of an attack before choosing it."""

    lexicon: str
    description: str
    paper: str
    resources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attack:
    """An attack ready to run: `search` gives the generator for one text."""

    name: str
    source: Source
    may_change: WordConstraint = not_a_stop_word
    max_queries: int | None = None

    def search(self, text: Words, label: int) -> Search:
        """The search for one adversarial text."""
        return greedy_swap(text, label, self.source, self.may_change, self.max_queries)


LEXICONS: dict[str, Callable[[], Source]] = {
    "wordnet": sources.wordnet_synonyms,
    "relatives": sources.wordnet_relatives,
    "characters": sources.character_edits,
}

ATTACKS: dict[str, Recipe] = {
    "wordnet": Recipe(
        "wordnet",
        "greedy swap of words for WordNet synonyms, in TextFooler's order of importance",
        "Jin et al. 2020 (TextFooler); Ren et al. 2019 (WordNet candidates)",
        ("wordnet",),
    ),
    "relatives": Recipe(
        "relatives",
        "greedy swap of words for WordNet hypernyms and similar words that are no synonyms",
        "Zang et al. 2020 discuss wider candidates; the lexicon is ours",
        ("wordnet",),
    ),
    "characters": Recipe(
        "characters",
        "greedy single-letter edits: swap, keyboard substitution, deletion, insertion",
        "Gao et al. 2018 (DeepWordBug); Pruthi et al. 2019",
    ),
}
NEIGHBOURS = "neighbours:"


def check_attack(name: str) -> None:
    """Refuse a name that `load_attack` would refuse.

    Raises:
        UserError: no such attack, or the neighbour file is missing.
    """
    if name.startswith(NEIGHBOURS):
        if not Path(name.removeprefix(NEIGHBOURS)).is_file():
            raise UserError(f"attack {name!r}: no such file")
    elif name not in ATTACKS:
        raise UserError(
            f"no attack {name!r}; the attacks are {', '.join(ATTACKS)}, "
            f"or {NEIGHBOURS}FILE.json for a lexicon of your own"
        )


def load_attack(
    name: str,
    words: Iterable[str] | None = None,
    cache: Path | None = None,
    max_queries: int | None = None,
) -> Attack:
    """An attack by name.

    Args:
        name: key of `ATTACKS`, or `neighbours:FILE.json`.
        words: if given with `cache`, substitutions of just these words are read from a table that
            is built once: the way to use an attack in many processes.

    Raises:
        UserError: no such attack, or a lexicon that can't be read.
    """
    check_attack(name)
    if name.startswith(NEIGHBOURS):
        source = sources.neighbours_file(Path(name.removeprefix(NEIGHBOURS)))
    elif words is not None and cache is not None:
        source = table_source(cached_table(ATTACKS[name].lexicon, words, cache))
    else:
        source = LEXICONS[ATTACKS[name].lexicon]()
    return Attack(name, source, max_queries=max_queries)

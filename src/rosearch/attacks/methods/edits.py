"""Greedy edits of one kind each, so that each kind can be held out."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.methods.swaps import greedy
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.search.at_once import AtOnce
from rosearch.attacks.search.greedy import Greedy
from rosearch.attacks.sources import WordSource
from rosearch.attacks.sources.disguises import GAPS, disguises
from rosearch.attacks.sources.joins import Joins

CHARACTERS = greedy(
    "characters",
    "greedy single-letter edits: swap, keyboard substitution, deletion, insertion",
    "Gao et al. 2018 (DeepWordBug); Pruthi et al. 2019",
    "inner-letters",
)
FIRST_LETTER = greedy(
    "first-letter",
    "greedy edits of the first letter: swap, substitution, deletion, insertion",
    "Gao et al. 2018 (DeepWordBug), for the kinds of edits",
)
TWO_EDITS = greedy(
    "two-edits",
    "greedy pairs of edits inside a word of four letters or more, each as `characters` makes them",
    "Pruthi et al. 2019, section 4.1 (two-character attacks)",
)
REPEATS = greedy(
    "repeats",
    "greedy repetition of letters: of one, of two, of all, of the last one",
    "Brody & Diakopoulos 2011 describe it; the attack is ours",
)
PHONETIC = greedy(
    "phonetic",
    "greedy spellings that sound alike in English, one or two stretches of a word changed",
    "Eger & Benz 2020 (Zéroe), by rules of ours",
)
LEET = greedy(
    "leet",
    "greedy replacement of letters by digits and marks that look like them: of one, two or all",
    "Le et al. 2022 (ANTHRO) describe it; the table is ours",
)
SPLITS = greedy(
    "splits",
    "greedy splits of words: a space, hyphen or dot inside, or a space after every letter",
    "Li et al. 2019 (TextBugger); Eger & Benz 2020 (Zéroe), segmentation",
)
JOINS = NamedAttack(
    name="joins",
    description="greedy joins of words: the space between a word and a neighbour taken out",
    paper="Li et al. 2019 (TextBugger) split words so; Eger & Benz 2020 (Zéroe), segmentation",
    wire=lambda resources, lexicons: Attack("joins", Joins(), Greedy(), put=Joins().put),
    families=("joins",),
)
LOOK_ALIKES = greedy(
    "look-alikes",
    "greedy look-alikes: Cyrillic, Greek and full-width letters, accents, invisible marks",
    "Eger et al. 2019 (VIPER); Boucher et al. 2022",
)
REAL_WORDS = greedy(
    "real-words",
    "greedy swap of words for other common words that are one edit away",
    "Mays et al. 1991 describe such errors; the attack is ours",
)
DISGUISES = NamedAttack(
    name="disguises",
    description="the whole text in one disguise, stop words, too: look-alikes (Cyrillic, Greek, "
    "full-width, bold), leet, strokes or invisible marks, letter by letter, hyphens, repeats, "
    "marks instead of spaces, no spaces",
    paper="Eger et al. 2019 (VIPER) and Le et al. 2022 (ANTHRO) describe them; the attack is ours",
    wire=lambda resources, lexicons: Attack(
        "disguises", WordSource(disguises), AtOnce(GAPS), may_change=()
    ),
    families=("look-alikes", "leet", "splits", "joins", "repeats"),
)

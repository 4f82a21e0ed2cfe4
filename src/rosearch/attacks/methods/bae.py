"""BAE."""

from __future__ import annotations

import math

from rosearch.attacks.attack import Attack
from rosearch.attacks.attack_resources import AttackResources
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.search.greedy import Greedy
from rosearch.attacks.sources.masked_lm import FITTED, Guesses, MaskedLMSource

# BAE's code asks for 1 - arccos(cosine) >= 0.8: an angular similarity of 0.936, a cosine of 0.980.
# TextAttack reads the 0.936 as a cosine, which lets far more through.
SIMILAR = 1 - 0.2 / math.pi


def _bae(resources: AttackResources, lexicons: tuple[str, ...]) -> Attack:
    guesses = Guesses(resources.models["masked_lm"], masked=True, top=50)
    return Attack(
        "bae",
        MaskedLMSource(guesses),
        Greedy(best_flip="quality"),
        constraints=(
            resources.constraint("part-of-speech"),
            resources.constraint("similarity", least=SIMILAR),
        ),
    )


BAE = NamedAttack(
    name="bae",
    description="greedy swap of words for what a masked language model puts in their place",
    paper="Garg & Ramakrishnan 2020 (BAE), section 3, the variant BAE-R",
    wire=_bae,
    departures="the variants that insert words are not offered; MiniLM instead of the Universal "
    "Sentence Encoder, with the code's threshold of 0.936 on the angle; texts under 15 words are "
    "not checked for similarity; stop words of our own list stay and are not offered" + FITTED,
    models=("masked_lm", "encoder", "tagger"),
    families=("masked-lm",),
)

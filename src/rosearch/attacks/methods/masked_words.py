"""Words from a masked language model: BAE and BERT-Attack."""

from __future__ import annotations

import math

from rosearch.attacks.attack import Attack
from rosearch.attacks.attack_resources import AttackResources
from rosearch.attacks.constraints import MaxChanged
from rosearch.attacks.named_attack import Recipe
from rosearch.attacks.search.greedy import Greedy
from rosearch.attacks.search.order import by_unknown
from rosearch.attacks.sources.masked_lm import Guesses, MaskedLMSource

# BAE's code asks for 1 - arccos(cosine) >= 0.8: an angular similarity of 0.936, a cosine of 0.980.
# TextAttack reads the 0.936 as a cosine, which lets far more through.
SIMILAR = 1 - 0.2 / math.pi
# Measured; see docs/architecture.md.
FITTED = (
    "; without --masked-lm a head fitted to the task's train texts gives the words: they fit the "
    "place, but most swaps change what the text says, so read the result as the worst case under "
    "free choice of words, not as robustness to paraphrase"
)


def _bae(resources: AttackResources, lexicons: tuple[str, ...]) -> Attack:
    guesses = Guesses(resources.models["masked_lm"], masked=True, top=50)
    return Attack(
        "bae",
        MaskedLMSource(guesses),
        Greedy(best_flip="quality"),
        constraints=(resources.part_of_speech(), resources.similarity(least=SIMILAR)),
    )


def _bert_attack(resources: AttackResources, lexicons: tuple[str, ...]) -> Attack:
    guesses = Guesses(resources.models["masked_lm"], masked=False, top=48, top_pieces=8)
    return Attack(
        "bert-attack",
        MaskedLMSource(guesses, resources.lexicons["antonyms"]),
        Greedy(order=by_unknown),
        max_changed=MaxChanged(share=0.4),
    )


BAE = Recipe(
    name="bae",
    description="greedy swap of words for what a masked language model puts in their place",
    paper="Garg & Ramakrishnan 2020 (BAE), section 3, the variant BAE-R",
    wire=_bae,
    departures="the variants that insert words are not offered; MiniLM instead of the Universal "
    "Sentence Encoder, with the code's threshold of 0.936 on the angle; texts under 15 words are "
    "not checked for similarity; stop words of our own list stay and are not offered" + FITTED,
    models=("masked_lm", "encoder", "tagger"),
)

BERT_ATTACK = Recipe(
    name="bert-attack",
    description="greedy swap of at most 40 % of the words for what a masked language model puts in "
    "their place while it sees them; never antonyms",
    paper="Li et al. 2020 (BERT-Attack), section 3",
    wire=_bert_attack,
    departures="an unknown word stands for [MASK] in the importance of words; the model reads the "
    "text as changed so far, not the original one; combinations of word pieces are ranked by the "
    "product of their probabilities, not by perplexity, with 8 guesses a piece; of several flips "
    "the most damaging one is taken, not the first; antonyms are WordNet's" + FITTED,
    lexicons=("antonyms",),
    models=("masked_lm",),
)

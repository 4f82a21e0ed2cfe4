"""BERT-Attack."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.attack_resources import AttackResources
from rosearch.attacks.constraints import MaxChanged
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.search.greedy import Greedy
from rosearch.attacks.search.order import by_unknown
from rosearch.attacks.sources.masked_lm import FITTED, Guesses, MaskedLMSource


def _bert_attack(resources: AttackResources, lexicons: tuple[str, ...]) -> Attack:
    guesses = Guesses(resources.models["masked_lm"], masked=False, top=48, top_pieces=8)
    return Attack(
        "bert-attack",
        MaskedLMSource(guesses, resources.lexicons["antonyms"]),
        Greedy(order=by_unknown),
        max_changed=MaxChanged(share=0.4),
    )


BERT_ATTACK = NamedAttack(
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
    families=("masked-lm",),
)

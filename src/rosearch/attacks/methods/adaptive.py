"""Attacks that know how a student defends itself (Tramer et al. 2020)."""

from __future__ import annotations

from rosearch.attacks.attack import Attack
from rosearch.attacks.attack_resources import AttackResources
from rosearch.attacks.constraints.words import not_a_stop_word
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.search.greedy import Greedy
from rosearch.attacks.search.worst import WorstSwap
from rosearch.attacks.sources import Lexicon, WordSource
from rosearch.attacks.sources.edits import EVERY_EDIT
from rosearch.attacks.sources.unread import UnreadSource

# All that students are trained against, so that no defence meets less than it knows.
_SUBSTITUTES = ("wordnet", "relatives", "roget", "webster", "encoder")
_FAMILIES = ("wordnet", "roget", "webster", "encoder")


def _worst_vote(resources: AttackResources, lexicons: tuple[str, ...]) -> Attack:
    found = [resources.words(name).lexicon for name in lexicons]
    return Attack("worst-vote", WordSource(_united(found)), WorstSwap())


def _worst_frame(resources: AttackResources, lexicons: tuple[str, ...]) -> Attack:
    edits, *words = (resources.words(name).lexicon for name in lexicons)
    content = _united(words)

    def either(word: str) -> tuple[str, ...]:
        return content(word) if not_a_stop_word(word) else edits(word)

    return Attack("worst-frame", UnreadSource(either), Greedy(), may_change=())


def _united(lexicons: list[Lexicon]) -> Lexicon:
    return lambda word: tuple(dict.fromkeys(new for lexicon in lexicons for new in lexicon(word)))


WORST_EDIT = NamedAttack(
    name="worst-edit",
    description="greedy edits of all kinds, two or three in a word and other words included, "
    "without those that the victim's own tokenizer or reader undoes",
    paper="Tramer et al. 2020 (adaptive attacks); the attack is ours",
    wire=lambda resources, lexicons: Attack(
        "worst-edit", UnreadSource(resources.words(*lexicons).lexicon), Greedy()
    ),
    lexicons=(EVERY_EDIT.name,),
    families=EVERY_EDIT.families,
)
WORST_VOTE = NamedAttack(
    name="worst-vote",
    description="every word takes its worst substitute of several lexicons, the words with the "
    "largest effect first: exact against students whose words vote",
    paper="Jia et al. 2019 (worst case of word substitutions), by queries; the attack is ours",
    wire=_worst_vote,
    lexicons=_SUBSTITUTES,
    own_lexicon=True,
    adds_lexicon=True,
    families=_FAMILIES,
)
WORST_FRAME = NamedAttack(
    name="worst-frame",
    description="greedy; function words are misspelt so that the victim's own tokenizer or reader "
    "does not undo it, other words take substitutes: for students whose votes function words weigh",
    paper="Tramer et al. 2020 (adaptive attacks); the attack is ours",
    wire=_worst_frame,
    lexicons=(EVERY_EDIT.name, *_SUBSTITUTES),
    families=(*EVERY_EDIT.families, *_FAMILIES),
)

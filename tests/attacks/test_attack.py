"""The attack engine: exact counts, budgets, batched equals one by one, pieces equal whole texts."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from replay import replayed, violations

from rosearch.attacks.attack import AnyAttack, Attack
from rosearch.attacks.constraints import MaxChanged
from rosearch.attacks.constraints.words import not_a_stop_word
from rosearch.attacks.engine import attacked
from rosearch.attacks.lexicon import cached_table, table_lexicon
from rosearch.attacks.methods import ATTACKS, check_attack, load_attacks
from rosearch.attacks.result import AttackResult, robustness
from rosearch.attacks.search.greedy import Greedy
from rosearch.attacks.search.order import importance
from rosearch.attacks.sources import Lexicon, WordSource
from rosearch.attacks.sources.characters import character_edits
from rosearch.attacks.sources.masked_lm_model import loaded as loaded_masked_lm
from rosearch.attacks.steps import answered
from rosearch.encodings.frame import STOP_WORDS
from rosearch.encodings.reader import SHORT
from rosearch.errors import UserError
from rosearch.models.classifier import Classifier
from rosearch.models.pieces import PieceEncoder
from rosearch.tasks import load_task
from rosearch.tasks.words import Words, like, segment

POLARITY = {
    "great": 2.0,
    "good": 1.0,
    "terrific": 1.0,
    "decent": 0.2,
    "solid": -0.1,
    "bad": -2.0,
    "poor": -1.0,
}
# Attacks that need no file or model of the user's own, and those of them that give texts.
ALIKE = {"first-letter", "two-edits", "repeats", "phonetic", "leet", "real-words"}  # like `splits`
READY = [
    name
    for name, recipe in ATTACKS.items()
    if (recipe.lexicons or recipe.models or recipe.white_box) and name not in ALIKE
]
ON_WORDS = [name for name in READY if not ATTACKS[name].white_box]
SLOW = {"beam": 150, "genetic": 150}  # query budget in tests
TABLE = {"great": ("good", "large"), "good": ("decent", "solid"), "bad": ("poor",)}


def greedy(lexicon: Lexicon, max_queries: int | None = None) -> Attack:
    return Attack("t", WordSource(lexicon), Greedy(), max_queries=max_queries)


class Bag:
    """A victim whose arithmetic is known: it adds up the polarity of words."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def probabilities(self, texts: list[Words]) -> np.ndarray:
        self.asked += [t.text for t in texts]
        score = np.array([sum(POLARITY.get(w.lower(), 0) for w in t.words) for t in texts])
        positive = 1 / (1 + np.exp(-score))
        return np.stack([1 - positive, positive], axis=1).astype(np.float32)


def attack_one(text: str, label: int, max_queries: int | None = None) -> tuple[AttackResult, Bag]:
    victim = Bag()
    attack = greedy(table_lexicon(TABLE), max_queries)
    return attacked(attack, victim, [text], [label])[0], victim


def test_the_most_important_word_changes_first_until_the_label_flips():
    result, victim = attack_one("A Great movie, good fun.", 1)
    # 1 original, 2 deletions, 2 substitutions of "great", 2 of "good"
    assert (result.status, result.perturbed) == ("flipped", "A Large movie, solid fun.")
    assert result.queries == len(victim.asked) == 7
    flipped, _ = attack_one("good", 1)
    assert (flipped.status, flipped.perturbed) == ("flipped", "solid")
    assert flipped.queries == 1 + 1 + 2
    assert flipped.changed == (0,)


def test_misclassified_texts_cost_one_query_and_are_left_alone():
    result, victim = attack_one("a bad film", 1)
    assert (result.status, result.queries, result.perturbed) == ("skipped", 1, "a bad film")
    assert len(victim.asked) == 1


@pytest.mark.parametrize("budget", [1, 2, 3, 4, 5])
def test_the_budget_is_never_exceeded(budget: int):
    result, victim = attack_one("great good film", 1, budget)
    assert result.queries == len(victim.asked) <= budget
    assert result.exhausted == (budget < 7)


def test_counts_follow_the_definitions():
    # Four times "great" becomes "large" at the worst, probability 0.5 for both: that is a flip for
    # argmax, so one word that the table does not know keeps the text positive.
    texts = ["good", "great terrific", "bad", "plain", "good"]
    results = attacked(greedy(table_lexicon(TABLE)), Bag(), texts, [1, 1, 1, 1, 0])
    counts = robustness("t", results)
    # "plain" has probability 0.5 for both: argmax says 0, so it is wrong
    assert [r.status for r in results] == ["flipped", "survived", "skipped", "skipped", "skipped"]
    assert (counts.n, counts.correct, counts.survived) == (5, 2, 1)
    assert counts.after_attack == pytest.approx(0.2)
    assert counts.success_rate == pytest.approx(0.5)


def test_stop_words_never_change():
    table = dict.fromkeys(STOP_WORDS, ("good",))
    result = attacked(greedy(table_lexicon(table)), Bag(), ["good and not the"], [1])[0]
    assert result.queries == 1 and result.status == "survived"
    assert not not_a_stop_word("Not") and not_a_stop_word("film")


def test_importance_matches_the_formula():
    before = np.array([0.2, 0.8])
    without = np.array([[0.3, 0.7], [0.9, 0.1]])
    assert importance(before, without, 1) == pytest.approx([0.1, 0.7 + 0.9 - 0.2])


def loaded(name: str, resources) -> AnyAttack:
    (attack,) = load_attacks(name, resources, max_queries=SLOW.get(name))
    return attack


@pytest.mark.parametrize("name", READY)
def test_batched_equals_one_by_one(name, victims, real_texts, resources_of):
    texts, labels = real_texts
    attack = loaded(name, resources_of(name, texts))
    for victim in victims:
        together = attacked(attack, victim, texts, labels)
        loaded_masked_lm.cache_clear()  # nor does it know the answers of a masked language model
        alone = attacked(attack, victim, texts, labels, window=1)
        for a, b in zip(together, alone, strict=True):
            assert (a.status, a.perturbed, a.queries) == (b.status, b.perturbed, b.queries)
            assert a.path == b.path
            assert a.before == pytest.approx(b.before, abs=1e-4)
        assert {r.status for r in together} >= {"skipped", "flipped"}


@pytest.mark.parametrize("name", ON_WORDS)
def test_adversarial_texts_hold_when_checked_from_scratch(name, victims, real_texts, resources_of):
    texts, labels = real_texts
    attack = loaded(name, resources_of(name, texts))
    victim = victims[0]
    results = attacked(attack, victim, texts, labels)
    for r in results:
        assert violations(attack, r) == []
    flipped = [r for r in results if r.status == "flipped"]
    assert flipped
    for r in flipped:
        if "masked_lm" in ATTACKS[name].models:
            old, new = segment(r.original), segment(r.perturbed)
            assert old.gaps == new.gaps
            for now, then in pairwise(replayed(r)):
                (i,) = now.changed(then)
                offered = answered(attack.source.options(now, i))
                assert new.words[i].lower() in {w.lower() for w in offered}
                assert not_a_stop_word(old.words[i])
        else:
            old = segment(r.original)
            assert re.fullmatch(allowed_texts(attack, old, r.changed), r.perturbed)
        assert sorted(set(r.path)) == list(r.changed)
        assert len(r.changed) <= attack.max_changed.of(len(segment(r.original).words))
        changed = [segment(r.original).words[i] for i in r.changed]
        assert all(allows(word) for word in changed for allows in attack.may_change)
        assert name == "worst-frame" or not_a_stop_word in attack.may_change
        ids = victim.network.encoder.backend.encode(r.perturbed).ids
        logits = victim.model(input_ids=torch.tensor([ids])).logits
        assert int(logits.argmax()) != r.label


def allowed_texts(attack: Attack, old: Words, changed: tuple[int, ...]) -> str:
    """A pattern of the texts in which exactly these words became one of their options.

    Not by segmenting: an option may have a space in it.
    """
    parts = [re.escape(old.gaps[0])]
    for i, (word, gap) in enumerate(zip(old.words, old.gaps[1:], strict=True)):
        options = [like(word, o) for o in attack.source.lexicon(word)] if i in changed else [word]
        parts += ["(?:" + "|".join(map(re.escape, options)) + ")", re.escape(gap)]
    return "".join(parts)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_joined_pieces_equal_the_whole_text(bert_tokenizer, text: str):
    encoder = PieceEncoder(bert_tokenizer)
    whole = encoder.backend.encode(text, add_special_tokens=False).ids
    assert encoder.encode(segment(text)).ids[1:-1] == whole[: encoder.max_length - 2]


@pytest.mark.parametrize(
    "text",
    [
        "It cost \u00a35m, not 6. So\n\u20ac7 it was!",
        "a\u00a3, [SEP]. b\u00a3",
        "\u0301a. \u0301b\u00a3",
    ],
)
def test_stretches_between_marks_equal_the_whole_text(bert_tokenizer, text: str):
    encoder, text = PieceEncoder(bert_tokenizer), "? ".join([text] * SHORT)
    expected = bert_tokenizer(text, truncation=True).input_ids
    assert encoder.encode(segment(text)).ids == expected
    assert len(encoder.stretches) > 1


@pytest.mark.parametrize("text", ["a [SEP] b", "x[CLS]y", "[mask] [MASK]!", "CLS, sep"])
def test_special_tokens_written_out_are_read_as_the_tokenizer_does(bert_tokenizer, text: str):
    assert PieceEncoder(bert_tokenizer).encode(segment(text)).ids == bert_tokenizer(text).input_ids


def test_added_words_are_read_as_the_tokenizer_does(bert_tokenizer):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(bert_tokenizer.name_or_path)
    tokenizer.add_tokens(["film"])
    text = "a filmy film"
    assert tokenizer(text).input_ids != bert_tokenizer(text).input_ids
    assert PieceEncoder(tokenizer).encode(segment(text)).ids == tokenizer(text).input_ids


def test_joined_pieces_equal_the_whole_text_on_real_texts(bert_tokenizer):
    encoder = PieceEncoder(bert_tokenizer)
    for text in load_task("mr").test.texts:
        assert encoder.encode(segment(text)).ids == encoder.backend.encode(text).ids


@pytest.mark.parametrize("name", READY)
@pytest.mark.parametrize("text", ["", "?!", "😀 😀", "שלום עולם", "word " * 10_000, "\x00\u200b"])
def test_strange_texts_are_handled(text: str, name: str, victims, resources_of):
    (attack,) = load_attacks(name, resources_of(name, [text]), max_queries=40)
    for label in (0, 1):
        result = attacked(attack, victims[0], [text], [label])[0]
        assert result.original == text
        assert result.queries <= 40


def test_a_function_can_be_a_victim():
    victim = Classifier.function(
        lambda texts: [[0.1, 0.9] if "good" in t else [0.9, 0.1] for t in texts]
    )
    result = attacked(greedy(table_lexicon(TABLE)), victim, ["good film"], [1])[0]
    assert (result.status, result.perturbed) == ("flipped", "decent film")


def test_character_edits_are_one_edit_and_the_same_for_everyone():
    first, second = character_edits(), character_edits()
    for word in ("brilliant", "Dull", "movie"):
        made = first(word)
        assert made == second(word) and made
        for new in made:
            assert new != word and new[0] == word[0] and new[-1] == word[-1]
            assert abs(len(new) - len(word)) <= 1
    assert first("the") == () and first("x1y2") == ()


def test_wordnet_and_its_relatives_share_no_substitution(tmp_path):
    words = {"movie", "good", "terrible", "walk", "quickly"}
    synonyms = cached_table("wordnet", words, tmp_path)
    relatives = cached_table("relatives", words, tmp_path)
    assert "film" in synonyms["movie"]
    assert "show" in relatives["movie"]
    for word in words:
        assert not set(synonyms.get(word, ())) & set(relatives.get(word, ()))


def test_tables_are_built_once(tmp_path, monkeypatch):
    first = cached_table("wordnet", {"movie"}, tmp_path)
    monkeypatch.setattr("rosearch.attacks.lexicon.build_table", None)
    assert cached_table("wordnet", {"movie"}, tmp_path) == first


def test_unknown_attacks_are_named():
    with pytest.raises(UserError, match="no attack 'nope'; the attacks are wordnet, relatives"):
        check_attack("nope")
    with pytest.raises(UserError, match="no such file"):
        check_attack("neighbours:/none.json")


def test_results_are_replayed_word_by_word():
    result, _ = attack_one("A Great movie, good fun.", 1)
    (attack,) = (greedy(table_lexicon(TABLE)),)
    assert [t.text for t in replayed(result)] == [
        "A Great movie, good fun.",
        "A Large movie, good fun.",
        "A Large movie, solid fun.",
    ]
    assert violations(attack, result) == []
    forged = replace(result, replacements=("Large", "good"))
    assert violations(attack, forged) == ["the steps lead to another text", "'good' did not change"]
    one = replace(attack, max_changed=MaxChanged(words=1))
    assert violations(one, result) == ["2 words changed"]
    none = replace(attack, may_change=(lambda word: word != "good",))
    assert violations(none, result) == ["'good' may not change"]

"""Texts that an attack cannot change are counted, and other languages are told of."""

from __future__ import annotations

import pytest

from rosearch.attacks.engine import attacked
from rosearch.attacks.language import misfits
from rosearch.attacks.methods import load_attacks, resources_for
from rosearch.attacks.result import AttackResult, robustness
from rosearch.attacks.sources import LEXICONS
from rosearch.models.classifier import Classifier
from rosearch.report.tables import attacked_cell
from rosearch.results.entries import attack_entry, to_json
from rosearch.results.words import attacked_words, told
from rosearch.robustness.evaluate import attack
from rosearch.tasks import Split, Task
from rosearch.tasks.words import graphemes, segment

HINDI = (
    "\u092f\u0939 \u092b\u093f\u0932\u094d\u092e \u092c\u0939\u0941\u0924 "
    "\u0905\u091a\u094d\u091b\u0940 \u0939\u0948"
)
THAI = "\u0e2b\u0e19\u0e31\u0e07\u0e40\u0e23\u0e37\u0e48\u0e2d\u0e07\u0e19\u0e35\u0e49\u0e14\u0e35"
ARABIC = "\u0647\u064e\u0630\u064e\u0627 \u062c\u064e\u0645\u0650\u064a\u0644\u064c"
PERSIAN = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
CHINESE = "\u8fd9\u90e8\u7535\u5f71\u5f88\u597d"
GERMAN = (
    "Der Film war gro\u00dfartig und die Schauspieler waren sehr gut.",
    "Das Essen kam kalt und der Kellner war unfreundlich, wir kommen nicht wieder.",
)
ENGLISH = ("The film was great and the actors were good.", "Stocks slide as Fed hints at rates")


def constant(texts: list[str]) -> list[list[float]]:
    return [[1.0, 0.0]] * len(texts)


def test_words_keep_their_marks():
    assert segment(HINDI).words == tuple(HINDI.split())
    assert segment(ARABIC).words == tuple(ARABIC.split())
    assert segment(PERSIAN).words == (PERSIAN,)
    assert segment("cafe\u0301s, \u200cgood").words == ("cafe\u0301s", "good")
    assert graphemes("\u092b\u093f\u0932\u094d\u092e") == ["\u092b\u093f", "\u0932\u094d\u092e"]
    for text in (HINDI, THAI, ARABIC, PERSIAN, CHINESE):
        assert segment(text).text == text and "".join(graphemes(text)) == text


@pytest.mark.parametrize("name", ["characters", "deepwordbug", "repeats", "splits"])
@pytest.mark.parametrize("word", [THAI, *ARABIC.split(), PERSIAN, HINDI.split()[1], "cafe\u0301s"])
def test_edits_never_part_a_letter_from_its_marks(name, word):
    edits = LEXICONS[name].make()
    letters = set(graphemes(word))
    for new in edits(word):
        strange = [g for g in graphemes(new) if g not in letters and not g.isascii()]
        assert not strange, (new, strange)
    assert edits(THAI), "there are some"


def test_words_without_marks_are_edited_as_ever():
    assert LEXICONS["characters"].make()("film") == ("flim", "fklm", "flm", "fuilm", "folm")


def test_texts_with_nothing_to_change_are_counted():
    texts = ("bad bad", PERSIAN, "a good film", "the and of")
    split = Split(texts, (0, 0, 0, 1))
    task = Task("toy", ("a", "b"), split, split, split)
    found = attack(constant, task, attacks=("characters", "wordnet"), similarity=False)
    counts = found.counts
    nothing = {
        name: {r.original for r in results if r.unchangeable}
        for name, results in found.results.items()
    }
    assert nothing == {"characters": {"bad bad", texts[3]}, "wordnet": {PERSIAN, texts[3]}}
    assert counts["characters"].unchangeable == counts["wordnet"].unchangeable == 2
    assert counts["all"].unchangeable == 1
    entry = attack_entry([counts["all"]])
    assert to_json(entry)["unchangeable"] == 1
    assert attacked_words(entry).endswith("\nnothing to change: 1 of 4")
    assert told(attacked_words(entry)).endswith("; nothing to change: 1 of 4")
    assert attacked_cell(entry).small[-1] == "nothing to change: 1"
    resources = resources_for(["characters+wordnet"], texts)
    suite = attacked(
        load_attacks("characters+wordnet", resources),
        Classifier.function(constant),
        texts,
        split.labels,
    )
    assert [r.unchangeable for r in suite] == [False, False, False, True]


def test_results_of_early_versions_tell_nothing_of_it():
    result = AttackResult(0, 0, "a", "survived", "x", "x", (), (), (), (1.0,), (1.0,), 1, False)
    early = {name: value for name, value in vars(result).items() if name != "unchangeable"}
    assert AttackResult.from_json(early) == result
    entry = attack_entry([robustness("a", [result])])
    assert "nothing" not in attacked_words(entry) and "unchangeable" not in to_json(entry)


@pytest.mark.parametrize(
    ("attack_name", "texts", "said"),
    [
        ("wordnet", GERMAN, "the lexicon wordnet is English and knows"),
        ("relatives", (HINDI,) * 3, "the lexicon relatives is English"),
        ("characters", (CHINESE, CHINESE), "do not part their words by spaces"),
        ("characters", (THAI, "ok"), "do not part their words by spaces"),
        ("characters", GERMAN, ""),
        ("wordnet", ENGLISH, ""),
    ],
)
def test_an_attack_that_does_not_fit_the_language_says_so(attack_name, texts, said, capsys):
    resources_for([attack_name], texts)
    err = capsys.readouterr().err
    assert said in err if said else "warning" not in err


def test_real_texts_fit(mr):
    texts = mr.test.texts[:100]
    assert misfits(resources_for(["wordnet", "relatives"], texts).lexicons, texts) == []

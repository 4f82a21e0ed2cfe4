"""Rare labels and sorted files: what always says the same is never good (spam, abuse, fraud)."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from rosearch.attacks.result import AttackResult, robustness
from rosearch.config import DistillConfig, SearchConfig, make_config, of_run, to_dict
from rosearch.distill.data import TrainData, encode_train
from rosearch.distill.train import train_student
from rosearch.encodings.vocabulary import plain_vocabulary, student_tokenizer, tokenizer_settings
from rosearch.models.classifier import Classifier
from rosearch.objectives import ACCURACY, ROBUSTNESS
from rosearch.results.entries import model_entry
from rosearch.results.rows import final_of, score_of
from rosearch.results.summary import summarise
from rosearch.results.words import FALLBACK
from rosearch.robustness.evaluate import attack
from rosearch.robustness.settings import AttackSettings
from rosearch.space.genotype import Genotype, Node
from rosearch.tasks import Split, Task
from rosearch.tasks.sample import MOST, balanced_rows
from rosearch.types import (
    AttackedClass,
    ClassCounts,
    Fidelity,
    Final,
    Robustness,
    Score,
    balanced,
    class_counts,
    learned,
    macro_f1,
)

CNN = Genotype(32, 32, (Node((0,), "conv3", activation="relu"),), pooling="max")
CHARACTERS = AttackSettings(("characters",), similarity=False)
CONSTANT = (ClassCounts(146, 146, 150), ClassCounts(4, 0, 0))
ATTACKED = Robustness(
    "wordnet", 34, 30, 30, 34, (AttackedClass(30, 30, 30, 0.97), AttackedClass(4, 0, 0, 0.03))
)


def always_first(texts: list[object]) -> np.ndarray:
    return np.tile([0.9, 0.1], (len(texts), 1))


def comments(n: int, rare: int, seed: int) -> Split:
    """Texts of which the last `rare` ones have a word that others have not: sorted by label."""
    rng = np.random.default_rng(seed)
    words = [*"abcdefghij"]
    texts = [
        " ".join([*rng.permutation(words), "idiot" if i >= n - rare else "friend"])
        for i in range(n)
    ]
    return Split(tuple(texts), tuple(int(i >= n - rare) for i in range(n)))


def test_a_constant_is_half_right_on_a_file_sorted_by_label():
    split = comments(150, 75, 0)
    task = Task("sorted", ("fine", "toxic"), split, split, split)
    counts = attack(always_first, task, CHARACTERS, n=50).counts["characters"]
    assert (counts.n, counts.clean, counts.after_attack) == (50, 0.5, 0.5)
    assert counts.before("balanced") == counts.after("balanced") == 0.5


def test_a_sample_of_rare_labels_is_weighed_back():
    split = comments(1000, 30, 0)
    task = Task("rare", ("fine", "toxic"), split, split, split)
    report = attack(always_first, task, CHARACTERS, n=60)
    counts = report.counts["characters"]
    assert [c.n for c in counts.classes] == [30, 30]
    assert (counts.correct, counts.survived) == (30, 30)
    assert counts.clean == counts.after_attack == pytest.approx(0.97)
    assert counts.after("balanced") == 0.5
    told = report.to_json()["attacks"]["characters"]
    assert (told["balanced_clean"], told["balanced_after_attack"]) == (0.5, 0.5)
    assert [c["after_attack"] for c in told["attacked_classes"]] == [1.0, 0.0]
    assert report.sample == "60 of 1,000 texts, stratified"
    # 60 texts, half of them rare, tell of the plain accuracy what some 32 would.
    assert counts.interval.high - counts.interval.low > 0.15


def test_a_sample_as_even_as_whole_texts_are_is_not_weighed():
    def result(i: int, status: str) -> AttackResult:
        told = (0.5, 0.5)
        return AttackResult(
            i,
            i % 2,
            "a",
            status,
            "x",
            "x",
            (),
            (),
            (),
            told,
            told,
            1,
            False,  # type: ignore[arg-type]
        )

    found = [result(i, "survived" if i < 3 else "flipped") for i in range(9)]
    assert robustness("a", found, [0] * 505 + [1] * 495).after_attack == pytest.approx(3 / 9)


@pytest.mark.parametrize(
    ("recalls", "able"),
    [((146, 0), False), ((146, 1), False), ((146, 3), True), ((100, 1), False), ((80, 3), False)],
)
def test_who_knows_no_more_than_a_constant_is_found_out(recalls: tuple[int, int], able: bool):
    right, rare = recalls
    assert learned((ClassCounts(146, right, 0), ClassCounts(4, rare, 0))) == able


def test_nobody_is_judged_without_counts_and_errors_shrink_with_texts():
    assert learned(())
    assert learned((ClassCounts(5330, 2830, 0), ClassCounts(5330, 2830, 0)))
    assert not learned((ClassCounts(53, 28, 0), ClassCounts(53, 28, 0)))
    many = tuple(ClassCounts(20, 20 if c == 0 else 0, 0) for c in range(20))
    assert not learned(many)


def test_metrics_of_a_confusion():
    classes = class_counts([0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 1, 1], 3)
    assert classes == (ClassCounts(4, 3, 4), ClassCounts(2, 1, 2), ClassCounts(0, 0, 0))
    assert balanced(classes) == pytest.approx((0.75 + 0.5) / 2)
    assert macro_f1(classes) == pytest.approx((0.75 + 0.5) / 2)


def score(metric: str = "balanced") -> Score:
    return Score(
        146 / 150, 150, {"wordnet": ATTACKED}, {"params": 1.0}, 1.0, 1.0, 0.9,
        Fidelity(1, 1.0, 34, ("wordnet",)), "worst", CONSTANT, metric,  # type: ignore[arg-type]
    )  # fmt: skip


def test_scores_are_stored_with_their_classes_and_read_without():
    stored = json.loads(json.dumps(asdict(score())))
    assert score_of(stored) == score()
    assert ACCURACY.value(score()) == ROBUSTNESS.value(score()) == 0.5
    assert ACCURACY.value(score("accuracy")) == pytest.approx(146 / 150)
    early = {k: v for k, v in stored.items() if k not in ("classes", "metric")}
    del early["attacks"]["wordnet"]["classes"]
    old = score_of(early)
    assert old.learned and old.balanced == old.accuracy == old.clean
    assert old.robustness == pytest.approx(30 / 34)


def test_runs_of_before_there_was_a_choice_keep_their_metric():
    plain = to_dict(make_config())
    assert of_run(plain) == make_config()
    early = {**plain, "fitness": {k: v for k, v in plain["fitness"].items() if k != "metric"}}  # type: ignore[attr-defined]
    assert of_run(early).fitness.metric == "accuracy"


def test_a_run_of_constants_is_marked(tmp_path: Path):
    final = Final(
        "abc", 1, CNN.to_json(), 10, 146, 150, {"wordnet": ATTACKED}, 1.0, 1.0, 2.9, CONSTANT, False
    )
    assert final_of(json.loads(json.dumps(asdict(final)))) == final
    good = replace(
        final, model="def", fitness=1.0, learned=True, correct=149,
        classes=(ClassCounts(146, 146, 147), ClassCounts(4, 3, 3)),
    )  # fmt: skip
    others = [replace(final, model=m, fitness=None, learned=True) for m in ("teacher", "reference")]
    search = SearchConfig(attack="wordnet")
    marked = summarise("comments", search, 0, [], [*others, final], 1.0)
    assert marked.fallback and marked.to_json()["fallback"] and "fallback" in FALLBACK
    found = summarise("comments", search, 0, [], [*others, final, good], 1.0)
    assert found.best and found.best.id == "def" and not found.fallback
    assert "fallback" not in found.to_json()
    told = model_entry([good], ("wordnet",), 100)
    assert (told.balanced_clean, told.classes[1].recall) == (0.875, 0.75)
    assert found.to_json()["best"]["classes"][1]["n"] == 4


def test_all_labels_are_drawn_equally_often():
    rng = np.random.default_rng(0)
    labels = np.array([0] * 870 + [1] * 130)
    rows = balanced_rows(labels.tolist(), rng)
    assert Counter(labels[rows].tolist()) == {0: 500, 1: 500}
    assert set(rows[labels[rows] == 1]) == set(range(870, 1000))
    assert len(set(rows[labels[rows] == 0])) == 500
    scarce = balanced_rows([0] * 997 + [1] * 3, rng)
    assert len(scarce) == 1000 and (scarce >= 997).sum() == 3 * MOST
    state = rng.bit_generator.state
    assert balanced_rows([0, 1, 0, 1, 1, 0, 1], rng).tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert rng.bit_generator.state == state


def test_a_student_learns_a_rare_label(bert_tokenizer):
    """3 % positives and one epoch: the same training without drawing evenly finds none."""
    train, test = comments(1200, 36, 1), comments(200, 40, 2)
    vocabulary = plain_vocabulary(bert_tokenizer)
    tokenizer = student_tokenizer(bert_tokenizer, vocabulary)
    embedding = np.random.default_rng(0).normal(size=(vocabulary.n_rows, 32)).astype(np.float32)
    encoded = encode_train(
        vocabulary, tokenizer, tokenizer_settings(tokenizer), train.texts, embedding, 32
    )
    targets = np.where(np.arange(2) == np.array(train.labels)[:, None], 2.0, -2.0)
    data = TrainData({"plain": encoded}, train.labels, targets, ("fine", "toxic"), 10**7)
    recall = {}
    for sampling in ("balanced", "plain"):
        how = DistillConfig(substitution=0.0, sampling=sampling)  # type: ignore[arg-type]
        model = train_student(CNN, data, how, Fidelity(1, 1.0, 0, ()), 0)
        found = Classifier.of(model, encoded.tokenizer()).counts(test)
        recall[sampling] = found[1].correct / found[1].n
    assert recall["balanced"] > 0.9 > 0.5 > recall["plain"]


def test_few_texts_of_a_label_are_said_with_what_it_means():
    few = comments(150, 4, 0)
    task = Task("comments", ("fine", "toxic"), few, few, comments(1000, 30, 0))
    assert task.about[1:] == (
        "few texts in the validation split: 'toxic' (4); the 95 % interval of the recall of a "
        "label with 4 is up to 0.70 wide",
    )

"""Constraints one by one: their rules, their windows, and answers that processes share."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from replay import replayed

from rosearch.attacks.attack import Attack
from rosearch.attacks.attack_resources import AttackResources
from rosearch.attacks.constraints.distance import EditDistance
from rosearch.attacks.constraints.part_of_speech import PartOfSpeech, exchangeable
from rosearch.attacks.constraints.similarity import TEXTFOOLER, SentenceSimilarity, around
from rosearch.attacks.encoder import Cosines, SentenceEncoder
from rosearch.attacks.engine import attacked
from rosearch.attacks.methods import check_attack, load_attacks
from rosearch.attacks.precompute import judge_in_advance
from rosearch.attacks.sources import WordSource
from rosearch.attacks.steps import answered
from rosearch.attacks.tagger import Tagger
from rosearch.errors import MissingExtra, UserError
from rosearch.io import resources
from rosearch.io.disk_cache import DiskCache
from rosearch.tasks.words import segment

NUMBERS = " ".join(f"w{i}" for i in range(40))


@pytest.mark.parametrize(
    ("position", "first", "last"), [(0, 0, 14), (7, 0, 14), (8, 1, 15), (20, 13, 27), (32, 25, 39),
                                 (33, 25, 39), (39, 25, 39)]
)  # fmt: skip
def test_windows_keep_their_length_at_the_borders(position: int, first: int, last: int):
    window = around(segment(f"({NUMBERS}!)"), position, 15)
    assert window.words == tuple(f"w{i}" for i in range(first, last + 1))
    assert window.text == " ".join(window.words)


def test_short_texts_are_their_own_window():
    text = segment("(A film!)")
    assert around(text, 1, 15) == text == around(text, 1, None)


class Fixed:
    """A model that gives what it is told and remembers what it was asked."""

    def __init__(self, *answers: float | str) -> None:
        self.answers, self.asked = answers, []

    def __call__(self, items):
        self.asked += items
        return list(self.answers[: len(items)])


def judged(constraint, text: str, position: int, words: list[str], current: str | None = None):
    old, now = segment(text), segment(current or text)
    options = [now.replaced(position, word) for word in words]
    return answered(constraint.judge(old, now, options, position))


def test_thresholds_are_angles_or_cosines():
    edge = math.cos(math.pi * (1 - TEXTFOOLER))
    assert edge == pytest.approx(math.cos(0.5))  # 1 - arccos(cosine) >= 0.5
    cosines = Fixed(edge + 1e-4, edge - 1e-4, 0.85, 0.84)
    words = list("abcd")
    angular = judged(SentenceSimilarity(cosines), NUMBERS, 3, words)
    assert list(angular.ok) == [True, False, False, False]
    plain = SentenceSimilarity(cosines, least=0.85, measure="cosine")
    assert list(judged(plain, NUMBERS, 3, words).ok) == [True, True, True, False]
    assert angular.quality == pytest.approx(cosines.answers)


def test_texts_shorter_than_the_window_pass_and_are_ranked():
    cosines = Fixed(-0.5, 0.1)
    similar = SentenceSimilarity(cosines)
    verdict = judged(similar, "a good film", 1, ["bad", "big"])
    assert list(verdict.ok) == [True, True] and list(verdict.quality) == [-0.5, 0.1]
    cosines.asked.clear()
    assert judged(similar, "a good film", 1, ["bad"]).ok[0]
    assert not cosines.asked  # one alone needs no rank


@pytest.mark.parametrize(
    ("settings", "before", "after"),
    [({}, "y b c", "y x c"), ({"reference": "original"}, "a b c", "y x c"),
     ({"static": True}, "a b c", "a x c")],
)  # fmt: skip
def test_what_a_changed_text_is_compared_with(settings, before: str, after: str):
    cosines = Fixed(1.0)
    similar = SentenceSimilarity(cosines, window=3, **settings)
    judged(similar, "a b c", 1, ["x"], current="y b c")
    assert [tuple(t.text for t in pair) for pair in cosines.asked] == [(before, after)]


def test_parts_of_speech_must_agree():
    assert exchangeable("ADJ", "ADJ") and exchangeable("NOUN", "VERB")
    assert exchangeable("VERB", "NOUN") and not exchangeable("NOUN", "ADJ")
    tagger = Fixed("NOUN", "NOUN", "VERB", "ADJ")
    verdict = judged(PartOfSpeech(tagger), NUMBERS, 20, ["a", "b", "c"], current=NUMBERS + " x")
    assert list(verdict.ok) == [True, True, False]
    (original, position), (context, at), *_ = tagger.asked
    assert (original.text, position) == (NUMBERS, 20)
    assert (context.text, at) == ("w16 w17 w18 w19 a w21 w22 w23 w24", 4)
    tagger.asked.clear()
    judged(PartOfSpeech(tagger), NUMBERS, 1, ["a"])
    assert (tagger.asked[1][0].words, tagger.asked[1][1]) == (
        ("w0", "a", *segment(NUMBERS).words[2:6]),
        1,
    )
    judged(PartOfSpeech(tagger), NUMBERS, 39, ["a"])
    assert tagger.asked[3][0].text == "w35 w36 w37 w38 a"
    judged(PartOfSpeech(tagger, static=True), "a b c", 1, ["x"], current="y b c")
    assert tagger.asked[5][0].text == "a x c"


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return Tagger(resources.fetch("en_core_web_sm"))


def test_the_real_tagger(tagger):
    text = segment("She quickly walked to the old movie, and Paris slept.")
    tags = tagger([(text, i) for i in range(len(text.words))])
    assert " ".join(tags) == "PRON ADV VERB ADP DET ADJ NOUN CONJ NOUN VERB"
    sentence = "She saw a dull movie with her friends"
    ok = judged(PartOfSpeech(tagger), sentence, 3, ["boring", "tree"]).ok
    assert list(ok) == [True, False]
    odd = segment("😀 🎬")
    assert tagger([]) == [] and odd.words == ()
    hebrew = segment("שלום, עולם!")
    assert len(tagger([(hebrew, 0), (hebrew, 1)])) == 2


def test_edit_distance_adds_up_over_changes():
    near = EditDistance(2)
    assert list(judged(near, "a dull film", 1, ["dall", "dxlx", "boring"]).ok) == [1, 1, 0]
    assert list(judged(near, "a dull film", 1, ["dall", "dxlx"], "a dull fulm").ok) == [1, 0]


def test_an_encoder_is_asked_once_per_text(tiny_encoder):
    encoder = SentenceEncoder(tiny_encoder)
    texts = [segment(t) for t in ("a film", "", "a film", "?! 😀", "a much longer film about dogs")]
    together = encoder(texts)
    assert together.shape == (5, 16) and len(encoder.known) == 4
    assert np.linalg.norm(together, axis=1) == pytest.approx(1)
    alone = np.stack([SentenceEncoder(tiny_encoder)([t])[0] for t in texts])
    assert together == pytest.approx(alone, abs=1e-5)
    cosines = Cosines(encoder)([(texts[0], texts[2]), (texts[0], texts[4])])
    assert cosines[0] == 1 and cosines[1] < 1


def test_minilm_knows_what_is_alike():
    """Mean pooling of all-MiniLM-L6-v2; figures from its model card's recipe."""
    encoder = SentenceEncoder(resources.fetch("minilm"))
    a, b, c = (segment(t) for t in ("A great movie.", "An excellent film.", "The dog barks."))
    near, far = Cosines(encoder)([(a, b), (a, c)])
    assert near > 0.8 and far < 0.3


def test_a_folder_without_an_encoder_is_named(tmp_path):
    with pytest.raises(UserError, match="no sentence encoder in"):
        SentenceEncoder(tmp_path)([segment("x")])


# Answers on disk


def lengths(items):
    return np.array([len(item) / 3 for item in items])


def refuse(items):
    raise AssertionError(f"asked about {items}")


def remembered(path: Path, model) -> DiskCache:
    return DiskCache(lambda: model, path, str)


def test_a_model_is_made_once_and_only_if_it_is_needed(tmp_path):
    made = []

    def make():
        made.append("model")
        return lengths

    model = DiskCache(make, tmp_path / "a.sqlite", str)
    assert not made
    assert model(["a"]) + model(["b"]) == [1 / 3, 1 / 3] and made == ["model"]


def test_answers_are_asked_for_once_ever(tmp_path):
    path = tmp_path / "new" / "a.sqlite"
    texts = ["a", "bb", "\udcff", "a"]
    first = remembered(path, lengths)(texts)
    assert first == pytest.approx([1 / 3, 2 / 3, 1 / 3, 1 / 3])
    again = remembered(path, refuse)
    assert again(texts) == first and again(texts) == first
    with pytest.raises(AssertionError, match="asked about"):
        again(["new"])


@settings(max_examples=20, deadline=None)
@given(batches=st.lists(st.lists(st.text(max_size=3), max_size=8), max_size=5))
def test_remembered_answers_are_the_models(tmp_path_factory, batches):
    path = tmp_path_factory.mktemp("answers") / "a.sqlite"
    for batch in batches:
        assert remembered(path, lengths)(batch) == list(lengths(batch))


def test_an_interrupted_batch_leaves_nothing(tmp_path):
    path = tmp_path / "a.sqlite"

    def stop(items):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        remembered(path, stop)(["a"])
    assert remembered(path, lengths)(["a"]) == [1 / 3]


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "a.sqlite"
    path.write_text("no database, but long enough to look at" * 100)
    with pytest.raises(UserError, match=r"cannot use .*a\.sqlite.*delete it"):
        remembered(path, lengths)(["a"])


WRITE = """
import sys
from pathlib import Path
from rosearch.attacks.precompute import judge_in_advance
from rosearch.io.disk_cache import DiskCache
model = DiskCache(lambda: lambda items: [len(i) / 3 for i in items], Path(sys.argv[1]), str)
start = int(sys.argv[2])
for i in range(start, start + 60, 3):
    model(["x" * n for n in range(i, i + 6)])
"""


def test_processes_share_answers(tmp_path):
    path = tmp_path / "a.sqlite"
    workers = [
        subprocess.Popen([sys.executable, "-c", WRITE, str(path), str(start)])
        for start in (0, 20, 40)
    ]
    assert [worker.wait(120) for worker in workers] == [0, 0, 0]
    texts = ["x" * n for n in range(103)]
    assert remembered(path, refuse)(texts) == list(lengths(texts))


# The search's mode


@pytest.fixture(scope="module")
def searching(resources_of, tmp_path_factory, mr) -> AttackResources:
    folder = tmp_path_factory.mktemp("answers")
    resources = resources_of("textfooler", mr.test.texts[:20])
    answers = {name: folder / path.name for name, path in resources.answers.items()}
    return replace(resources, exact=False, answers=answers)


def tight(attack: Attack) -> Attack:
    """A threshold at which the tiny encoder refuses options."""
    tags, similar = attack.constraints
    return replace(attack, constraints=(tags, replace(similar, least=0.96, window=7)))


def asking_nobody(attack: Attack) -> Attack:
    """The attack with what is on disk alone: whatever else it asks is an error."""
    tags, similar = attack.constraints
    models = [DiskCache(lambda: refuse, m.path, m.key) for m in (tags.tagger, similar.cosines)]
    constraints = (replace(tags, tagger=models[0]), replace(similar, cosines=models[1]))
    return replace(attack, constraints=constraints)


def test_what_is_judged_in_advance_serves_every_student(searching, victims, mr, tmp_path):
    answers = {name: tmp_path / f"{name}.sqlite" for name in searching.answers}
    resources = replace(searching, answers=answers)
    (attack,) = load_attacks("textfooler", resources, exact=False)
    judge_in_advance(attack, mr.test.texts[:8])
    for victim in victims:
        results = attacked(asking_nobody(attack), victim, mr.test.texts[:8], mr.test.labels[:8])
        assert any(r.path for r in results)


def test_a_second_student_asks_no_encoder(searching, victims, mr):
    texts, labels = mr.test.texts[:20], mr.test.labels[:20]
    (attack,) = map(tight, load_attacks("textfooler", searching, exact=False))
    first = attacked(attack, victims[0], texts, labels)
    assert all(path.exists() for path in searching.answers.values())
    again = asking_nobody(attack)
    assert attacked(again, victims[0], texts, labels) == first
    assert attacked(again, victims[0], texts, labels, window=1) == first


def test_the_first_change_is_judged_exactly(searching, victims, mr):
    texts, labels = mr.test.texts[:20], mr.test.labels[:20]
    outcomes: list[set[tuple[int, int, str]]] = []
    for exact in (False, True):
        (attack,) = map(tight, load_attacks("textfooler", searching, exact=exact))
        results = attacked(attack, victims[0], texts, labels)
        outcomes.append({(r.index, r.path[0], replayed(r)[1].text) for r in results if r.path})
    assert outcomes[0] == outcomes[1] and len(outcomes[0]) > 5


# Missing things are one clear line


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(MissingExtra, match=r'pip install "rosearch\[pos\]"') as caught:
        check_attack("wordnet+textfooler")
    assert "\n" not in str(caught.value)


def test_kits_are_plain_data(searching):
    assert pickle.loads(pickle.dumps(searching)) == searching
    assert isinstance(load_attacks("textfooler", searching)[0].source, WordSource)

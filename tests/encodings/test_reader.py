"""What a student does with a text before its tokens."""

from __future__ import annotations

import json
import math
import pickle
import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_readers import PIECES, WORDS

from rosearch.encodings.confusables import LOOK_ALIKES
from rosearch.encodings.material import Material, reader_of
from rosearch.encodings.reader import SHORT, STEPS, Reader
from rosearch.encodings.reader_forms import like
from rosearch.encodings.reader_index import (
    AGAIN,
    LOST,
    MADE,
    Nearest,
    cost_between,
    most_edits,
)
from rosearch.encodings.reading import Reading
from rosearch.tasks.words import segment

READER = Reader(WORDS, PIECES, ("g od",), LOOK_ALIKES)
STRANGE = "\u0430\u0435\u200b\u0336\u00e9\uff47\ufb01\u4e2d\u0634 -._'@$!13\n"
TEXTS = st.text(st.sampled_from("abdefgilmorty G" + STRANGE), max_size=60)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a goooood film", "a good film"),
        ("filmm", "film"),
        ("The flim is briliant", "The film is brilliant"),
        ("THE FLIM", "THE FILM"),
        ("xreat", "great"),
        ("gor geous", "gorgeous"),
        ("gor-geous gor.geous gor_geous", "gorgeous gorgeous gorgeous"),
        ("g-o-r-g-e-o-u-s, g o o d", "gorgeous, good"),
        ("a g o o d film, i t", "a good film, i t"),
        ("film.s, film's", "films, film's"),
        ("wit-ty in.it", "witty init"),
        ("b ad", "bad"),
        ("greatfilm", "great film"),
        ("gre@t gr3at $good w!tty f1ne", "great great $good witty fine"),
        ("m!$$ !n 600d 83$t", "miss in good best"),
        ("gOod GREaT fIlM FILM", "good Great film FILM"),
        ("9r3@7 6r3@7 80und", "great great bound"),
        ("ggoorrggeeoouuss filmmmm", "gorgeous film"),
        ("g\u200bood", "good"),
        ("the good \u0261\u043e\u0433\u0261\u0435\u043eu\u0455 film", "the good gorgeous film"),
        ("br\u04cf\u04cfl\u04cfant", "brilliant"),
        ("g\u043e\u043ed g\u0336o\u0336od \uff47\uff4f\uff4f\uff44", "good good good"),
        ("finefilms", "fine films"),
        ("Itis", "It is"),
        ("wittyin", "witty in"),
        ("dont", "don't"),
    ],
)
def test_an_unknown_word_is_read_as_the_known_one(written: str, read: str):
    assert READER(written) == read


def test_of_short_words_only_frequent_ones_are_halves():
    rare = {**WORDS, "ex": -9.0, "ox": -6.0}
    reader = Reader(rare, PIECES, (), LOOK_ALIKES)
    assert {"a", "is", "it", "in", "ox", "god"} < reader.halves and "ex" not in reader.halves
    assert reader.halves.isdisjoint(PIECES)
    apart = Reader(rare, {}, (), LOOK_ALIKES, ["splits"])
    assert apart("agorgeous isox exgood") == "a gorgeous is ox exgood"


@pytest.mark.parametrize(
    "text",
    ["", " ", "a good film!", "The good, the bad", "good-bad good.bad", "in 1994 the 80s, the 3rd",
     "caf\u00e9", "\u043f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440", "\u4e2d\u6587",
     "it is Goodfilm", "$40 (great)", "\u0336\u0336", "\u200b", "the g od", "joe@home.org",
     "\U0001f468\u200d\U0001f469\u200d\U0001f467"],
)  # fmt: skip
def test_correct_text_is_left_alone(text: str):
    assert READER(text) == text
    assert READER.explain(text) == []


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("it is a Briliant film", "it is a Brilliant film"),
        ("it is Fiml", "it is Fiml"),  # names are often unknown, short ones near to a word
        ("it is Brliant", "it is Brliant"),  # two edits
        ("it is Gooood", "it is Good"),
    ],
)
def test_what_may_be_a_name_is_read_within_one_edit(written: str, read: str):
    assert READER(written) == read


def test_what_is_corrected_is_told():
    assert READER.explain("The gor-geous, gre@t flim is qqqqqqq") == [
        ("gre@t", "great"), ("gor-geous", "gorgeous"), ("flim", "film"),
    ]  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_each_step_can_be_left_out(step: str):
    examples = {"unicode": "g\u043e\u043ed", "repeats": "gooooood", "leet": "gr3at",
                "splits": "gor geous", "dictionary": "briliant"}  # fmt: skip
    without = Reader(WORDS, PIECES, (), LOOK_ALIKES, set(STEPS) - {step, "dictionary"})
    alone = Reader(WORDS, PIECES, (), LOOK_ALIKES, [step])
    assert without(examples[step]) == examples[step] != alone(examples[step])


@given(TEXTS)
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_and_known_words_stay(text: str):
    read = READER(text)
    if read == text:
        assert READER.explain(text) == []
    if all(w.lower() in WORDS for w in segment(text).words) and text.isascii():
        assert read == text
    assert Reader(WORDS, {}, (), {}, ())(text) == text, "without steps nothing is changed"
    assert isinstance(Reader({}, {}, (), {})(text), str), "an empty dictionary"


@given(st.lists(TEXTS, max_size=4), st.sampled_from([". ", ", ", "!\n", " "]))
@settings(max_examples=150, deadline=None)
def test_a_text_is_read_in_stretches_as_by_a_reader_that_remembers_none(
    parts: list[str], mark: str
):
    text = mark.join(parts * 2)
    fresh = Reader(WORDS, PIECES, ("g od",), LOOK_ALIKES)
    assert READER.stretches(text) == fresh.stretches(text)
    assert fresh(text) == "".join(fresh.stretches(text))
    assert fresh.explain(text) == READER.explain(text)


OTHER = "\u0261\u043e\u0433\u0261\u0435\u043e\u0075\u0455"  # looks like gorgeous


@pytest.mark.parametrize(
    ("written", "alone", "within"),
    [
        (OTHER, OTHER, "gorgeous"),
        ("The Good, Film, Xreet", "The Good, Film, Great", "The Good, Film, Xreet"),
        ("the great, Xreet", "the great, Xreet", "the great, Xreet"),
        ("the great. Xreet", "the great. Great", "the great. Great"),
        ("how good. g ood", "how good. good", "how good. good"),
        ("the film is g. ood", "the film is g. od", "the film is g. od"),  # no joint
    ],
)
def test_what_the_whole_text_says_counts_in_each_stretch(written: str, alone: str, within: str):
    assert READER(written) == alone
    before = "the film is a good one. " * SHORT
    assert READER(before + written) == before + within


def plainly(known: str, typed: str, limit: int) -> float:
    """`cost_between` by trying every way."""
    if not known and not typed:
        return 0.0
    ways = [(0.0, known[1:], typed[1:])] if known[:1] == typed[:1] else []
    ways += [(MADE, known[1:], typed[1:])] if known and typed else []
    ways += [(LOST, known[1:], typed)] if known else []
    ways += [(MADE, known, typed[1:])] if typed else []
    ways += [(LOST, known[2:], typed[2:])] if known[:2] == typed[1::-1] and known[1:] else []
    rests = [(cost, plainly(a, b, limit - (cost > 0))) for cost, a, b in ways if limit or not cost]
    return min((cost + rest + AGAIN * (cost > 0 < rest) for cost, rest in rests), default=math.inf)


@given(*[st.text("ab", max_size=6)] * 2, st.sampled_from([1, 2, 3]))
@settings(max_examples=300, deadline=None)
def test_edits_cost_what_the_best_of_all_ways_costs(known: str, typed: str, limit: int):
    assert cost_between(known, typed, limit) == plainly(known, typed, limit)


@given(st.text("abcdefgilmorty", min_size=3, max_size=9))
@settings(max_examples=100, deadline=None)
def test_the_index_finds_what_a_look_at_every_word_finds(word: str):
    costs = {w: cost_between(w, word, most_edits(word)) for w in WORDS | PIECES if len(w) > 1}
    scores = [((WORDS | PIECES)[w] - cost - (w[0] != word[0]), w)
              for w, cost in costs.items() if cost < math.inf]  # fmt: skip
    assert READER.nearest(word) == max(scores, default=None)


def test_the_index_of_many_words_finds_the_best_one():
    rng = random.Random(0)
    prior = {"".join(rng.choices("abcde", k=rng.randint(3, 10))): -rng.random() * 12 - 3
             for _ in range(3000)}  # fmt: skip
    nearest = Nearest(prior)
    words = {"".join(rng.choices("abcde", k=rng.randint(3, 10))) for _ in range(200)}
    for word in sorted(words - prior.keys()):
        costs = {w: cost_between(w, word, most_edits(word)) for w in prior}
        scores = [(prior[w] - cost - (w[0] != word[0]), w) for w, cost in costs.items()]
        best = max(scores)
        assert nearest(word) == (best if best[0] > -math.inf else None)


FOREIGN = [
    "\u042d\u0442\u043e\u0442 \u0444\u0438\u043b\u044c\u043c \u043c\u043d\u0435 "
    "\u043e\u0447\u0435\u043d\u044c \u043f\u043e\u043d\u0440\u0430\u0432\u0438\u043b\u0441\u044f.",
    "\u8fd9\u90e8\u7535\u5f71\u975e\u5e38\u597d\u770b\u3002",
    "\u0647\u0630\u0627 \u0641\u064a\u0644\u0645 \u0631\u0627\u0626\u0639",
    "\u03b1\u03c5\u03c4\u03ae \u03b7 \u03c4\u03b1\u03b9\u03bd\u03af\u03b1",
    "Dieser Spielfilm hat mich sehr \u00fcberzeugt.",
]


@pytest.mark.parametrize("text", FOREIGN)
def test_other_languages_are_left_alone(text: str):
    assert READER(text) == text
    russian = Reader({"\u0444\u0438\u043b\u044c\u043c": -5.0}, {}, (), LOOK_ALIKES)
    assert russian("a good movie") == "a good movie"
    assert russian("\u0444\u0438\u043b\u043c") == "\u0444\u0438\u043b\u044c\u043c"


@pytest.mark.parametrize("reader", [READER, Reader({}, {}, (), {})])
def test_bad_input_is_read_in_no_time(reader: Reader):
    rng = random.Random(0)
    letters = "".join(rng.choices("abcdefgh ", k=50_000))
    start = time.process_time()
    for text in ("g" * 10_000, "go" * 5_000, "\u0336" * 10_000, "-" * 10_000, "g\u043e" * 5_000,
                 "@" * 10_000, "." * 9_999 + "a", "\ud800", "\0" * 100, letters):  # fmt: skip
        assert reader(text).replace(" ", "").isprintable() or not text.isprintable()
    assert time.process_time() - start < 30


@pytest.mark.parametrize(
    "unit", ["g", "a ", "abc", "gor geous ", "g\u043e", "\u0336", "1@", "x.", "go\u200b", "@$"]
)
def test_time_grows_with_the_length_only(unit: str):
    def seconds(n: int) -> float:
        text = (unit * n)[:n]
        start = time.process_time()
        READER(text)
        return time.process_time() - start

    seconds(1000)
    assert seconds(160_000) < 16 * max(seconds(20_000), 0.01)


def test_files_and_processes_get_the_same_reader(tmp_path):
    READER.save(tmp_path / "reader.json")
    again = Reader.load(tmp_path / "reader.json")
    sent = pickle.loads(pickle.dumps(READER))
    for text in ("a goood flim, gor geous", "g\u043e\u043ed", "the g od"):
        assert again(text) == sent(text) == READER(text)


def test_files_of_another_version(tmp_path):
    path = tmp_path / "reader.json"
    READER.save(path)
    data = json.loads(path.read_text(encoding="utf-8"))
    version = data.pop("version")
    path.write_text(json.dumps(data), encoding="utf-8")
    assert Reader.load(path)("a goood flim") == "a good film"
    path.write_text(json.dumps({**data, "version": version + 1}), encoding="utf-8")
    with pytest.raises(ValueError, match="a later rosearch"):
        Reader.load(path)


def test_case_is_kept():
    assert [like("FLIM", "film"), like("Flim", "film"), like("flim", "film")] == [
        "FILM", "Film", "film",
    ]  # fmt: skip


def test_train_texts_are_read_as_they_are(bert_tokenizer, mr):
    texts = [
        *mr.train.texts[:1500],
        "the p.o.v. of M*A*S*H, vitamin c rap and \u200bzero, "
        "which is the best that we have had for years and years",
    ]
    words = [[w.lower() for w in segment(text).words] for text in texts]
    material = Material(bert_tokenizer, words, len(texts), np.zeros((len(texts), 2)), dict)
    reader = reader_of(material, (), texts)
    assert [text for text in texts if reader(text) != text] == []
    assert reader("an enjoyabel and beautifull film") == "an enjoyable and beautiful film"


def test_the_key_tells_what_is_left_out():
    assert Reading().key == "reading"
    assert Reading(leet=False, splits=False).key == "reading:unicode+repeats+dictionary"
    assert len(Reading.combinations()) == 31 and Reading(*[False] * 5).problems()

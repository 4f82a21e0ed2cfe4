"""Texts that are disguised as a whole, and what a certificate has to know of them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_readers import PIECES, WORDS

from rosearch.attacks.certificates.whole import ANYTHING, NOTHING, share_of, stays_plain
from rosearch.attacks.sources.disguises import GAPS, KINDS, disguises
from rosearch.encodings.confusables import LOOK_ALIKES
from rosearch.encodings.reader import SHORT, STEPS, Reader
from rosearch.encodings.reader_forms import TOKEN
from rosearch.encodings.reader_whole import marks_of, spaced
from rosearch.tasks.words import segment

READER = Reader(WORDS, PIECES, (), LOOK_ALIKES)
PLAIN = "it is the great film, in the best films"


def disguised(text: str, kind: int) -> str:
    words = segment(text)
    made = (disguises(w)[kind] if disguises(w) else w for w in words.words)
    return "".join(a + b for a, b in zip(words.gaps, (*made, ""), strict=True))


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_a_text_in_one_disguise_is_read(kind: int):
    written = disguised(PLAIN, kind)
    assert written != PLAIN and READER(written) == PLAIN
    assert "".join(READER.stretches(written)) == PLAIN
    again = ". ".join([written] * (SHORT // len(PLAIN) + 2))
    assert len(again) > SHORT and READER(again) == ". ".join([PLAIN] * (again.count(". ") + 1))
    assert READER.explain(written)


@pytest.mark.parametrize("gap", [*GAPS, " \U0001f600 ", "~", "..."])
def test_marks_instead_of_spaces_and_none(gap: str):
    plain = "it is the great films in the best gorgeous films"
    assert READER(plain.replace(" ", gap)) == plain
    long = ", ".join([plain] * (SHORT // len(plain) + 2))
    written = long.replace(", ", ",,").replace(" ", gap).replace(",,", ", ")
    assert READER(written) == long
    assert READER.taking({"unicode", "leet"})(plain.replace(" ", gap)) == plain.replace(" ", gap)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("!7 !$ 7h3 9r3@7 f!1m!", "it is the great film!"),
        ("1t's in th3 b3st fi1m5", "it's in the best films"),
        ("i t i s 1 9 9 4 , f i l m s a r e i n", "it is 1994 , films are in"),
        ("t h e x y z z y f i l m i s g r e a t", "the xyzzy film is great"),
        ("\u0456\u0442 \u0456\u0455 7h3 9r3\u04307 f11m", "it is the great film"),
    ],
)
def test_signs_numbers_and_unknown_words_in_it(written: str, read: str):
    assert READER(written) == read


@pytest.mark.parametrize(
    "text",
    ["good, bad, film, great, best, fine, in, it",
     "\u043f\u0440\u0438\u0432\u0435\u0442 \u043a\u0430\u043a \u0434\u0435\u043b\u0430",
     "\u043e\u043d \u043d\u0435 \u0442\u0430\u043c", "c'est la vie, mon ami", "k l m n o p q r",
     "good, bad, film, great, best", "film - good - bad, the film, in it", "it... is... it",
     "1 2 3 4 5 6 7 8", "13 19 94", "$1 $2 @a", "--- -- -", "", "r u k? c u l8r m8",
     "\u03ba\u03b1\u03bb\u03b7\u03bc\u03ad\u03c1\u03b1 \u03c3\u03b5 \u03c3\u03ac\u03c2"],
)  # fmt: skip
def test_other_languages_and_numbers_are_no_disguise(text: str):
    assert READER.whole.read(text, READER.counted) == text == spaced(text)


@pytest.mark.parametrize("step", ["unicode", "leet", "splits"])
def test_without_its_step_nothing_is_undone(step: str):
    kind = {"unicode": 3, "leet": 4, "splits": 8}[step]
    written = disguised(PLAIN, kind)
    for steps in ([step], set(STEPS) - {step}):
        reader = READER.taking(steps)
        assert (reader.whole.read(written, reader.counted) == PLAIN) == (step in steps)


@given(st.text("the go1 3-@!'\u0456\u200b", max_size=60))
@settings(max_examples=150, deadline=None)
def test_whatever_is_written_can_be_looked_at(text: str):
    read = READER.whole.read(text, READER.counted)
    assert read == text or READER.weight(TOKEN.findall(read.lower())) > -len(read)
    assert isinstance(READER(text), str)


WORD = st.sampled_from(
    ["film", "good", "bad", "xyz", "qwrt", "900d", "b4d", "7h3", "15", "g-ood", "fi-lm", "x",
     "f\u0456lm", "\u0433\u043e", "it's", "1994", "a", "thegoodgreatfilm"]
)  # fmt: skip


@given(
    st.lists(st.tuples(WORD, st.lists(WORD, max_size=3)), min_size=1, max_size=12),
    st.sampled_from([" ", " ", "-", ", "]),
    st.integers(0, 12),
    st.randoms(use_true_random=False),
)
@settings(max_examples=400, deadline=None)
def test_what_stays_plain_is_never_read_otherwise(
    words: list[tuple[str, list[str]]], gap: str, n: int, rng: random.Random
):
    own = [share_of(READER, (w,)) for w, _ in words]
    others = [share_of(READER, (w, *more)) for w, more in words]
    if stays_plain(own, others, n, ["", *[gap] * (len(words) - 1), ""]):
        chosen = rng.sample(range(len(words)), min(n, len(words)))
        text = gap.join(
            rng.choice([w, *more]) if i in chosen else w for i, (w, more) in enumerate(words)
        )
        assert_plain(text)


@given(st.lists(WORD, min_size=1, max_size=14), st.integers(1, 3), st.data())
@settings(max_examples=400, deadline=None)
def test_nor_with_words_put_in_replaced_or_taken_out(words: list[str], n: int, data):
    own = [share_of(READER, (w,)) for w in words]
    at = data.draw(st.lists(st.integers(0, len(words) - 1), min_size=n, max_size=n))
    strange = st.sampled_from(["900d", "x", "15", "xyz", "goodfilmisgreat"])
    new = data.draw(st.lists(strange, min_size=n, max_size=n))
    if stays_plain(own, [ANYTHING] * len(own), n):
        replaced = dict(zip(at, new, strict=True))
        assert_plain(" ".join(replaced.get(i, w) for i, w in enumerate(words)))
    if stays_plain([*own, *[NOTHING] * n], [ANYTHING] * (len(own) + n), n):
        longer = list(words)
        for i, word in zip(at, new, strict=True):
            longer.insert(i, word)
        assert_plain(" ".join(longer))
    if stays_plain(own, [NOTHING] * len(own), n):
        assert_plain(" ".join(w for i, w in enumerate(words) if i not in at))


def assert_plain(text: str) -> None:
    words = TOKEN.findall(text.lower())
    assert READER._undisguised(text, marks_of(text, words), READER.weight(words)) == text

"""Words that are replaced, put in or taken out, by anything.

A replaced word is one stretch of letters and digits (`one_word`). Without a reader it votes, which
is bounded; the words beside it are read as before. A reader may read it as two words, or as one
with an apostrophe, and may join it with neighbours to a known word, whose votes are then gone. So
what it can do is at most the worst of these, where the words that stay are joined by nothing.

Shapes: W words of a text, T words as the reader counts, C classes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property, reduce
from itertools import chain, combinations, pairwise, takewhile
from operator import add

import numpy as np

from rosearch.attacks.certificates.joins import MOST_JOINED, Joins, Part
from rosearch.attacks.certificates.seen import LETTERS, Seen, isolated
from rosearch.attacks.certificates.votes import StringVotes
from rosearch.attacks.certificates.whole import ANYTHING, NOTHING, Share, stays_plain
from rosearch.encodings.reader import names_count
from rosearch.encodings.reader_joins import GLUE, JOINTS

LONGEST_WORD = 100  # tokens: WordPiece reads longer words as one unknown token


def one_word(string: str) -> bool:
    """Whether a string is what a word may be replaced by: one stretch of letters and digits.

    Ideographs, which tokenizers read one by one, are none, nor are signs that stand for several
    letters with something between them.
    """
    forms = [unicodedata.normalize(form, string) for form in ("NFC", "NFKC", "NFKD")]
    bare = "".join(c for c in forms[2] if unicodedata.category(c) != "Mn")
    return all(LETTERS.fullmatch(form) for form in (string, *forms[:2], bare)) and not any(
        unicodedata.name(c, "").startswith("CJK ") for form in forms for c in form
    )


class AnyWords:
    """What stays right whatever a few words become."""

    def __init__(self, votes: StringVotes) -> None:
        self.votes, self.joins = votes, votes.joins
        self.made: dict[tuple[str, str], np.ndarray | None] = {}
        self.last: Beside | None = None

    def replaced(self, text: Seen, label: int, n: int) -> bool:
        """Whether a text stays right whichever n words are replaced by whatever words."""
        beside = self._beside(text, label)
        loss = _largest(beside.any_replaced, n) + beside.renamed(n)
        long = text.spare < n * 2 * LONGEST_WORD
        plain = beside.plain(text.shares, ANYTHING, n)
        return plain and not long and text.right(label, loss) and beside.certain(0)

    def inserted(self, text: Seen, label: int, n: int) -> bool:
        """Whether a text stays right whatever n words are put in, between others, with spaces."""
        beside = self._beside(text, label)
        loss = n * beside.any_inserted.max(0) + beside.renamed()
        long = text.spare < n * 2 * LONGEST_WORD
        plain = beside.plain((*text.shares, *(NOTHING,) * n), ANYTHING, n)
        return plain and not long and text.right(label, loss) and beside.certain(0)

    def deleted(self, text: Seen, label: int, n: int) -> bool:
        """Whether a text stays right whatever n words are taken out, or fewer."""
        beside = self._beside(text, label)
        loss = _largest(text.gaps(label).clip(0), n) + beside.renamed()
        plain = beside.plain(text.shares, NOTHING, n)
        return plain and text.right(label, loss) and beside.certain(n)

    def _beside(self, text: Seen, label: int) -> Beside:
        if self.last is None or self.last.text is not text or self.last.label != label:
            self.last = Beside(text, self, label)
        return self.last

    @cached_property
    def bound(self) -> np.ndarray:
        """(y, c): the most that one new word says for c rather than y, (C, C)."""
        one = np.full((len(self.votes.bias),) * 2, 2 * self.votes.cap)
        if self.joins is None:
            return one
        reader = self.joins.reader
        found = np.maximum(one, self.votes.differences(reader.prior)) if reader.prior else one
        if "splits" in reader.steps and reader.halves:
            found = np.maximum(found, 2 * self.votes.differences(reader.halves))
        return found

    def between(self, start: str, end: str) -> np.ndarray | None:
        """The same of known words that begin and end so, with something between; None has none."""
        if (start, end) not in self.made:
            assert self.joins is not None
            least = len(start) + len(end) + 1
            words = [w for w in self._around(start, end) if len(w) >= least]
            self.made[start, end] = self.votes.differences(words) if words else None
        return self.made[start, end]

    def _around(self, start: str, end: str) -> Iterator[str]:
        assert self.joins is not None
        if start:
            return (w for w in self.joins.starting(start) if w.endswith(end))
        return (w[::-1] for w in self._backwards.starting(end[::-1]))

    @cached_property
    def _backwards(self) -> Joins:
        assert self.joins is not None
        found = Joins(self.joins.reader)
        found.known = sorted(w[::-1] for w in self.joins.known)
        return found


class Beside:
    """The words of one text as the reader counts them, and what stands beside each."""

    def __init__(self, text: Seen, any_words: AnyWords, label: int) -> None:
        self.text, self.any, self.label = text, any_words, label
        self.own = text.gaps(label)
        self.bound = any_words.bound[label]
        self.reader = any_words.votes.reader
        self.tokens = [t for a in text.apart for t in a.tokens]
        self.names = [n for a in text.apart for n in a.names]
        self.capital = [c for a in text.apart for c in a.capital]
        self.word = [i for i, a in enumerate(text.apart) for _ in a.tokens]
        self.over = self._joints()  # whether token k may be joined with the one before it

    def _joints(self) -> list[bool]:
        found = []
        ends = ["", *(a.gaps[-1] for a in self.text.apart)]
        for i, a in enumerate(self.text.apart):
            gaps = [ends[i] + self.text.words.gaps[i] + a.gaps[0], *a.gaps[1:-1]]
            found += [gap in JOINTS for gap in gaps[: len(a.tokens)]]
        return [False, *found[1:]]

    # What one word does

    @cached_property
    def any_replaced(self) -> np.ndarray:
        """The most that is lost with each word that becomes another, (W, C)."""
        found = [self.replaced(i) for i in range(len(self.text.apart))]
        return np.array(found).reshape(-1, len(self.text.rest))

    @cached_property
    def any_inserted(self) -> np.ndarray:
        """The most that is lost with a word between any two, before and after all, (W + 1, C)."""
        return np.array([self.inserted(i) for i in range(len(self.text.apart) + 1)])

    def replaced(self, i: int) -> np.ndarray:
        """The most that is lost if word i becomes another, (C,)."""
        before = [k for k, w in enumerate(self.word) if w < i]
        after = [k for k, w in enumerate(self.word) if w > i]
        return self.own[i] + self._new(before[::-1], after)

    def inserted(self, i: int) -> np.ndarray:
        """The most that is lost if there is a new word before word i, (C,)."""
        before = [k for k, w in enumerate(self.word) if w < i]
        after = [k for k, w in enumerate(self.word) if w >= i]
        return self._new(before[::-1], after)

    def _new(self, before: Sequence[int], after: Sequence[int]) -> np.ndarray:
        """The most that a new word says, with the votes of neighbours that it is joined with.

        Args:
            before, after: tokens, the nearest first.
        """
        if self.reader is None:
            return self.bound
        before, after = self._chain(before, 0), self._chain(after, 1)
        letters = [k for some in (before, after) for k in self._letters(some)]
        found = self.bound + self._lost(letters)
        for a, b in ((1, 0), (2, 0), (0, 1), (0, 2), (1, 1)):
            if len(before) >= a and len(after) >= b:
                start = "".join(self.tokens[k] for k in before[:a][::-1])
                most = self.any.between(start, "".join(self.tokens[k] for k in after[:b]))
                if most is not None:
                    lost = self._lost([*before[:a], *after[:b]])
                    found = np.maximum(found, most[self.label] + lost)
        return found

    def _chain(self, tokens: Sequence[int], step: int) -> list[int]:
        """Tokens that may be joined with a new one beside the first; next to each other."""
        found = list(tokens[:1])
        for k in tokens[1:]:
            if not self.over[k if step else found[-1]]:
                break
            found.append(k)
        return found

    def _lost(self, tokens: Sequence[int]) -> np.ndarray:
        """What tokens say for the label and against others, where they do, (C,)."""
        assert self.reader is not None
        found = np.zeros(len(self.text.rest))
        for k in tokens:
            vote = self.any.votes.of(self.reader.alone(self.tokens[k], self.names[k])[0])
            found += (vote[self.label] - vote).clip(0)
        return found

    def _letters(self, tokens: Sequence[int]) -> list[int]:
        return list(takewhile(lambda k: len(self.tokens[k]) == 1, tokens))

    # What the others do meanwhile

    def renamed(self, n: int | None = None) -> np.ndarray:
        """The most that is lost where capitals become names or no longer are, (C,).

        Args:
            n: words that are replaced, where no gap changes; None where any may be affected.
        """
        found = np.zeros(len(self.text.rest))
        if self.reader is None or (n is not None and self._names_stay(n)):
            return found
        for token, name in self._fickle():
            now, other = (
                self.any.votes.of(self.reader.alone(token, b)[0]) for b in (name, not name)
            )
            change = now - other
            found += (change[self.label] - change).clip(0)
        return found

    def _fickle(self) -> Iterator[tuple[str, bool]]:
        """Tokens that are read in another way as a name, and whether they are one."""
        assert self.reader is not None
        for token, name, capital in zip(self.tokens, self.names, self.capital, strict=True):
            if capital and token not in self.reader.prior:
                yield token, name

    def _names_stay(self, n: int) -> bool:
        """Whether as many capitals are names after n words were replaced."""
        capitals, words = sum(self.capital), len(self.tokens)
        most = n * max((len(a.tokens) for a in self.text.apart), default=0)
        if self.text.names:
            return names_count(capitals + n, words - most)
        return not names_count(capitals - most, words + n)

    def plain(self, own: Sequence[Share], other: Share, n: int) -> bool:
        """Whether a text is not taken for disguised, whichever n words become something else."""
        return self.reader is None or stays_plain(own, (other,) * len(own), n, self.text.words.gaps)

    def certain(self, gone: int) -> bool:
        """Whether the words that stay are joined by nothing.

        Args:
            gone: how many words may be taken out.
        """
        if self.reader is None:
            return True
        words = self.text.words
        if any(gap in GLUE for gap in words.gaps[1:-1]):
            return False
        if not all(isolated(words, i, (w,), self.reader) for i, w in enumerate(words.words)):
            return False
        folded = [[self.reader.spelt(w, [], b) for w in words.words] for b in (True, False)]
        return folded[0] == folded[1] and not self._join(gone)

    def _join(self, gone: int) -> bool:
        """Whether neighbours may be joined if so many words between them are gone."""
        joins = self.any.joins
        assert joins is not None
        parts = [self._part(k) for k in range(len(self.tokens))]
        for k, part in enumerate(parts):
            if part.sure:
                continue
            near = [j for j in range(len(parts)) if j != k and self._near(j, k, gone)]
            for others in chain(combinations(near, 1), combinations(near, 2)):
                several = sorted((k, *others))
                if not self._together(several, gone):
                    continue
                word = "".join(self.tokens[j] for j in several)
                if len(word) == len(several):
                    if len(word) == MOST_JOINED:
                        return True  # letters, which may be spelt out
                elif (
                    word in joins.prior
                    and word.isalpha()
                    and joins.joined(reduce(add, (parts[j] for j in several)), word, " ")
                ):
                    return True
        return False

    def _part(self, k: int) -> Part:
        assert self.reader is not None
        token, capital = self.tokens[k], self.capital[k]
        ways = (False, True) if capital else (False,)
        score = min(self.reader.alone(token, name)[1] for name in ways)
        return Part(score, 1, token in self.reader.known.sure)

    def _near(self, j: int, k: int, gone: int) -> bool:
        return abs(self.word[j] - self.word[k]) <= gone + MOST_JOINED - 1

    def _together(self, tokens: Sequence[int], gone: int) -> bool:
        """Whether tokens, in order, may become neighbours if so many words are gone."""
        skipped = 0
        for a, b in pairwise(tokens):
            between = {self.word[k] for k in range(a + 1, b)}
            if between & {self.word[a], self.word[b]}:
                return False
            skipped += len(between)
            if not between and not self.over[b]:
                return False
        return skipped <= gone


def _largest(values: np.ndarray, n: int) -> np.ndarray:
    """Sum of the n largest of (W, C) in each column."""
    found: np.ndarray = np.sort(values, 0)[::-1][:n].sum(0)
    return found

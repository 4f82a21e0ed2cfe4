"""What one word may become, as a student reads it: the same for all that read alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from rosearch.attacks.certificates.joins import Joins, Part, joins_of
from rosearch.attacks.certificates.seen import Apart, Place, plain, read_apart
from rosearch.attacks.certificates.whole import Share, share_of
from rosearch.attacks.constraints.words import not_a_stop_word
from rosearch.attacks.lexicon import Table
from rosearch.encodings.reader import Reader
from rosearch.encodings.reader_joins import JOINTS
from rosearch.tasks.words import Words, like

# A word as it is written to what may stand in its place.
Substitutes = Callable[[str], Sequence[str]]


@dataclass(frozen=True, eq=False)
class Options:
    """What neighbours may make of what a word and its substitutes are read as.

    Attributes:
        capitals, words: fewest and most of them in one option, as a reader counts.
        single: options that are one word for the reader.
        heads, tails: one or two words that others begin or end with.
        first, last: most letters, each by itself, that one of those begins or ends with.
    """

    capitals: tuple[int, int] = (0, 0)
    words: tuple[int, int] = (1, 1)
    single: Mapping[str, Part] = field(default_factory=dict)
    heads: Mapping[str, Part] = field(default_factory=dict)
    tails: Mapping[str, Part] = field(default_factory=dict)
    first: int = 0
    last: int = 0
    joins: Joins | None = None

    @cached_property
    def rests(self) -> frozenset[str]:
        """What makes a known word after one of `single`."""
        return frozenset() if self.joins is None else self.joins.rests(self.single)

    @cached_property
    def ordered_rests(self) -> list[str]:
        """The same, sorted."""
        return sorted(self.rests)

    @cached_property
    def tail_rests(self) -> frozenset[str]:
        """What makes a known word after one of `tails`."""
        return frozenset() if self.joins is None else self.joins.rests(self.tails)

    @cached_property
    def letters(self) -> tuple[str, ...]:
        """Options that are one letter."""
        return tuple(w for w in self.single if len(w) == 1)


class InTable:
    """Substitutes in a table, which nobody changes, as attacks write them: in the casing of the
    word. Those in the same table are equal."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def __call__(self, word: str) -> list[str]:
        if not not_a_stop_word(word):
            return []
        return [like(word, s) for s in self.table.get(word.lower(), ())]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InTable) and self.table is other.table

    def __hash__(self) -> int:
        return id(self.table)


class Offered:
    """What words may become, and how a reader reads it, whatever it says: each found once."""

    def __init__(self, reader: Reader | None, substitutes: Substitutes) -> None:
        self.reader, self.substitutes = reader, substitutes
        self.joins = joins_of(reader)
        self.known: dict[str, tuple[tuple[str, ...], bool]] = {}
        self.shared: dict[tuple[str, str], Share] = {}
        self.readings: dict[tuple[str, Place, bool], tuple[str, ...]] = {}
        self.found: dict[tuple[str, Place, bool], Options] = {}
        self.joined: dict[tuple[Words, bool, bool], bool] = {}  # of `may_join`

    def written(self, word: str) -> tuple[str, ...]:
        """A word and its substitutes."""
        return self._known(word)[0]

    def all_plain(self, word: str) -> bool:
        """Whether none of these has foreign letters or signs."""
        return self._known(word)[1]

    def _known(self, word: str) -> tuple[tuple[str, ...], bool]:
        if word not in self.known:
            written = tuple(dict.fromkeys((word, *self.substitutes(word))))
            self.known[word] = written, all(map(plain, written))
        return self.known[word]

    def shares(self, text: Words) -> list[Share]:
        """Of the words of a text: what these are in whether it is taken for disguised."""
        found = []
        for word, gap in zip(text.words, text.gaps[1:], strict=True):
            if (word, gap) not in self.shared:
                self.shared[word, gap] = share_of(self.reader, self.written(word), gap)
            found.append(self.shared[word, gap])
        return found

    def read(self, word: str, place: Place, latin: bool) -> tuple[str, ...]:
        """What a word and its substitutes are read as, the word first.

        Args:
            latin: whether its text is in Latin letters.
        """
        key = word, place, latin
        if key not in self.readings:
            self.readings[key] = tuple(dict.fromkeys(a.read for a in self._apart(*key)))
        return self.readings[key]

    def of(self, word: str, place: Place, latin: bool) -> Options:
        """What neighbours may make of these."""
        key = word, place, latin
        if key not in self.found:
            self.found[key] = self._made(list(self._apart(*key)))
        return self.found[key]

    def _apart(self, word: str, place: Place, latin: bool) -> Iterator[Apart]:
        return (read_apart(w, place, self.reader, latin) for w in self.written(word))

    def _made(self, apart: Sequence[Apart]) -> Options:
        if self.joins is None:
            return Options()
        rest = [a for a in apart if not _is_single(a)]
        return Options(
            capitals=(min(sum(a.capital) for a in apart), max(sum(a.capital) for a in apart)),
            words=(min(len(a.tokens) for a in apart), max(len(a.tokens) for a in apart)),
            single=_united((a.tokens[0], self._part(a, 0, 1)) for a in apart if _is_single(a)),
            heads=_united(pair for a in rest for pair in self._heads(a)),
            tails=_united(pair for a in rest for pair in self._tails(a)),
            first=max((_letters(a.tokens, a.gaps) for a in rest), default=0),
            last=max((_letters(a.tokens[::-1], a.gaps[::-1]) for a in rest), default=0),
            joins=self.joins,
        )

    def _part(self, a: Apart, start: int, end: int) -> Part:
        assert self.reader is not None
        reader, tokens = self.reader, a.tokens[start:end]
        names = a.names[start:end]
        score = sum(reader.alone(t, n)[1] for t, n in zip(tokens, names, strict=True))
        return Part(score, end - start, reader.known.sure.issuperset(tokens))

    def _heads(self, a: Apart) -> Iterator[tuple[str, Part]]:
        if a.tokens and not a.gaps[0]:
            yield a.tokens[0], self._part(a, 0, 1)
            if len(a.tokens) > 1 and a.gaps[1] in JOINTS:
                yield "".join(a.tokens[:2]), self._part(a, 0, 2)

    def _tails(self, a: Apart) -> Iterator[tuple[str, Part]]:
        n = len(a.tokens)
        if n and not a.gaps[-1]:
            yield a.tokens[-1], self._part(a, n - 1, n)
            if n > 1 and a.gaps[-2] in JOINTS:
                yield "".join(a.tokens[-2:]), self._part(a, n - 2, n)


def offered(reader: Reader | None, substitutes: Substitutes) -> Offered:
    """Options of words; those in a table are found once for all students with the same reader."""
    of_table = isinstance(substitutes, InTable)
    return _shared(reader, substitutes) if of_table else Offered(reader, substitutes)


@lru_cache(maxsize=8)
def _shared(reader: Reader | None, substitutes: Substitutes) -> Offered:
    return Offered(reader, substitutes)


def _is_single(a: Apart) -> bool:
    return len(a.tokens) == 1 and a.gaps == ("", "")


def _united(pairs: Iterable[tuple[str, Part]]) -> dict[str, Part]:
    """Of words that come in several ways, the one that is the easiest to join."""
    found: dict[str, Part] = {}
    for word, part in pairs:
        found[word] = found[word] | part if word in found else part
    return found


def _letters(tokens: Sequence[str], gaps: Sequence[str]) -> int:
    """How many letters, each by itself, stand at the beginning."""
    if gaps[0]:
        return 0
    n = 0
    while n < len(tokens) and len(tokens[n]) == 1 and (n == 0 or gaps[n] in JOINTS):
        n += 1
    return n

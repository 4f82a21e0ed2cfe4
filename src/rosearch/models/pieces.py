"""Token ids of a text whose words change, joined from the pieces of its words."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain, islice

from tokenizers import Tokenizer as Backend

from rosearch.encodings.reader import Reader, cut
from rosearch.models.batches import Encoded
from rosearch.models.network import Tokenizer
from rosearch.tasks.words import Words, segment

PIECE_ENTRIES = 500_000  # words and gaps whose pieces are remembered
STRETCH_ENTRIES = 50_000  # stretches of texts whose pieces are remembered
FIRST_TEXTS = 1024  # first texts of pairs whose pieces are remembered
# Unicode categories at which BERT splits: space separators and all punctuation.
BREAKING = frozenset({"Zs", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"})


class PieceEncoder:
    """Token ids of segmented texts, joined from the remembered pieces of words and gaps.

    BERT's pre-tokenizer splits at white space and punctuation, so pieces of the words are the
    pieces of the text if every gap consists of such characters. Other texts (symbols or invisible
    characters glued to a word, "[SEP]" written out) and other tokenizers are encoded whole: slower,
    never different.

    A tokenizer with a reader has it read texts as a whole before: what a word is read as may depend
    on its neighbours. Of a pair, the first text is read and encoded once. Special tokens and token
    types are those that the tokenizer itself puts around two texts, and both texts are cut as by
    `truncation=True`.

    Args:
        types: whether the model takes token types.
    """

    def __init__(self, tokenizer: Tokenizer, types: bool = False) -> None:
        backend = Backend.from_str(tokenizer.backend_tokenizer.to_str())
        backend.no_padding()  # files of sentence encoders ask for a fixed length
        backend.no_truncation()
        self.backend = backend
        self.reserved = reserved_words(backend)
        self.max_length = min(tokenizer.model_max_length, 512)
        self.frames = (Frame(backend, 1, types), Frame(backend, 2, types))
        self.pieces = Pieces(self._whole, PIECE_ENTRIES)
        self.stretches = Pieces(self._stretch, STRETCH_ENTRIES)
        self.read: Reader | None = getattr(tokenizer, "reader", None)
        self.whole = lru_cache(FIRST_TEXTS)(self._first)

    def encode(self, text: Words) -> Encoded:
        """Token ids with special tokens, cut to the model's length."""
        second = self._joined(text)
        if text.first is None:
            frame = self.frames[0]
            return frame.around(second[: self.max_length - frame.size])
        frame = self.frames[1]
        first = self.whole(text.first)
        a, b = longest_first(len(first), len(second), self.max_length - frame.size)
        return frame.around(first[:a], second[:b])

    def fixed(self, text: Words) -> int:
        """How many tokens come before those of the text that an attack may change."""
        frame = self.frames[0 if text.first is None else 1]
        before = sum(map(len, frame.special[:-1]))
        if text.first is None:
            return before
        first, second = self.whole(text.first), self._joined(text)
        return before + longest_first(len(first), len(second), self.max_length - frame.size)[0]

    def _joined(self, text: Words) -> list[int]:
        """Token ids of a text: of its words, or of its stretches where it is read or has gaps that
        part no words, so that a long text of which one word changed is encoded in no time."""
        if self.read is None and (self.reserved is None or all_separate(text.gaps)):
            return self._by_words(text)
        whole = text.text
        if self.reserved is None:
            return self._first(whole)
        parts = cut(whole) if self.read is None else self.read.stretches(whole)
        if len(parts) == 1:
            return self._by_words(text if parts[0] == whole else segment(parts[0]))
        return list(chain.from_iterable(map(self.stretches.__getitem__, parts)))

    def _stretch(self, text: str) -> list[int]:
        return self._by_words(segment(text))

    def _by_words(self, text: Words) -> list[int]:
        apart = self.reserved is not None and self.reserved.isdisjoint(text.words)
        if not (apart and all_separate(text.gaps)):
            return self._whole(text.text)
        pieces = self.pieces
        ids = [*pieces[text.gaps[0]]]
        for word, gap in zip(text.words, islice(text.gaps, 1, None), strict=True):
            ids += pieces[word]
            if gap != " ":
                ids += pieces[gap]
        return ids

    def _first(self, text: str) -> list[int]:
        return self._whole(text if self.read is None else self.read(text))

    def _whole(self, text: str) -> list[int]:
        ids: list[int] = self.backend.encode(text, add_special_tokens=False).ids
        return ids


class Pieces(dict[str, list[int]]):
    """Token ids of parts of texts, asked for once; of `most` parts."""

    def __init__(self, encode: Callable[[str], list[int]], most: int) -> None:
        super().__init__()
        self.encode, self.most = encode, most

    def __missing__(self, part: str) -> list[int]:
        if len(self) > self.most:
            self.clear()
        self[part] = found = self.encode(part)
        return found


def reserved_words(backend: Backend) -> frozenset[str] | None:
    """Words of the tokenizer's special tokens: a text with "[SEP]" in it must be encoded whole.

    None where words can't be encoded one by one: the pre-tokenizer is not BERT's, or a token was
    added that is not of the form "[WORD]" and so may begin within a word.
    """
    if type(backend.pre_tokenizer).__name__ != "BertPreTokenizer":
        return None
    found: set[str] = set()
    for token in backend.get_added_tokens_decoder().values():
        words = segment(token.content).words
        bracketed = token.content[:1] in "[<" and token.content[-1:] in "]>"
        if token.normalized or not words or not bracketed:
            return None
        found.update(words)
    return frozenset(found)


class Frame:
    """What a tokenizer puts around a text, or around and between the two texts of a pair.

    Attributes:
        special: special tokens before, between and after the texts.
        types: the token type of each of these, and `text_types` of each text; None where all are 0
            or none are wanted.
    """

    def __init__(self, backend: Backend, texts: int, types: bool) -> None:
        bare = backend.encode("word", add_special_tokens=False).ids
        full = backend.encode("word", "word" if texts == 2 else None)
        cuts = [0]
        for _ in range(texts):
            start = next(
                i for i in range(cuts[-1], len(full.ids)) if full.ids[i : i + len(bare)] == bare
            )
            cuts += [start, start + len(bare)]
        cuts.append(len(full.ids))
        spans = list(zip(cuts[::2], cuts[1::2], strict=True))
        self.special = [full.ids[a:b] for a, b in spans]
        self.text_types = [full.type_ids[start] for start in cuts[1:-1:2]]
        wanted = types and any(full.type_ids)
        self.types = [full.type_ids[a:b] for a, b in spans] if wanted else None
        self.size = sum(map(len, self.special))

    def around(self, *texts: list[int]) -> Encoded:
        """The pieces of the texts with special tokens around them."""
        ids = interleaved(self.special, texts)
        if self.types is None:
            return Encoded(ids)
        kinds = [[kind] * len(t) for kind, t in zip(self.text_types, texts, strict=True)]
        return Encoded(ids, interleaved(self.types, kinds))


def interleaved(around: Sequence[list[int]], parts: Sequence[list[int]]) -> list[int]:
    """around[0], parts[0], around[1], ..., the last of `around`, as one list."""
    found = [*around[0]]
    for part, after in zip(parts, around[1:], strict=True):
        found += part
        found += after
    return found


def longest_first(first: int, second: int, room: int) -> tuple[int, int]:
    """Lengths to which Hugging Face's `truncation=True` cuts two texts.

    The longer one loses tokens until both are of the same length, then both do.
    """
    if first + second <= room:
        return first, second
    short = min(first, second, room // 2)
    return (short, room - short) if first <= second else (room - short, short)


@lru_cache(maxsize=4096)
def all_separate(gaps: tuple[str, ...]) -> bool:
    """Whether BERT's pre-tokenizer splits at every gap; texts with other words have equal gaps."""
    return all(map(separates, gaps))


@lru_cache(maxsize=65536)
def separates(gap: str) -> bool:
    """Whether BERT's pre-tokenizer splits at every character of a gap."""
    return all(
        c in " \t\n\r"
        or unicodedata.category(c) in BREAKING
        or (c.isascii() and c.isprintable())  # symbols like $ and + count as punctuation
        for c in gap
    )

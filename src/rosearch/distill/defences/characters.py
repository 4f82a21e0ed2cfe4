"""Character noise: misspelt words, tokenised in advance, so that a batch is made in no time.

Shapes: B batch, T tokens, N train texts, W words of all train texts, F misspellings, P pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from rosearch.attacks.constraints.words import not_a_stop_word
from rosearch.attacks.sources.characters import character_edits
from rosearch.config import DistillConfig
from rosearch.distill.defences.base import TokenDefence, TrainTexts
from rosearch.tasks.words import WORD, like
from rosearch.types import Text, parts

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer
    from transformers import PreTrainedTokenizerFast

    from rosearch.distill.batch import Batch
    from rosearch.distill.data import EncodedTrain
    from rosearch.distill.objective import Objective
    from rosearch.student.model import StudentForSequenceClassification

DRAWS = 2  # times that the edits of a word are drawn: up to 12 misspellings


@dataclass(frozen=True)
class Misspellings:
    """Where the words of the train split are that can be misspelt, and as what.

    Attributes:
        starts: (N + 1,) words of text i are `starts[i]` to `starts[i + 1]`.
        place, length: (W,) first token of a word in its text, and how many it has.
        form: (W,) first misspelling of a word, `forms` how many it has.
        pieces: (P,) token ids; misspelling f is `pieces[piece_starts[f] : piece_starts[f + 1]]`.
    """

    starts: np.ndarray
    place: np.ndarray
    length: np.ndarray
    form: np.ndarray
    forms: np.ndarray
    piece_starts: np.ndarray
    pieces: np.ndarray


@dataclass(frozen=True)
class Spellings:
    """Misspellings as they are written, and as students see them that correct unknown words.

    Attributes:
        read: None where there are no such students.
    """

    written: Misspellings
    read: Misspellings | None = None

    def seen_by(self, model: StudentForSequenceClassification) -> Misspellings:
        """What a student sees: its tokenizer reads before it does, if it has the dictionary."""
        reading = model.config.genotype.get("reading") or {}
        return self.read if self.read and reading.get("dictionary") else self.written


def misspellings(
    tokenizer: PreTrainedTokenizerFast,
    texts: Sequence[Text],
    max_length: int,
    seed: int,
    read: Callable[[str], str] | None = None,
) -> Misspellings:
    """Misspellings of the words of train texts, as a student's tokenizer reads them.

    Those of `rosearch.attacks.sources.characters.character_edits`, drawn anew with `seed`: swap,
    keyboard substitution, deletion and insertion inside the word, the four kinds of Pruthi et al.
    (2019, section 2). Stop words stay, as in attacks, and so do words whose pieces are others in
    their text than alone, as SentencePiece may read the last word before a full stop.

    Args:
        tokenizer: a fast Hugging Face tokenizer.
        max_length: at which texts are cut.
        read: what is done with a word before its tokens.
    """
    encodings = _encodings(tokenizer, texts, max_length)
    places = [list(_words(text, e)) for text, e in zip(texts, encodings, strict=True)]
    words = {written for there in places for _, _, written in there}
    known, pieces = _forms(tokenizer.backend_tokenizer, words, seed, read or str)
    starts, found = [0], []
    for there, encoding in zip(places, encodings, strict=True):
        ids = encoding.ids
        for first, tokens, written in there:
            alone, *options = known[written]
            if options[1] and ids[first : first + tokens] == alone:  # else read otherwise here
                found.append((first, tokens, *options))
        starts.append(len(found))
    place, length, form, forms = np.array(found, dtype=np.int64).reshape(-1, 4).T
    return Misspellings(
        np.array(starts),
        place,
        length,
        form,
        forms,
        np.cumsum([0, *map(len, pieces)]),
        np.array([i for piece in pieces for i in piece], dtype=np.int64),
    )


def _forms(
    backend: Tokenizer, words: Iterable[str], seed: int, read: Callable[[str], str]
) -> tuple[dict[str, tuple[list[int], int, int]], list[list[int]]]:
    """Token ids of words and of their misspellings.

    Args:
        words: each after the space that stands before it, if any.

    Returns:
        Word -> its own token ids, its first misspelling and their number; token ids of all
        misspellings.
    """
    spelt: list[str] = []
    slices = {}
    for written in sorted(words):
        word = written.strip()
        made = misspelt(word.lower(), seed) if not_a_stop_word(word) else ()
        space = written[: len(written) - len(word)]
        slices[written] = (len(spelt), len(made))
        spelt += [written, *(space + read(like(word, new)) for new in made)]
    encoded = [e.ids for e in backend.encode_batch_fast(spelt, add_special_tokens=False)]
    known: dict[str, tuple[list[int], int, int]] = {}
    pieces: list[list[int]] = []
    for written, (at, forms) in slices.items():
        known[written] = (encoded[at], len(pieces), forms)
        pieces += encoded[at + 1 : at + 1 + forms]
    return known, pieces


@lru_cache(maxsize=100_000)
def misspelt(word: str, seed: int) -> tuple[str, ...]:
    """Misspellings of a word, remembered for the next encoding."""
    drawn = (character_edits(f"{seed} {draw} ")(word) for draw in range(DRAWS))
    return tuple(dict.fromkeys(new for edits in drawn for new in edits))


def _encodings(
    tokenizer: PreTrainedTokenizerFast, texts: Sequence[Text], max_length: int
) -> list[Encoding]:
    if not texts:
        return []
    columns = [list(column) for column in zip(*map(parts, texts), strict=True)]
    found = tokenizer(*columns, truncation=True, max_length=max_length)
    encodings: list[Encoding] = found.encodings
    return encodings


def _words(text: Text, encoding: Encoding) -> Iterator[tuple[int, int, str]]:
    """First token, number of tokens, and the written form of each word with tokens of its own."""
    for sequence, part in enumerate(parts(text)):
        begins: dict[int, int] = {}
        ends: dict[int, int] = {}
        for token, (begin, end) in enumerate(encoding.offsets):
            if encoding.sequence_ids[token] == sequence and begin < end:
                # SentencePiece counts the space before a word as a part of it.
                begins.setdefault(begin + part[begin].isspace(), token)
                ends[end] = token
        for match in WORD.finditer(part):
            begin, end = match.span()
            if begin in begins and end in ends:
                space = " " if part[begin - 1 : begin].isspace() else ""
                first = begins[begin]
                yield first, ends[end] + 1 - first, space + match.group()


@dataclass(frozen=True, eq=False)
class CharacterNoise:
    """Part of the words misspelt, another draw in every step (Pruthi et al. 2019, section 4.2's
    data augmentation, as robust distillation).

    A word that was substituted before goes back to the original one, misspelt. A text may grow
    beyond the length at which it was cut.

    Attributes:
        share: of the words that can be misspelt.
    """

    table: Misspellings
    share: float
    pad_id: int

    def __call__(
        self, model: StudentForSequenceClassification, batch: Batch, objective: Objective
    ) -> Batch:
        import torch

        from rosearch.models.batches import padded

        words, rows = self._chosen(batch.index)
        if not len(words):
            return batch
        t = self.table
        form = t.form[words] + (torch.rand(len(words)).numpy() * t.forms[words]).astype(np.int64)
        spelt = spans(t.piece_starts[form], t.piece_starts[form + 1] - t.piece_starts[form])
        sizes = t.piece_starts[form + 1] - t.piece_starts[form]
        lengths = batch.mask.sum(1).cpu().numpy()
        flat = batch.ids[batch.mask.bool()].cpu().numpy()
        at = (np.cumsum(lengths) - lengths)[rows] + t.place[words]
        # How many tokens stand for each token, and from where they are taken: the first token of a
        # misspelt word gives way to all of its pieces, the others to none.
        count, source = np.ones(len(flat), dtype=np.int64), np.arange(len(flat))
        count[spans(at, t.length[words])] = 0
        count[at], source[at] = sizes, len(flat) + np.cumsum(sizes) - sizes
        new = np.concatenate([flat, t.pieces[spelt]])[spans(source, count)]
        ends = np.cumsum(np.add.reduceat(count, np.cumsum(lengths) - lengths))
        ids, mask = padded(np.split(new, ends[:-1]), self.pad_id)
        return replace(batch, ids=ids.to(batch.ids.device), mask=mask.to(batch.ids.device))

    def _chosen(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Words to be misspelt, and the row of the batch that each stands in."""
        import torch

        first = self.table.starts[index]
        counts = self.table.starts[index + 1] - first
        words = spans(first, counts)
        rows = np.repeat(np.arange(len(index)), counts)
        chosen = torch.rand(len(words)).numpy() < self.share
        return words[chosen], rows[chosen]


def spans(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """`counts[0]` integers from `starts[0]` on, then `counts[1]` from `starts[1]` on, ..."""
    shift = np.repeat(starts - (np.cumsum(counts) - counts), counts)
    return shift + np.arange(len(shift))


class Characters(TokenDefence):
    """Misspelt words."""

    name = setting = "characters"
    families = ("inner-letters",)

    def asked(self, config: DistillConfig) -> bool:
        return config.characters > 0

    def prepare(self, texts: TrainTexts) -> Spellings:
        how = (texts.tokenizer, texts.texts, texts.max_length, texts.seed)
        read = None if texts.reader is None else misspellings(*how, texts.reader)
        return Spellings(misspellings(*how), read)

    def tokens(self, table: Spellings) -> Iterable[int]:
        tables = (table.written, *([table.read] if table.read else []))
        return {int(i) for some in tables for i in some.pieces}

    def noise(
        self, config: DistillConfig, data: EncodedTrain, model: StudentForSequenceClassification
    ) -> CharacterNoise:
        """Raises ValueError where the encoding was prepared without it."""
        table = data.table(Spellings)
        if table is None:
            raise ValueError("character noise needs an encoding that was prepared for it")
        return CharacterNoise(table.seen_by(model), config.characters, data.vocabulary.pad_id)


CHARACTERS = Characters()

"""More train texts for distillation: copies of the task's own with words replaced.

Copies depend on the texts, the settings and the seed alone, so that the teacher's outputs, which
are kept by content, hold for every run that has the same. Labels are the teacher's soft targets;
hard labels are those of the original.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from rosearch.attacks.lexicon import Table, cached_table
from rosearch.attacks.sources import LEXICONS
from rosearch.attacks.sources.masked_lm import Blank, Guesses
from rosearch.attacks.sources.masked_lm_model import is_candidate
from rosearch.errors import UserError
from rosearch.io import resources
from rosearch.io.files import write_text, writing_to
from rosearch.io.progress import stage
from rosearch.models.load import content_hash
from rosearch.tasks import Split, Task
from rosearch.tasks.words import Words, segment
from rosearch.types import Text, parts

Method = Literal["synonym", "masked_lm", "mask"]
VERSION = 1  # raise it when the rules below change: saved copies are then made anew
ROWS = 200  # texts whose positions a masked language model is asked about together
SHARES = {"synonym": 0.4, "masked_lm": 0.4, "mask": 0.1}  # of the papers

Copy = list[Words]  # one text, or both of a pair
Options = Callable[[Sequence[Blank]], list[tuple[str, ...]]]


@dataclass(frozen=True)
class AugmentConfig:
    """How texts are copied.

    Attributes:
        method: `synonym` replaces words by those of lexicons, `masked_lm` by guesses of a masked
            language model (both as TinyBERT: Jiao et al. 2020, section 3.2 and algorithm 1),
            `mask` hides words and cuts n-grams out (Tang et al. 2019, section 3.3).
        copies: of each text; those equal to it or to each other are left out.
        share: probability that a word is replaced or hidden where it can be; None is the paper's,
            0.4 or, of `mask`, 0.1.
        options: a replacement is drawn among this many, best first.
        lexicons: of `synonym`, names of lexicons such as `wordnet`.
        ngram: of `mask`, probability that a copy is cut down to an n-gram.
        longest: of `mask`, the most words of an n-gram.

    Raises:
        UserError: a field out of its range.
    """

    method: Method = "synonym"
    copies: int = 1
    share: float | None = None
    options: int = 15
    lexicons: tuple[str, ...] = ("wordnet",)
    ngram: float = 0.25
    longest: int = 5

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise UserError(
                f"augmentation: expected one of {', '.join(get_args(Method))}, "
                f"found {self.method!r}"
            )
        for name, lowest, highest in (
            ("copies", 1, 1000), ("chance", 0, 1), ("options", 1, 1000), ("ngram", 0, 1),
            ("longest", 1, 1000),
        ):  # fmt: skip
            value = getattr(self, name)
            if not lowest <= value <= highest:
                name = "share" if name == "chance" else name
                raise UserError(
                    f"augmentation: {name}: expected {lowest} to {highest}, found {value}"
                )
        known = [
            name for name, lexicon in LEXICONS.items() if lexicon.offered and not lexicon.given
        ]
        unknown = [name for name in self.lexicons if name not in known]
        if unknown or not self.lexicons:
            raise UserError(
                f"augmentation: lexicons: expected some of {', '.join(known)}, "
                f"found {list(self.lexicons)}"
            )

    @property
    def chance(self) -> float:
        """The share, or that of the method's paper."""
        return SHARES[self.method] if self.share is None else self.share


@dataclass(frozen=True)
class Augmented:
    """New texts, and the rows of the train split that they were made of.

    Attributes:
        texts: n texts, or n pairs.
        origin: (n,) int64, in rising order.
    """

    texts: tuple[Text, ...]
    origin: np.ndarray

    def extended(self, task: Task) -> Task:
        """The task with the new texts after the train split's own, with their origins' labels."""
        train = task.train
        labels = (*train.labels, *(train.labels[int(i)] for i in self.origin))
        return replace(task, train=Split((*train.texts, *self.texts), labels))


def augmented(
    task: Task,
    config: AugmentConfig,
    seed: int,
    masked_lm: Path | None = None,
    mask_token: str = "[MASK]",
) -> Augmented:
    """Copies of the task's train texts; made once, then read from disk.

    Both texts of a pair change. Departures from algorithm 1 of TinyBERT: function words stay, and
    are never put in; `masked_lm` hides words of several pieces too, which the paper looks up in
    GloVe, and puts in no antonyms, as the hard label would be wrong then. Of Tang et al. the
    replacement by words of the same part of speech is left out.

    Args:
        masked_lm: of `masked_lm`, folder of the model; see `rosearch.teacher.masked_lm`.
        mask_token: of `mask`, as the tokenizer of teacher and students spells it.

    Raises:
        UserError: no masked language model where one is needed, or one that can't be loaded; or the
            disk is full.
    """
    if config.method == "masked_lm" and masked_lm is None:
        raise UserError("augmentation with masked_lm needs a masked language model; give a folder")
    texts = task.train.texts
    recipe = [VERSION, asdict(config), seed, mask_token, texts]
    if config.method == "masked_lm" and masked_lm is not None:
        recipe.append(content_hash(masked_lm))
    digest = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:16]
    path = resources.cache_dir() / "augmented" / f"{task.name}-{config.method}-{digest}.json"
    if not path.exists():
        copied = (
            _masked(texts, config, seed, mask_token)
            if config.method == "mask"
            else _replaced(texts, config, seed, _options(texts, config, masked_lm))
        )
        made = json.dumps(list(copied))
        with writing_to(path.parent, "augmented texts"):
            write_text(path, made)
    stored = json.loads(path.read_text(encoding="utf-8"))
    new = [one if isinstance(one, str) else (one[0], one[1]) for own in stored for one in own]
    return Augmented(tuple(new), np.repeat(np.arange(len(stored)), [len(own) for own in stored]))


def _replaced(
    texts: Sequence[Text], config: AugmentConfig, seed: int, options: Options
) -> Iterator[list[Text]]:
    """For each text its copies with words replaced."""
    with stage(f"augmenting the train texts ({config.method})", len(texts)) as advance:
        for start in range(0, len(texts), ROWS):
            chunk = texts[start : start + ROWS]
            plans = [_plan(t, config, _generator(seed, start + i)) for i, t in enumerate(chunk)]
            drawn = [draw for plan in plans for copy in plan for draw in copy]
            found = iter(options([(draw.words, draw.position) for draw in drawn]))
            for text, plan in zip(chunk, plans, strict=True):
                yield _different(text, [_changed(text, draws, found) for draws in plan])
            advance(len(chunk), "")


@dataclass(frozen=True)
class _Draw:
    """A position of a part of a text that is to change; `number` in [0, 1) picks the option."""

    words: Words
    part: int
    position: int
    number: float


def _plan(text: Text, config: AugmentConfig, rng: np.random.Generator) -> list[list[_Draw]]:
    """What is to change in each copy of a text."""
    segments = _segments(text)
    return [
        [
            _Draw(words, part, position, float(rng.random()))
            for part, words in enumerate(segments)
            for position, word in enumerate(words.words)
            if rng.random() < config.chance and is_candidate(word)
        ]
        for _ in range(config.copies)
    ]


def _changed(text: Text, draws: Sequence[_Draw], found: Iterator[tuple[str, ...]]) -> Copy:
    """A copy with its draws carried out; `found` gives the options of one after the other."""
    copy = _segments(text)
    for draw, offered in zip(draws, found, strict=False):
        if offered:
            word = offered[int(draw.number * len(offered))]
            copy[draw.part] = copy[draw.part].replaced(draw.position, word)
    return copy


def _options(texts: Sequence[Text], config: AugmentConfig, masked_lm: Path | None) -> Options:
    """What positions may be replaced by, best first."""
    folder = resources.cache_dir() / "lexicons"
    words = {w.lower() for text in texts for part in parts(text) for w in segment(part).words}
    if masked_lm is None or config.method == "synonym":
        tables = [cached_table(name, words, folder) for name in config.lexicons]
        return lambda positions: [
            _synonyms(tables, t.words[i], config.options) for t, i in positions
        ]
    antonyms = cached_table("antonyms", words, folder)
    ask = Guesses(masked_lm, top=config.options)

    def guessed(positions: Sequence[Blank]) -> list[tuple[str, ...]]:
        asked = [text.words[position].lower() for text, position in positions]
        refused = [{word, *antonyms.get(word, ())} for word in asked]
        return [
            tuple(word for word in found if word.lower() not in without)
            for found, without in zip(ask(positions), refused, strict=True)
        ]

    return guessed


def _synonyms(tables: Sequence[Table], word: str, most: int) -> tuple[str, ...]:
    found = dict.fromkeys(w for table in tables for w in table.get(word.lower(), ()))
    return tuple(w for w in found if w.lower() != word.lower())[:most]


def _masked(
    texts: Sequence[Text], config: AugmentConfig, seed: int, mask_token: str
) -> Iterator[list[Text]]:
    """For each text its copies with words hidden, some cut down to an n-gram."""
    for row, text in enumerate(texts):
        rng = _generator(seed, row)
        copies = []
        for _ in range(config.copies):
            words = [_hidden(part, config.chance, mask_token, rng) for part in _segments(text)]
            cut = rng.random() < config.ngram
            copies.append([_ngram(part, config.longest, rng) for part in words] if cut else words)
        yield _different(text, copies)


def _hidden(text: Words, share: float, mask_token: str, rng: np.random.Generator) -> Words:
    hide = rng.random(len(text.words)) < share
    words = tuple(mask_token if h else w for w, h in zip(text.words, hide, strict=True))
    return replace(text, words=words)


def _ngram(text: Words, longest: int, rng: np.random.Generator) -> Words:
    """1 to `longest` words in a row, and what stands between them."""
    if not text.words:
        return text
    n = min(int(rng.integers(1, longest + 1)), len(text.words))
    start = int(rng.integers(len(text.words) - n + 1))
    inner = text.gaps[start + 1 : start + n]
    return Words(text.words[start : start + n], ("", *inner, ""))


def _different(text: Text, copies: Sequence[Copy]) -> list[Text]:
    """Copies as texts or pairs, without those equal to the text or to each other."""
    made: dict[Text, None] = {}
    for copy in copies:
        texts = [part.text for part in copy]
        made[texts[0] if isinstance(text, str) else (texts[0], texts[1])] = None
    return [one for one in made if one != text]


def _segments(text: Text) -> Copy:
    return [segment(part) for part in parts(text)]


def _generator(seed: int, row: int) -> np.random.Generator:
    """Of a text's copies: more copies begin with the same ones."""
    return np.random.default_rng([seed, row])

"""A plugin with one entry of most kinds; tests copy it into a folder of their own."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn

from rosearch.attacks import (
    ATTACKS,
    CONSTRAINTS,
    LEXICONS,
    Attack,
    Greedy,
    NamedAttack,
    NamedConstraint,
    NamedLexicon,
    Verdict,
)
from rosearch.callbacks import CALLBACKS, Silent
from rosearch.distill.defences import DEFENCES, TokenDefence
from rosearch.encodings import ENCODINGS, Encoding, gene, plain_vocabulary
from rosearch.executors import EXECUTORS, Executor, ExecutorSettings, NamedExecutor
from rosearch.objectives import OBJECTIVES, Objective
from rosearch.space import OPS, Node, Op, sample
from rosearch.strategies import STRATEGIES, Proposal, StrategyConfig
from rosearch.tasks import TASKS, NamedTask, Split, Task

if TYPE_CHECKING:
    from rosearch.encodings import Material, Vocabulary
    from rosearch.space import Space
    from rosearch.types import Trial

HERE = Path(__file__).parent


def note(what: str) -> None:
    """Leave a trace of this process."""
    (HERE / f"{what}-{os.getpid()}").touch()


# A task of made-up reviews.
def reviews() -> Task:
    words = {"bad": 0, "good": 1, "awful": 0, "great": 1}
    topics = [f"{a} {b}" for a in ("film", "play", "book") for b in "abcdefghijklmnopqrst"]
    found = [(f"a {word} {topic}", label) for topic in topics for word, label in words.items()]
    texts, labels = zip(*found, strict=True)
    parts = [slice(0, 160), slice(160, 200), slice(200, 240)]
    train, validation, test = (Split(texts[p], labels[p]) for p in parts)
    return Task("reviews", ("negative", "positive"), train, validation, test)


TASKS.register(NamedTask("reviews", reviews))


# A lexicon, a constraint, and an attack made of both.
def doubled(word: str) -> tuple[str, ...]:
    return (word + word[-1], word[0] + word)


@dataclass(frozen=True)
class Longer:
    """The text grows."""

    expensive = False

    def judge(self, original: Any, current: Any, options: Any, position: int) -> Any:
        ok = [len(option.text) > len(original.text) for option in options]
        return Verdict(np.array(ok, dtype=bool), np.zeros(len(options)))
        yield  # asks no model


def wire(resources: Any, lexicons: tuple[str, ...]) -> Attack:
    note("attack")
    longer = resources.constraint("longer")
    return Attack("stutter", resources.words(lexicons[0]), Greedy(), constraints=(longer,))


LEXICONS.register(NamedLexicon("doubled", "doubled letters", lambda: doubled, ("stutters",)))
CONSTRAINTS.register(NamedConstraint("longer", "the text grows", lambda resources: Longer()))
ATTACKS.register(
    NamedAttack(
        "stutter", "letters twice", "own", wire, lexicons=("doubled",), families=("stutters",)
    )
)


@ENCODINGS.register
@dataclass(frozen=True)
class Prefix(Encoding):
    """Word pieces that begin alike share a row."""

    name = "prefix"
    families = ()

    letters: int = gene([4, 5])

    def vocabulary(self, material: Material) -> Vocabulary:
        plain = plain_vocabulary(material.tokenizer)
        _, rows = np.unique([t[: self.letters] for t in plain.tokens], return_inverse=True)
        return replace(plain, rows=rows.astype(np.int64))


class Masked(TokenDefence):
    """The first real token is hidden."""

    name = "first-hidden"
    families = ("hidden-words",)

    def noise(self, config: Any, data: Any, model: Any) -> Callable[..., Any]:
        note("defence")
        unknown = data.tokenizer().unk_token_id

        def perturbed(model: Any, batch: Any, objective: Any) -> Any:
            ids = batch.ids.clone()
            ids[:, 1] = unknown
            return replace(batch, ids=ids)

        return perturbed


DEFENCES.register(Masked())


class Mixer(nn.Module):
    """A linear map of every token, and one of their mean."""

    def __init__(self, width: int, argument: int, activation: str) -> None:
        super().__init__()
        self.own, self.shared = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        mean = x.sum(1, keepdim=True) / mask.sum(1)[:, None, None]
        return self.own(x) + self.shared(mean)


OPS.register(
    Op(
        "mixer",
        "mixer",
        1,
        params=lambda w: 2 * (w * w + w),
        flops=lambda w, t: 2 * w * w * t + 2 * w * w,
        module=Mixer,
    )
)


@STRATEGIES.register
class Mixers:
    """Random students that begin with a mixer."""

    name = "mixers"

    def __init__(self, space: Space, config: StrategyConfig) -> None:
        self.space = space

    def learn(self, trial: Trial) -> None:
        pass

    def propose(self, index: int, rng: np.random.Generator) -> Proposal:
        g = sample(self.space, rng)
        return Proposal(replace(g, nodes=(Node((0,), "mixer"), *g.nodes[1:])))


OBJECTIVES.register(Objective("depth", measure=lambda model, g, context: float(len(g.nodes))))


def in_process(context: Any, settings: ExecutorSettings) -> Executor:
    return EXECUTORS["in-process"].make(context, settings)


EXECUTORS.register(NamedExecutor("own", in_process))


@CALLBACKS.register
class Counting(Silent):
    """Writes down how many trials there were."""

    name = "counting"
    seen = 0

    def trial(self, trial: Trial, done: int, total: int) -> None:
        self.seen += 1
        (HERE / "counted").write_text(str(self.seen))

"""The configuration of a run: one flat frozen section per stage, read from TOML and flags."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from rosearch.encodings import ENCODINGS
from rosearch.encodings.base import Encoding
from rosearch.encodings.synonym import LEXICONS, MAX_CLUSTER, MAX_TOLERANCE
from rosearch.errors import UserError

STRICT = ConfigDict(extra="forbid")
MOST_CANDIDATES = 10_000_000


@with_config(STRICT)
@dataclass(frozen=True)
class TaskConfig:
    """Which data: a built-in name or hub id, or files.

    Attributes:
        text_pair_column: second text of each pair; none for single texts.
    """

    name: str = "mr"
    train: str | None = None
    validation: str | None = None
    test: str | None = None
    text_column: str = "text"
    text_pair_column: str | None = None
    label_column: str = "label"


@with_config(STRICT)
@dataclass(frozen=True)
class TeacherConfig:
    """Which teacher, and how it is fine-tuned.

    Attributes:
        name: `minilm`, a Hugging Face id, or a folder.
        fine_tune: false for a model that is already trained on the task.
        train_share: share of the train split, in (0, 1].
        precision: `auto` is bf16 where the processor has it and float32 elsewhere.
    """

    name: str = "minilm"
    fine_tune: bool = True
    epochs: int = 3
    train_share: float = 1.0
    learning_rate: float = 1e-4
    batch_size: int = 32
    max_length: int = 128
    precision: str = "auto"


@with_config(STRICT)
@dataclass(frozen=True)
class SpaceConfig:
    """What may be sampled; see `rosearch.space.variation.Space`.

    Attributes:
        ops: empty means all.
        min_compression: a student has at most 1 / min_compression of the teacher's parameters.
        max_params, max_flops: further hard limits.
        max_latency_ms: hard limit on one example of 32 tokens on one thread of this machine, as
            estimated from parts that are measured when the run starts.
    """

    ops: tuple[str, ...] = ()
    widths: tuple[int, ...] = (64, 96, 128, 160, 192, 256)
    embedding_dims: tuple[int, ...] = (32, 48, 64, 96, 128)
    encodings: tuple[str, ...] = ("plain", "synonym")
    max_nodes: int = 6
    max_repeat: int = 3
    min_compression: float = 5.0
    max_params: int | None = None
    max_flops: int | None = None
    max_latency_ms: float | None = None


@with_config(STRICT)
@dataclass(frozen=True)
class EncodingConfig:
    """What the genes of the synonym encoding may be: `rosearch.encodings.synonym.Synonym`.

    Every combination is prepared before the search and held in memory by each worker: rows of the
    embedding x the largest of `space.embedding_dims` x 4 bytes, or some 8 to 15 MB apiece.

    Attributes:
        lexicons: whose substitutions make the synonym graph; an encoding takes any of them.
        tolerances: how different in meaning for the task two words of a cluster may be; 0 merges
            nothing but words without any evidence, larger is more robust and less accurate.
        max_clusters: most words of a cluster; 0 means no cap.
        trim: leave out embedding rows of word pieces that neither the train split nor the
            substitutions of its words have; such pieces are then read as [UNK].
    """

    lexicons: tuple[str, ...] = ("wordnet",)
    tolerances: tuple[float, ...] = (0.005, 0.015, 0.05)
    max_clusters: tuple[int, ...] = (0,)
    trim: bool = False


@with_config(STRICT)
@dataclass(frozen=True)
class DistillConfig:
    """How a student is trained.

    Attributes:
        loss: of the logits: `soft` targets (Hinton et al. 2015) or `mse` (Tang et al. 2019).
        matching: which states and attention maps of the student are matched with the teacher's,
            see `rosearch.distill.match_schemes`: `none`, `patient`, `tinybert`, `distilbert`,
            `mobilebert` or `last`. All but `patient` need the plain encoding.
        matching_weight: of the matching, the loss of the logits having weight 1.
        matching_share: share of the steps, at the start, in which layers are matched and nothing
            else; they are left alone afterwards. 0 matches throughout, beside the logits.
        augment: copies of the train texts beside them: `none`, `synonym`, `masked_lm` or `mask`,
            see `rosearch.distill.augment`.
        augment_copies: of each text.
        temperature: of the soft targets.
        soft_weight: weight of the soft targets; the hard labels get the rest.
        substitution: share of the words that are replaced by a substitution of the encoding's
            lexicons in every batch, the teacher's clean output staying the target.
        substitution_choice: which one: `random`, or `first-order`, the one that raises the loss
            most by its gradient.
        characters: share of the words that are misspelt in every batch.
        adversarial: on the embeddings, after the noise above: `none`, `fgsm`, `pgd` or `freelb`.
        adversarial_radius: how far embeddings may move, in units of the embedding scale: each
            token's under `fgsm`, all of a text together under `pgd` and `freelb`; none for 0.02
            and 0.1.
        adversarial_steps: gradient steps of `pgd` and `freelb`.
        clean_weight: weight of the loss on the clean text beside that on the perturbed one.
        patience: epochs without a lower loss on the validation split before training stops, with
            the best epoch's weights; 0 never stops early.
        precision: `auto` is bf16 where the device computes in it and float32 elsewhere.
        device: where students are trained and attacked: `auto` is the accelerator if there is one,
            which all workers share; `cpu`, `cuda`, `cuda:1`, ... Latency is always measured on the
            CPU.
    """

    learning_rate: float = 2e-3
    batch_size: int = 32
    patience: int = 0
    precision: str = "auto"
    device: str = "auto"
    loss: str = "soft"
    matching: str = "none"
    matching_weight: float = 1.0
    matching_share: float = 0.0
    augment: str = "none"
    augment_copies: int = 1
    temperature: float = 2.0
    soft_weight: float = 0.7
    weight_decay: float = 0.01
    dropout: float = 0.1
    substitution: float = 0.3
    substitution_choice: str = "random"
    characters: float = 0.0
    adversarial: str = "none"
    adversarial_radius: float | None = None
    adversarial_steps: int = 3
    clean_weight: float = 0.0

    def plain(self) -> DistillConfig:
        """Without robust distillation: the paper's architecture-only mode."""
        return replace(self, substitution=0.0, characters=0.0, adversarial="none")


@with_config(STRICT)
@dataclass(frozen=True)
class FitnessConfig:
    """Weights of the fitness; see `rosearch.evaluation.fitness.fitness`.

    Attributes:
        target_compression: compression at which efficiency reaches 1.
        min_accuracy: share of the teacher's accuracy that a student should keep.
        shortfall: how many times an accuracy below that share is charged; 0 charges nothing.
    """

    robustness: float = 1.0
    accuracy: float = 1.0
    efficiency: float = 1.0
    target_compression: float = 6.5
    min_accuracy: float = 0.9
    shortfall: float = 4.0


@with_config(STRICT)
@dataclass(frozen=True)
class SearchConfig:
    """The search, its budget, and the fidelity of its evaluations.

    Attributes:
        strategy: where new candidates come from; see `rosearch.strategies`.
        candidates, minutes, queries: the search ends with the first of these that is used up:
            architectures, minutes of searching, queries to students; None means no limit.
        rungs: shares of the full training after which candidates are compared; `[1]` trains all
            of them fully. See `rosearch.strategies.rungs`.
        keep: of the candidates of a rung the best 1 / keep move on.
        population, tournament, crossover: see `rosearch.strategies.StrategyConfig`.
        slots: candidates that may be under way at once; more workers than this stay idle. See
            `rosearch.strategies.scheduler`.
        epochs, train_share, attacked, attack, max_queries: the last rung's; see
            `rosearch.types.Fidelity`, and `rosearch.config.plan.fidelity_at` for the other rungs.
        first_attack: of the first rung, where there are several; None is `attack`. FGSM on the
            embeddings (`fgsm`) is cheaper and ranks students worse.
        inherit: whether a candidate starts from the weights that its parent had after the first
            rung, wherever node and shape match; finalists never do. They are kept in the run
            folder, some 6 MB a candidate.
        random_sample: further genotypes, drawn uniformly and evaluated like the last rung for the
            statistics only; see `rosearch.strategies.uniform`.
    """

    strategy: str = "surrogate"
    candidates: int = 64
    minutes: float | None = None
    queries: int | None = None
    rungs: tuple[float, ...] = (0.12, 1.0)
    keep: float = 4.0
    population: int = 16
    tournament: int = 4
    crossover: float = 0.2
    slots: int = 8
    epochs: int = 3
    train_share: float = 1.0
    attacked: int = 200
    attack: str = "wordnet"
    max_queries: int | None = None
    first_attack: str | None = None
    inherit: bool = False
    random_sample: int = 0


@with_config(STRICT)
@dataclass(frozen=True)
class FinalConfig:
    """The final evaluation on the test split.

    Attributes:
        finalists: architectures retrained from scratch.
        seeds: trainings of each finalist and of the reference.
        train_share: share of the train split, in (0, 1]; less than 1 only to try things out.
        attacked: test examples attacked.
        held_out: attacks never used in search or training.
    """

    finalists: int = 3
    seeds: int = 3
    epochs: int = 6
    train_share: float = 1.0
    attacked: int = 500
    held_out: tuple[str, ...] = ("relatives", "characters")


@with_config(STRICT)
@dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run's outcome."""

    seed: int = 0
    task: TaskConfig = field(default_factory=TaskConfig)
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    space: SpaceConfig = field(default_factory=SpaceConfig)
    encoding: EncodingConfig = field(default_factory=EncodingConfig)
    distill: DistillConfig = field(default_factory=DistillConfig)
    fitness: FitnessConfig = field(default_factory=FitnessConfig)
    search: SearchConfig = field(default_factory=SearchConfig)
    final: FinalConfig = field(default_factory=FinalConfig)


# Changes to the defaults.
PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {
        "teacher": {"epochs": 1, "train_share": 0.2},
        "encoding": {"tolerances": [0.015]},
        "space": {"max_nodes": 3, "max_repeat": 1, "widths": [64, 96], "embedding_dims": [32]},
        "search": {
            "candidates": 5,
            "population": 3,
            "tournament": 2,
            "rungs": [0.25, 1.0],
            "keep": 2.0,
            "slots": 2,
            "epochs": 1,
            "train_share": 0.2,
            "attacked": 30,
        },
        "final": {
            "finalists": 1,
            "seeds": 1,
            "epochs": 1,
            "train_share": 0.2,
            "attacked": 30,
        },
    },
    "quick": {
        "teacher": {"epochs": 1},
        "space": {"max_flops": 50_000_000},  # the teacher: about 700 million
        "encoding": {"tolerances": [0.011]},
        # The best students by fitness are what it is for, not a wide front: docs/searching.md.
        "search": {
            "strategy": "rosearch",
            "candidates": 24,
            "population": 10,
            "tournament": 3,
            "rungs": [1.0],
            "slots": 4,
            "epochs": 1,
            "attacked": 150,
        },
        "final": {"finalists": 2, "seeds": 3, "epochs": 4, "attacked": 200},
    },
    "standard": {
        # A student hardened against one lexicon falls to another.
        "search": {"attack": "wordnet+relatives"},
        "encoding": {"lexicons": ["wordnet", "relatives"]},
        # What raised the held-out attack most for its loss of clean accuracy: docs/benchmarks.md.
        "distill": {
            "substitution": 0.6,
            "substitution_choice": "first-order",
            "clean_weight": 0.3,
        },
        "final": {"held_out": ["characters", "bert-attack"]},
    },
}

# Ranges that types can't say: (section, field, lowest, highest).
_RANGES: tuple[tuple[str, str, float, float], ...] = (
    ("teacher", "epochs", 1, 1000),
    ("teacher", "train_share", 1e-6, 1),
    ("teacher", "learning_rate", 1e-9, 1),
    ("teacher", "batch_size", 1, 100_000),
    ("teacher", "max_length", 4, 100_000),
    ("space", "min_compression", 0, 1e6),
    ("encoding", "tolerances", 0, MAX_TOLERANCE),
    ("encoding", "max_clusters", 0, MAX_CLUSTER),
    ("distill", "learning_rate", 1e-9, 10),
    ("distill", "batch_size", 1, 100_000),
    ("distill", "temperature", 1e-3, 1e3),
    ("distill", "soft_weight", 0, 1),
    ("distill", "weight_decay", 0, 10),
    ("distill", "dropout", 0, 0.99),
    ("distill", "substitution", 0, 1),
    ("distill", "characters", 0, 1),
    ("distill", "adversarial_radius", 0, 100),
    ("distill", "adversarial_steps", 1, 1000),
    ("distill", "clean_weight", 0, 0.99),
    ("distill", "patience", 0, 100_000),
    ("distill", "matching_weight", 1e-9, 1e9),
    ("distill", "matching_share", 0, 1),
    ("distill", "augment_copies", 1, 1000),
    ("fitness", "robustness", 0, 1e6),
    ("fitness", "accuracy", 0, 1e6),
    ("fitness", "efficiency", 0, 1e6),
    ("fitness", "target_compression", 1.000001, 1e6),
    ("fitness", "min_accuracy", 0, 1),
    ("fitness", "shortfall", 0, 1e6),
    ("search", "candidates", 1, MOST_CANDIDATES),
    ("search", "minutes", 0, 1e7),
    ("search", "queries", 1, 1e15),
    ("search", "rungs", 1e-6, 1),
    ("search", "keep", 1, 1000),
    ("search", "population", 2, 1_000_000),
    ("search", "tournament", 1, 1_000_000),
    ("search", "crossover", 0, 1),
    ("search", "slots", 1, 100_000),
    ("search", "epochs", 1, 100_000),
    ("search", "train_share", 1e-6, 1),
    ("search", "attacked", 1, 10_000_000),
    ("search", "random_sample", 0, 10_000_000),
    ("final", "finalists", 1, 1000),
    ("final", "seeds", 1, 1000),
    ("final", "epochs", 1, 100_000),
    ("final", "train_share", 1e-6, 1),
    ("final", "attacked", 1, 10_000_000),
)
_CHOICES = (
    ("teacher", "precision", ("auto", "float32", "bf16")),
    ("distill", "precision", ("auto", "float32", "bf16")),
    ("distill", "loss", ("soft", "mse")),
    ("distill", "matching", ("none", "patient", "tinybert", "distilbert", "mobilebert", "last")),
    ("distill", "augment", ("none", "synonym", "masked_lm", "mask")),
    ("encoding", "lexicons", LEXICONS),
    ("distill", "substitution_choice", ("random", "first-order")),
    ("distill", "adversarial", ("none", "fgsm", "pgd", "freelb")),
    ("search", "strategy", ("rosearch", "nsga2", "random", "local", "surrogate")),
)


def make_config(
    preset: str = "quick",
    file: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> RunConfig:
    """A preset, a TOML file over it, and single settings over both.

    Args:
        overrides: nested mapping, such as `{"search": {"candidates": 10}}`.

    Raises:
        UserError: an unknown preset, or a field that is unknown or out of range.
    """
    if preset not in PRESETS:
        raise UserError(f"no preset {preset!r}; the presets are {', '.join(PRESETS)}")
    data = merged(merged({}, PRESETS[preset]), read_toml(file) if file else {})
    return from_dict(merged(data, overrides or {}))


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as nested mappings.

    Raises:
        UserError: the file can't be read or is no TOML.
    """
    try:
        return _renamed(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(f"cannot read the config {path}: {error.strerror}") from None
    except ValueError as error:
        raise UserError(f"{path} is not valid TOML: {error}") from None


def from_dict(data: Mapping[str, Any]) -> RunConfig:
    """The config of nested mappings, missing fields at their defaults.

    Raises:
        UserError: naming the first field that is unknown, of a wrong type or out of range.
    """
    try:
        config = _ADAPTER.validate_python(_renamed(data))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            raise UserError(f"config: there is no setting {name!r}; see the README") from None
        raise UserError(f"config: {name}: {first['msg']} (found {first['input']!r})") from None
    _check_ranges(config)
    _check_rungs(config.search.rungs)
    _check_device(config.distill.device)
    if config.search.inherit and len(config.search.rungs) < 2:
        raise UserError(
            "config: search.inherit needs several search.rungs, such as [0.12, 1], "
            f"found {list(config.search.rungs)}"
        )
    return config


def _renamed(data: Mapping[str, Any]) -> dict[str, Any]:
    """Settings under their present names: before there were rungs, `slots` was called `lag`."""
    search = data.get("search")
    if not isinstance(search, Mapping) or "lag" not in search:
        return dict(data)
    others = {name: value for name, value in search.items() if name != "lag"}
    return {**data, "search": {"slots": search["lag"], "rungs": [1.0], **others}}


def to_dict(config: RunConfig) -> dict[str, Any]:
    """Nested JSON- and TOML-ready mappings; settings that are None are left out."""
    plain: dict[str, Any] = _ADAPTER.dump_python(config, mode="json", exclude_none=True)
    return plain


def to_toml(config: RunConfig) -> str:
    """TOML text that `make_config` reads back."""
    import tomli_w

    return tomli_w.dumps(to_dict(config))


def codings_of(config: RunConfig) -> tuple[Encoding, ...]:
    """The encodings that students of a run may have, with their genes.

    Raises:
        UserError: an unknown encoding.
    """
    names = config.space.encodings
    return tuple(e for name in names for e in ENCODINGS[name].offered(config.encoding))


def setting(text: str) -> dict[str, Any]:
    """`section.name=value` as a nested mapping; the value is read as TOML, else taken as text.

    Raises:
        UserError: not of that form.
    """
    name, equals, value = text.partition("=")
    keys = name.strip().split(".")
    if not equals or not all(keys):
        raise UserError(f"--set {text!r}: expected SECTION.NAME=VALUE, such as search.epochs=4")
    try:
        nested: Any = tomllib.loads(f"value = {value}")["value"]
    except ValueError:
        nested = value.strip()
    for key in reversed(keys):
        nested = {key: nested}
    return dict(nested)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid over `base`, mappings merged in depth; neither is changed."""
    out = dict(base)
    for key, value in over.items():
        old = out.get(key)
        both = isinstance(value, Mapping) and isinstance(old, Mapping)
        out[key] = merged(old, value) if both else value  # type: ignore[arg-type]
    return out


def _check_ranges(config: RunConfig) -> None:
    for section, name, lowest, highest in _RANGES:
        for value in _values(config, section, name):
            if not lowest <= value <= highest:  # also refuses NaN
                raise UserError(
                    f"config: {section}.{name}: expected {lowest:g} to {highest:g}, found {value}"
                )
    for section, name, allowed in _CHOICES:
        for value in _values(config, section, name):
            if value not in allowed:
                raise UserError(
                    f"config: {section}.{name}: expected one of {', '.join(allowed)}, "
                    f"found {value!r}"
                )


def _check_device(device: str) -> None:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise UserError(
            f"config: distill.device: expected auto, cpu, cuda or cuda:N, found {device!r}"
        )


def _check_rungs(rungs: tuple[float, ...]) -> None:
    if list(rungs) != sorted(rungs) or rungs[-1] != 1:
        raise UserError(
            "config: search.rungs: expected shares that grow and end with 1, such as "
            f"[0.12, 1], found {list(rungs)}"
        )


def _values(config: RunConfig, section: str, name: str) -> tuple[Any, ...]:
    """A setting's value, or the values of a list; one of each; nothing of what is not set.

    Raises:
        UserError: an empty list, or a value that stands twice.
    """
    value = getattr(getattr(config, section), name)
    if value is None:
        return ()
    if not isinstance(value, tuple):
        return (value,)
    if not value or len(set(value)) < len(value):
        raise UserError(
            f"config: {section}.{name}: expected one or more different values, found {list(value)}"
        )
    return value


_ADAPTER = TypeAdapter(RunConfig)

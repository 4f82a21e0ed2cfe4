"""The sections of a configuration, one for each stage: what every setting means, is and may be."""

# Annotations are values here, not texts: reading them is part of the command line's start.
from dataclasses import dataclass, field
from typing import Annotated, Literal

from rosearch.config.names import names
from rosearch.config.setting import Setting
from rosearch.config.student_sections import (
    DEVICE,
    LEAST,
    DistillConfig,
    EncodingConfig,
    Precision,
    SpaceConfig,
)

MOST_CANDIDATES = 10_000_000
Share = Setting("Share of the train split; less than 1 only to try things out.", ge=LEAST, le=1)


@dataclass(frozen=True)
class TaskConfig:
    """Which data: a built-in name or hub id, or files."""

    name: Annotated[str, Setting("mr, bbc_news, or a Hugging Face data set id (id:config).")] = "mr"
    train: Annotated[
        str | None,
        Setting(
            "Your own data: CSV, TSV, JSONL, JSON, Parquet, Arrow or Excel.",
            unset="the data of task.name",
        ),
    ] = None
    validation: Annotated[
        str | None, Setting("Validation file.", unset="10 % of the train file")
    ] = None
    test: Annotated[str | None, Setting("Test file.", unset="10 % of the train file")] = None
    unlabelled: Annotated[
        str | None,
        Setting(
            "File of further texts without labels, in columns as the train file's: the teacher "
            "labels them, and students learn from them, too.",
            unset="none",
        ),
    ] = None
    text_column: Annotated[str, Setting("Column with the text.")] = "text"
    text_pair_column: Annotated[
        str | None,
        Setting(
            "Column with the second text, where texts come in pairs; attacks change only it.",
            unset="single texts",
        ),
    ] = None
    label_column: Annotated[str, Setting("Column with the label.")] = "label"
    delimiter: Annotated[
        str | None,
        Setting(
            "What separates the fields of a CSV: one character, or tab.",
            unset="what its header has",
        ),
    ] = None
    encoding: Annotated[
        str | None,
        Setting("Encoding of text files, such as cp1252, latin-1 or utf-16.", unset="UTF-8"),
    ] = None
    repeated: Annotated[
        Literal["keep"] | None,
        Setting(
            "keep leaves texts in the validation and test split that the train split has, too.",
            unset="they are left out there",
        ),
    ] = None
    max_words: Annotated[
        int | None,
        Setting(
            "Every text, or each of a pair, is cut after so many words for all models and attacks.",
            ge=1,
            unset="whole texts",
        ),
    ] = None
    label_map: Annotated[
        str | None,
        Setting(
            "What models call the labels: MODEL=TASK,... or a JSON object.",
            unset="by the same names, but for case, spaces and separators",
        ),
    ] = None


@dataclass(frozen=True)
class TeacherConfig:
    """Which teacher, and how it is fine-tuned."""

    name: Annotated[str, Setting("minilm, a Hugging Face id, or a folder.")] = "minilm"
    fine_tune: Annotated[
        bool,
        Setting("Fine-tune the teacher, or use it as it is, already trained on the task."),
    ] = True
    weak: Annotated[
        Literal["keep"] | None,
        Setting(
            "keep goes on with a teacher that is no better than a constant guess.",
            unset="such a teacher ends the run before it begins",
        ),
    ] = None
    epochs: Annotated[int, Setting("Passes over the train split.", ge=1, le=1000)] = 3
    train_share: Annotated[float, Share] = 1.0
    learning_rate: Annotated[
        float, Setting("Highest learning rate of the schedule.", ge=1e-9, le=1)
    ] = 1e-4
    batch_size: Annotated[int, Setting("Texts of a step.", ge=1, le=100_000)] = 32
    max_length: Annotated[
        int, Setting("Most tokens of a text; the rest is cut off.", ge=4, le=100_000)
    ] = 128
    precision: Annotated[
        Precision,
        Setting("Of the training: auto is bf16 where the processor has it, else float32."),
    ] = "auto"
    sampling: Annotated[
        Literal["balanced", "plain"],
        Setting(
            "Which texts an epoch has: balanced draws all labels equally often, where one has 1.5 "
            "times the texts of another or more (no text more than 20 times); plain has each once."
        ),
    ] = "balanced"
    device: Annotated[
        str,
        Setting(
            "Where the teacher is fine-tuned and asked: auto is the accelerator if there is one.",
            pattern=DEVICE,
            form="auto, cpu, cuda or cuda:N",
        ),
    ] = "auto"


@dataclass(frozen=True)
class FitnessConfig:
    """What makes one student better than another: the weights of its merits."""

    robustness: Annotated[float, Setting("Weight of after-attack accuracy.", ge=0, le=1e6)] = 1.0
    accuracy: Annotated[float, Setting("Weight of clean accuracy.", ge=0, le=1e6)] = 1.0
    efficiency: Annotated[float, Setting("Weight of compression.", ge=0, le=1e6)] = 1.0
    target_compression: Annotated[
        float, Setting("Compression at which efficiency reaches 1.", ge=1.000001, le=1e6)
    ] = 6.5
    min_accuracy: Annotated[
        float,
        Setting("Share of the plain reference's accuracy that a student should have.", ge=0, le=1),
    ] = 1.0
    shortfall: Annotated[
        float,
        Setting(
            "How many times an accuracy below that share is charged; 0 charges nothing.",
            ge=0,
            le=1e6,
        ),
    ] = 4.0
    floor: Annotated[
        float,
        Setting(
            "Share of the teacher's accuracy below which nobody would ship a student: the volume "
            "of a front counts from there, and the finalist robust is not below it.",
            ge=0,
            le=1,
        ),
    ] = 0.82
    metric: Annotated[
        Literal["balanced", "accuracy"],
        Setting(
            "What accuracy is, before and after attacks: balanced is the mean over the labels, so "
            "that rare ones count as much as common ones; accuracy the mean over the texts."
        ),
    ] = "balanced"
    over_suites: Annotated[
        Literal["worst", "mean"],
        Setting("How after-attack accuracies under several attack suites become one."),
    ] = "worst"


@dataclass(frozen=True)
class SearchConfig:
    """The search, its budget, and how much work its evaluations are.

    It ends when the first of `candidates`, `minutes` and `queries` is used up. `epochs`,
    `train_share`, `attacked`, `attack` and `max_queries` are those of the last rung.
    """

    strategy: Annotated[
        str, Setting("Where new candidates come from.", choices=names("strategy"))
    ] = "surrogate"
    objectives: Annotated[
        tuple[str, ...],
        Setting(
            "What is optimised, two to five: robustness, accuracy, params, flops, latency_ms, one "
            "of several attack suites, or what a plugin brings.",
            distinct=True,
        ),
    ] = ("robustness", "accuracy", "params")
    candidates: Annotated[
        int, Setting("Most architectures to evaluate.", ge=1, le=MOST_CANDIDATES)
    ] = 64
    minutes: Annotated[
        float | None, Setting("Most minutes to search.", ge=LEAST, le=1e7, unset="no limit")
    ] = None
    queries: Annotated[
        int | None,
        Setting("Most queries of attacks to students.", ge=1, le=10**15, unset="no limit"),
    ] = None
    rungs: Annotated[
        tuple[float, ...],
        Setting(
            "Shares of the full training after which candidates are compared: they grow and end "
            "with 1. [1] trains all candidates fully.",
            ge=LEAST,
            le=1,
            distinct=True,
        ),
    ] = (0.12, 1.0)
    keep: Annotated[
        float, Setting("Of the candidates of a rung the best 1 / keep move on.", ge=1, le=1000)
    ] = 4.0
    population: Annotated[
        int, Setting("Candidates that evolution chooses parents from.", ge=2, le=1_000_000)
    ] = 16
    tournament: Annotated[
        int,
        Setting("Candidates drawn from it, the best of which is a parent.", ge=1, le=1_000_000),
    ] = 4
    crossover: Annotated[
        float, Setting("Share of the children that have two parents.", ge=0, le=1)
    ] = 0.2
    slots: Annotated[
        int,
        Setting(
            "Candidates that may be under way at once; more workers than this stay idle.",
            ge=1,
            le=100_000,
        ),
    ] = 8
    epochs: Annotated[int, Setting("Passes over the train split.", ge=1, le=100_000)] = 3
    train_share: Annotated[float, Share] = 1.0
    attacked: Annotated[int, Setting("Validation texts to attack.", ge=1, le=10_000_000)] = 200
    attack: Annotated[
        str | tuple[str, ...],
        Setting("Attack or suite inside the fitness, or a list of several.", distinct=True),
    ] = "wordnet"
    max_queries: Annotated[
        int | None, Setting("Query budget per text.", ge=1, unset="no limit")
    ] = None
    first_attack: Annotated[
        str | None,
        Setting(
            "Attack of the first rung, where there are several; fgsm, on the embeddings, is "
            "cheaper and ranks students worse.",
            unset="that of attack",
        ),
    ] = None
    inherit: Annotated[
        bool,
        Setting(
            "A candidate starts from the weights that its parent had after the first rung, "
            "wherever node and shape match; finalists never do. They are kept in the run folder, "
            "some 6 MB a candidate."
        ),
    ] = False
    warm_start: Annotated[
        tuple[str, ...],
        Setting(
            "Earlier runs whose best candidates come first, in the nearest sizes and encodings "
            "that the space has; the config.toml of the run holds them as genotypes in JSON.",
            distinct=True,
            unset="the search starts from the built-in presets",
        ),
    ] = ()
    race: Annotated[
        float,
        Setting(
            "Work after the search, as a share of it, that students near the front are measured "
            "better by: on more validation texts, and trained with another seed; 0 is none.",
            ge=0,
            le=100,
        ),
    ] = 0.2
    random_sample: Annotated[
        int,
        Setting(
            "Further architectures, drawn at random and evaluated for the statistics only.",
            ge=0,
            le=10_000_000,
        ),
    ] = 0

    @property
    def suites(self) -> tuple[str, ...]:
        """The attack suites, be they one or several."""
        return (self.attack,) if isinstance(self.attack, str) else self.attack


@dataclass(frozen=True)
class FinalConfig:
    """The final evaluation on the test split."""

    finalists: Annotated[
        int,
        Setting(
            "Architectures retrained from scratch: balanced, accurate and robust, in this order, "
            "then the next by fitness.",
            ge=1,
            le=1000,
        ),
    ] = 3
    seeds: Annotated[
        int, Setting("Trainings of each finalist and of the reference.", ge=1, le=1000)
    ] = 3
    epochs: Annotated[int, Setting("Passes over the train split.", ge=1, le=100_000)] = 6
    train_share: Annotated[float, Share] = 1.0
    attacked: Annotated[int, Setting("Test texts to attack.", ge=1, le=10_000_000)] = 500
    held_out: Annotated[
        tuple[str, ...],
        Setting("Attacks of the final evaluation only, never of search or training.", unset="none"),
    ] = ("encoder", "characters")


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run's outcome."""

    seed: Annotated[int, Setting("Seed of everything random.", ge=0)] = 0
    plugins: Annotated[
        tuple[str, ...],
        Setting(
            "Modules of your own, by name or as .py files, that are imported before all else, in "
            "workers and by what reads the run, too.",
            unset="none",
        ),
    ] = ()
    task: TaskConfig = field(default_factory=TaskConfig)
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    space: SpaceConfig = field(default_factory=SpaceConfig)
    encoding: EncodingConfig = field(default_factory=EncodingConfig)
    distill: DistillConfig = field(default_factory=DistillConfig)
    fitness: FitnessConfig = field(default_factory=FitnessConfig)
    search: SearchConfig = field(default_factory=SearchConfig)
    final: FinalConfig = field(default_factory=FinalConfig)

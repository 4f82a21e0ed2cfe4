"""The sections of a configuration, one for each stage: what every setting means, is and may be."""

# Annotations are values here, not texts: reading them is part of the command line's start.
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from rosearch.config.names import names
from rosearch.config.setting import Setting
from rosearch.encodings.synonym import MAX_CLUSTER, MAX_TOLERANCE, clustering_lexicons
from rosearch.space.genes import EMBEDDING_DIMS, MAX_NODES, MAX_REPEAT, WIDTHS
from rosearch.space.mechanisms import mechanism_names

MOST_CANDIDATES = 10_000_000
LEAST = 1e-6  # of shares that may not be 0
Precision = Literal["auto", "float32", "bf16"]
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


@dataclass(frozen=True)
class SpaceConfig:
    """Which students may be sampled: docs/space.md says what the genes mean."""

    ops: Annotated[
        tuple[str, ...],
        Setting("Operations of the nodes.", choices=names("operation"), unset="all"),
    ] = ()
    widths: Annotated[tuple[int, ...], Setting("Widths of the cells.", choices=WIDTHS)] = (
        64, 96, 128, 160, 192, 256,
    )  # fmt: skip
    embedding_dims: Annotated[
        tuple[int, ...],
        Setting("Dimensions of the token embedding.", choices=EMBEDDING_DIMS),
    ] = (32, 48, 64, 96, 128)
    encodings: Annotated[
        tuple[str, ...], Setting("How students read texts.", choices=names("encoding"))
    ] = ("plain", "synonym")
    defences: Annotated[
        tuple[str, ...],
        Setting(
            "What students may have beside their architecture: a reading of texts before their "
            "tokens, votes of their words, or an "
            "inference-time defence. With none, it is the architecture alone that is searched.",
            choices=mechanism_names,
            unset="none",
        ),
    ] = ()
    max_nodes: Annotated[int, Setting("Most nodes of a cell.", ge=1, le=MAX_NODES)] = 6
    max_repeat: Annotated[int, Setting("Most cells in a row.", ge=1, le=MAX_REPEAT)] = 3
    min_compression: Annotated[
        float,
        Setting(
            "A student has at most 1 / min_compression of the teacher's parameters.", ge=0, le=1e6
        ),
    ] = 5.0
    max_params: Annotated[
        int | None,
        Setting(
            "Most parameters of a student.",
            ge=1,
            unset="what min_compression allows, usually a fifth of the teacher's",
        ),
    ] = None
    max_flops: Annotated[
        int | None,
        Setting("Most FLOPs of a student for one text of 32 tokens.", ge=1, unset="no limit"),
    ] = None
    max_latency_ms: Annotated[
        float | None,
        Setting(
            "Most milliseconds for one text of 32 tokens on one thread of this machine, as "
            "estimated from parts that are measured when the run starts.",
            ge=0,
            unset="no limit",
        ),
    ] = None


@dataclass(frozen=True)
class EncodingConfig:
    """What the genes of the synonym encoding may be.

    Every combination is prepared before the search and held in memory by each worker: rows of the
    embedding x the largest of `space.embedding_dims` x 4 bytes, or some 8 to 15 MB apiece.
    """

    lexicons: Annotated[
        tuple[str, ...],
        Setting(
            "Whose substitutions make the synonym graph; an encoding takes any of them.",
            choices=clustering_lexicons,
            distinct=True,
        ),
    ] = ("wordnet",)
    tolerances: Annotated[
        tuple[float, ...],
        Setting(
            "How different in meaning for the task two words of a cluster may be; 0 merges "
            "nothing but words without any evidence, larger is more robust and less accurate.",
            ge=0,
            le=MAX_TOLERANCE,
            distinct=True,
        ),
    ] = (0.005, 0.015, 0.05)
    max_clusters: Annotated[
        tuple[int, ...],
        Setting("Most words of a cluster; 0 means no cap.", ge=0, le=MAX_CLUSTER, distinct=True),
    ] = (0,)
    trim: Annotated[
        bool,
        Setting(
            "Leave out embedding rows of word pieces that neither the train split nor the "
            "substitutions of its words have; such pieces are then read as [UNK]."
        ),
    ] = False


@dataclass(frozen=True)
class DistillConfig:
    """How a student is trained."""

    learning_rate: Annotated[
        float, Setting("Highest learning rate of the schedule.", ge=1e-9, le=10)
    ] = 2e-3
    batch_size: Annotated[int, Setting("Texts of a step.", ge=1, le=100_000)] = 32
    patience: Annotated[
        int,
        Setting(
            "Epochs without a lower loss on the validation split before training stops, with the "
            "best epoch's weights; 0 never stops early.",
            ge=0,
            le=100_000,
        ),
    ] = 0
    precision: Annotated[
        Precision,
        Setting("Of the training: auto is bf16 where the device computes in it, else float32."),
    ] = "auto"
    device: Annotated[
        str,
        Setting(
            "Where students are trained and attacked: auto is the accelerator if there is one, "
            "which all workers share. Latency is always measured on the CPU.",
            pattern=r"auto|cpu|cuda(:\d+)?",
            form="auto, cpu, cuda or cuda:N",
        ),
    ] = "auto"
    loss: Annotated[
        Literal["soft", "mse"],
        Setting("Of the logits: soft targets (Hinton et al. 2015) or mse (Tang et al. 2019)."),
    ] = "soft"
    matching: Annotated[
        str,
        Setting(
            "Which states and attention maps of the student are matched with the teacher's; all "
            "but patient need the plain encoding.",
            choices=names("matching"),
        ),
    ] = "none"
    matching_weight: Annotated[
        float,
        Setting("Of the matching, the loss of the logits having weight 1.", ge=1e-9, le=1e9),
    ] = 1.0
    matching_share: Annotated[
        float,
        Setting(
            "Share of the steps, at the start, in which layers are matched and nothing else; they "
            "are left alone afterwards. 0 matches throughout, beside the logits.",
            ge=0,
            le=1,
        ),
    ] = 0.0
    augment: Annotated[
        str, Setting("Copies of the train texts beside them.", choices=names("augmentation"))
    ] = "none"
    augment_copies: Annotated[int, Setting("Copies of each text.", ge=1, le=1000)] = 1
    temperature: Annotated[float, Setting("Of the soft targets.", ge=1e-3, le=1e3)] = 2.0
    soft_weight: Annotated[
        float, Setting("Weight of the soft targets; the hard labels get the rest.", ge=0, le=1)
    ] = 0.7
    sampling: Annotated[
        Literal["balanced", "plain"],
        Setting(
            "Which texts an epoch has: balanced draws all labels equally often, where one has 1.5 "
            "times the texts of another or more (no text more than 20 times); plain has each once."
        ),
    ] = "balanced"
    weight_decay: Annotated[float, Setting("Of AdamW.", ge=0, le=10)] = 0.01
    dropout: Annotated[float, Setting("Share of the values set to 0.", ge=0, le=0.99)] = 0.1
    substitution: Annotated[
        float,
        Setting(
            "Share of the words that are replaced by a substitution of the encoding's lexicons in "
            "every batch, the teacher's clean output staying the target.",
            ge=0,
            le=1,
        ),
    ] = 0.3
    substitution_choice: Annotated[
        Literal["random", "first-order"],
        Setting("Which one: first-order raises the loss most, by its gradient."),
    ] = "random"
    characters: Annotated[
        float, Setting("Share of the words that are misspelt in every batch.", ge=0, le=1)
    ] = 0.0
    adversarial: Annotated[
        str,
        Setting(
            "Training against changes of the embeddings, after the noise above.",
            choices=names("adversarial training"),
        ),
    ] = "none"
    adversarial_radius: Annotated[
        float | None,
        Setting(
            "How far embeddings may move, in units of the embedding scale: each token's under "
            "fgsm, all of a text together under pgd and freelb.",
            ge=0,
            le=100,
            unset="0.02 under fgsm, else 0.1",
        ),
    ] = None
    adversarial_steps: Annotated[
        int, Setting("Gradient steps of pgd and freelb.", ge=1, le=1000)
    ] = 3
    clean_weight: Annotated[
        float,
        Setting(
            "Weight of the loss on the clean text beside that on the perturbed one; 0 stands for "
            "0.3 where words that vote take their worst substitutes.",
            ge=0,
            le=0.99,
        ),
    ] = 0.0
    defences: Annotated[
        tuple[str, ...],
        Setting("Further defences, of plugins.", choices=names("defence"), unset="none"),
    ] = ()

    def plain(self) -> "DistillConfig":
        """Without robust distillation: the paper's architecture-only mode."""
        off = replace(self, substitution=0.0, characters=0.0, adversarial="none")
        return replace(off, defences=())


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
        float, Setting("Share of the teacher's accuracy that a student should keep.", ge=0, le=1)
    ] = 0.9
    shortfall: Annotated[
        float,
        Setting(
            "How many times an accuracy below that share is charged; 0 charges nothing.",
            ge=0,
            le=1e6,
        ),
    ] = 4.0
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
        float | None, Setting("Most minutes to search.", ge=0, le=1e7, unset="no limit")
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

    finalists: Annotated[int, Setting("Architectures retrained from scratch.", ge=1, le=1000)] = 3
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

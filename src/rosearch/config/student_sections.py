"""The sections that say which students there are and how they are trained."""

# Annotations are values here, not texts: reading them is part of the command line's start.
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from rosearch.config.names import names
from rosearch.config.setting import Setting
from rosearch.encodings.synonym import MAX_CLUSTER, MAX_TOLERANCE, clustering_lexicons
from rosearch.space.genes import EMBEDDING_DIMS, MAX_NODES, MAX_REPEAT, WIDTHS
from rosearch.space.mechanisms import mechanism_names

LEAST = 1e-6  # of shares that may not be 0
Precision = Literal["auto", "float32", "bf16"]
DEVICE = r"auto|cpu|cuda(:\d+)?"  # what names a device, as a pattern


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
            pattern=DEVICE,
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
    phrases: Annotated[
        int,
        Setting(
            "Phrases cut out of each text, up to eight words each, that the teacher labels and "
            "votes of words are trained on beside the texts.",
            ge=0,
            le=100,
        ),
    ] = 0
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
    lexicons: Annotated[
        tuple[str, ...],
        Setting(
            "Whose substitutions training knows besides those of the encoding's lexicons.",
            choices=clustering_lexicons,
            distinct=True,
            unset="none",
        ),
    ] = ()
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
        return replace(off, lexicons=(), defences=())

"""The classic recipes of the literature: a student, its loss and its training, scaled to the task.

Torch-free. A recipe is nothing but changes to `DistillConfig`, so that all of them train in the
same loop and are evaluated under the same protocol. What all have in common departs from the
papers: no pre-training on a general corpus, no start from the teacher's layers (a student's layer
norm stands before the operation, BERT's after it), the embedding starts from the principal
components of the teacher's, AdamW with one cosine over all stages, and the number of epochs is that
of the comparison.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from rosearch.config import PRESET_NAMES, DistillConfig, RunConfig, make_config
from rosearch.errors import UserError
from rosearch.space.genotype import Genotype
from rosearch.types import Json

DEFAULTS = DistillConfig()


@dataclass(frozen=True)
class Recipe:
    """One way to train a student.

    Attributes:
        preset: the student that it was published with, or the preset nearest to it.
        source: paper, and where in it.
        what: the loss, in words.
        departures: from the paper, besides those that all recipes share.
        settings: of `DistillConfig`; the others stay at their defaults.
        plain: whether it is nothing but the student that another recipe is measured against.
    """

    name: str
    preset: str
    source: str
    what: str
    departures: str = ""
    settings: Json = field(default_factory=dict)
    plain: bool = False

    def distill(self, base: DistillConfig = DEFAULTS) -> DistillConfig:
        """The training, without any robust one but the recipe's own.

        Args:
            base: its device and precision are kept: where a student is trained, not how.
        """
        return replace(_where(base), **{"substitution": 0.0, **self.settings})


def _where(base: DistillConfig, how: DistillConfig = DEFAULTS) -> DistillConfig:
    """The default training, or any, on the device and in the precision of another."""
    return replace(how, device=base.device, precision=base.precision)


def plain_recipe(recipe: Recipe) -> Recipe:
    """The same student at the same learning rate, plainly distilled."""
    rate = {k: v for k, v in recipe.settings.items() if k == "learning_rate"}
    what = "soft targets at temperature 2, hard labels"
    source = "Hinton et al. 2015, section 2"
    return Recipe(f"plain {recipe.preset}", recipe.preset, source, what, "", rate, True)


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "hinton",
            "textcnn",
            "Hinton et al. 2015, section 2",
            "soft targets at temperature 4 with weight 0.9, hard labels",
            settings={"temperature": 4.0, "soft_weight": 0.9},
        ),
        Recipe(
            "bilstm",
            "bilstm",
            "Tang et al. 2019, sections 3.2 and 3.3",
            "mean squared error of logits, on texts augmented by masking words and cutting n-grams",
            "4 augmented copies of each text, not 20; no replacement by words of the same part of "
            "speech",
            {"loss": "mse", "soft_weight": 1.0, "augment": "mask", "augment_copies": 4},
        ),
        Recipe(
            "distilbert",
            "distilbert3",
            "Sanh et al. 2019, section 3",
            "soft targets at temperature 2 (weight 5), cosine of the last states (weight 1)",
            "hard labels (weight 2) where the paper has masked language modelling; 3 layers",
            {
                "temperature": 2.0,
                "soft_weight": 5 / 7,
                "matching": "distilbert",
                "matching_weight": 1 / 7,
                "learning_rate": 5e-4,
            },
        ),
        Recipe(
            "pkd",
            "distilbert3",
            "Sun et al. 2019, sections 3.1 and 3.2 (PKD-skip)",
            "soft targets at temperature 5, hard labels, normalised first-token states of layers",
            "a learned map between the states; 3 layers",
            {
                "temperature": 5.0,
                "soft_weight": 0.5,
                "matching": "patient",
                "matching_weight": 10.0,
                "learning_rate": 5e-4,
            },
        ),
        Recipe(
            "tinybert",
            "tinybert4",
            "Jiao et al. 2020, sections 3 and 4",
            "embeddings, states and attention maps first, then soft targets at temperature 1, on "
            "texts augmented by word replacement",
            "one augmented copy of each text, not 20; a map for each layer",
            {
                "temperature": 1.0,
                "soft_weight": 1.0,
                "matching": "tinybert",
                "matching_share": 0.5,
                "augment": "masked_lm",
                "augment_copies": 1,
                "learning_rate": 5e-4,
            },
        ),
        Recipe(
            "mobilebert",
            "mobilebert",
            "Sun et al. 2020, section 3.5",
            "states and attention maps of all layers first, then soft targets and hard labels",
            "all layers at once, not layer by layer; 24 layers learn from the teacher's 6",
            {
                "temperature": 1.0,
                "soft_weight": 0.5,
                "matching": "mobilebert",
                "matching_share": 0.5,
                "learning_rate": 1e-3,
            },
        ),
        Recipe(
            "xtremedistil",
            "bilstm",
            "Mukherjee and Awadallah 2020, section 4",
            "states of the teacher's last layer first, then logits and hard labels",
            "no unlabelled texts, no gradual unfreezing; both later stages at once",
            {
                "loss": "mse",
                "soft_weight": 0.5,
                "matching": "last",
                "matching_share": 0.3,
            },
        ),
        Recipe(
            "ard",
            "textcnn",
            "Goldblum et al. 2020, section 4",
            "soft targets of clean texts, matched under PGD on the embeddings",
            "3 steps of PGD on word embeddings, not 10 on pixels; temperature 4, not 30",
            {
                "temperature": 4.0,
                "soft_weight": 1.0,
                "adversarial": "pgd",
                "adversarial_steps": 3,
                "clean_weight": 0.0,
            },
        ),
    )
}


def find_recipe(name: str) -> Recipe:
    """The recipe of a name.

    Raises:
        UserError: there is none.
    """
    if name not in RECIPES:
        raise UserError(f"no recipe {name!r}; the recipes are {', '.join(RECIPES)}")
    return RECIPES[name]


def trained_by(recipe: Recipe, g: Genotype, config: RunConfig) -> RunConfig:
    """The configuration with a recipe's training of one student.

    Raises:
        UserError: the configuration has a training of its own, which is that of no preset.
    """
    given = _where(DEFAULTS, _plain(config.distill))
    if given not in (_plain(d) for d in (DEFAULTS, *map(_of_preset, PRESET_NAMES))):
        raise UserError(
            f"the recipe {recipe.name} says how its student is trained; of the settings distill.*, "
            "only device and precision can be set beside it"
        )
    dims = tuple(dict.fromkeys((*config.space.embedding_dims, g.embedding_dim)))
    space = replace(config.space, embedding_dims=dims, encodings=(g.encoding,))
    return replace(config, distill=recipe.distill(config.distill), space=space)


def left_aside(d: DistillConfig) -> str:
    """What of a preset's training no recipe has, in one line; empty where there is nothing."""
    own, plain = vars(_plain(d)), vars(_plain(_where(d)))
    found = ", ".join(f"distill.{name} = {own[name]}" for name in own if own[name] != plain[name])
    return found and f"note: recipes train as their papers do, without {found}"


def _plain(d: DistillConfig) -> DistillConfig:
    """The same training without phrases: these are of votes, which no recipe's student has."""
    return replace(d, phrases=0)


def _of_preset(name: str) -> DistillConfig:
    return make_config(name).distill

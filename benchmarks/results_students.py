"""Students beside those of a run: what one thing brings, other searches, recipes, and the points.

Those that are no finalists are distilled once and attacked by a few attacks. All is measured on the
test split, and nothing is chosen by it. Every step is kept in a folder and not done again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from results_search import call, read

from rosearch.baselines.recipes import RECIPES
from rosearch.space.genotype import PLAIN, Genotype
from rosearch.space.presets import PRESETS, preset
from rosearch.types import Json, Trial, wilson

FULL, CELL, ALONE = "as searched", "its cell and nothing else", "architecture-only"
PRESET, RECIPE = "best preset", "recipe "
FEW = ("wordnet", "thesaurus", "characters", "first-letter", "textfooler")
OF_POINTS = (
    *("wordnet", "textfooler-neighbours", "neighbours", "thesaurus", "first-letter", "two-edits"),
    *("phonetic", "characters", "splits", "repeats", "leet"),
)
CHEAP = ("final.attacked=2", "final.held_out=[]")  # `rosearch distill` attacks, too
OWN = "distill.lexicons=[]"  # training knows those of the encoding and no further ones
PAPER = ("distill.substitution=0", OWN)  # no more than an architecture
# Name of a row -> how the table calls it, the flags of its search, settings of its training.
FURTHER = {
    "random": ("best of a search by --strategy random", ("--strategy", "random"), ()),
    ALONE: (f"{ALONE}: best of a search by --preset paper", ("--preset", "paper"), PAPER),
}


@dataclass(frozen=True)
class Variant:
    """A student to distil.

    Attributes:
        what: a genotype, or the name of a preset.
        settings: `SECTION.NAME=VALUE` of its training.
        recipe: of the literature, in place of the default training.
    """

    name: str
    what: Genotype | str
    settings: tuple[str, ...] = ()
    recipe: str | None = None


def ablation(g: Genotype) -> list[Variant]:
    """A genotype, the same with one thing taken away each time, last all but its architecture."""
    found = [Variant(FULL, g)]
    if g.reading is not None:
        found.append(Variant("no reading", replace(g, reading=None)))
    if g.votes is not None:
        alone = replace(g, coding=PLAIN, votes=None)
        found.append(Variant("no votes: its cell, plain encoding", alone))
        found.append(Variant("no phrases", g, ("distill.phrases=0",)))
        found.append(Variant("no further lexicons in training", g, (OWN,)))
        if g.votes.share:
            easy = replace(g, votes=replace(g.votes, share=0.0))
            found.append(Variant("no worst-case training", easy))
    elif g.coding != PLAIN:
        found.append(Variant("plain encoding", replace(g, coding=PLAIN)))
    if g.defence is not None:
        found.append(Variant("no inference-time defence", replace(g, defence=None)))
    bare = replace(g, coding=PLAIN, votes=None, reading=None, defence=None)
    return [*found, Variant(CELL, bare, PAPER)]


def best_preset(trials: Iterable[Trial]) -> Variant:
    """The fittest candidate with a preset's cell and votes, in the sizes that its space has."""
    names = {_shape(preset(name)): name for name in reversed(PRESETS)}
    found = [t for t in trials if t.score is not None and _shape(t.candidate.genotype) in names]
    if not found:
        raise SystemExit("no candidate of this run is a preset: leave out the row best-preset")
    best = max(found, key=lambda t: t.score.fitness if t.score else 0.0).candidate.genotype
    return Variant(f"{PRESET}, {names[_shape(best)]}", best)


def _shape(g: Genotype) -> object:
    return g.nodes, g.pooling, g.repeat, g.shared, g.coding.name, g.votes, g.defence


def recipes() -> list[Variant]:
    """The recipes of the literature, each with its student."""
    return [
        Variant(f"{RECIPE}{r.name}, {r.preset}", r.preset, recipe=r.name) for r in RECIPES.values()
    ]


def distilled(variant: Variant, folder: Path, flags: Sequence[str]) -> Path:
    """The student of a variant, in a folder of its own; `entry.json` beside it says what it is."""
    place = folder / "".join(c if c.isalnum() else "-" for c in variant.name)
    place.mkdir(parents=True, exist_ok=True)
    what = variant.what
    if isinstance(what, Genotype):
        (place / "genotype.json").write_text(what.to_json(), encoding="utf-8")
        what = str(place / "genotype.json")
    if not (entry := place / "entry.json").exists():
        shutil.rmtree(place / "model", ignore_errors=True)  # of a training that was stopped
        more = ["--recipe", variant.recipe] if variant.recipe else []
        more += [word for one in (*CHEAP, *variant.settings) for word in ("--set", one)]
        told = call("distill", what, *flags, *more, "--json", "--out", place / "model")
        entry.write_text(told, encoding="utf-8")
    return place / "model"


def attacked(
    model: Path, out: Path, n: int, names: Sequence[str], neighbours: Path | None, flags: list[str]
) -> Json:
    """What a student keeps after some rows of the protocol, as shipped; kept in `out`.

    Args:
        neighbours: file of the rows of neighbours; without it they are left out.

    Returns:
        name of a row, and `all` of them at once, -> its outcome.
    """
    spelt = {name: name.replace("-neighbours", f":{neighbours}") for name in names}
    spelt |= {"neighbours": f"neighbours:{neighbours}"} if "neighbours" in spelt else {}
    spelt = {k: v for k, v in spelt.items() if neighbours is not None or "neighbours" not in k}
    if not out.exists():
        more: list[object] = [word for one in spelt.values() for word in ("--attack", one)]
        more += ["--n", n, "--no-similarity", "--json", "--jsonl", out.with_suffix(".jsonl")]
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(call("attack", model, *flags, *more), encoding="utf-8")
    found = read(out)["attacks"]
    return {name: found[key] for name, key in [*spelt.items(), ("all", "all")]}


def small(variants: Iterable[Variant], work: Path, n: int, flags: list[str]) -> list[Json]:
    """Rows of a table of students: size, clean, and after a few attacks."""
    rows = []
    for variant in variants:
        model = distilled(variant, work / "students", flags)
        entry = read(model.parent / "entry.json")
        after = attacked(model, model.parent / f"attacked-{n}.json", n, FEW, None, flags)
        rows.append(
            {"name": variant.name, "settings": variant.settings, "n": n}
            | {key: entry[key] for key in ("params", "clean", "clean_interval", "balanced_clean")}
            | {"after": {name: mean_of([one], n) for name, one in after.items()}}
        )
    return rows


def points(
    run: Path, summary: Json, work: Path, n: int, neighbours: Path | None, flags: list[str]
) -> list[Json]:
    """Finalists and reference after the attacks that goals were set for, all training seeds."""
    found = []
    for entry in (summary["reference"], *summary["finalists"]):
        every = []
        others = sorted((run / "seeds").glob(f"{entry['id']}-*"))
        for model in (run / "students" / entry["id"], *others):
            out = work / "points" / f"{model.name}-{n}.json"
            every.append(attacked(model, out, n, OF_POINTS, neighbours, flags))
        after = {name: mean_of([one[name] for one in every], n) for name in every[0]}
        found.append({"id": entry["id"], "n": n, "after": after})
    return found


def mean_of(seeds: Sequence[Mapping[str, Any]], n: int) -> Json:
    """The mean over training seeds, with its 95 % interval over texts."""
    shares = [one["after_attack"] for one in seeds]
    mean = sum(shares) / len(shares)
    interval = wilson(mean * n, n)
    balanced = sum(one["balanced_after_attack"] for one in seeds) / len(seeds)
    return {
        "after_attack": round(mean, 4),
        "interval": [round(interval.low, 4), round(interval.high, 4)],
        "balanced_after_attack": round(balanced, 4),
        "by_seed": shares,
    }

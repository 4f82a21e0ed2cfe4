"""Tables of one task for docs/results.md, made of its file in benchmarks/results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

BERT_BASE = 109_500_000  # parameters, by which the paper counts
MODELS = ("teacher", "reference", "best", "int8")
RARE = 0.25  # as a share of the test split
CAPPED = "-capped"
# What was aimed at: clean accuracy as a share of the teacher's, and after the search's attacks.
OF_TEACHER, AFTER_SEARCH = 0.97, 0.50
Found = dict[str, Any]  # a file of benchmarks/results, or a part of one


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def share(x: float, interval: Sequence[float] | None = None) -> str:
    """A share, with its interval."""
    return f"{x:.3f}" + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")


def once(task: Found) -> bool:
    """Whether the fittest candidate was distilled once, and met none of the search's attacks."""
    return bool(task["search"].get("finals") == "distil")


def finalist(task: Found) -> Found:
    """The best student as the search measured it: means over seeds."""
    return next(one for one in task["search"]["finalists"] if one["id"] == task["best"])


def entry(task: Found, model: str) -> Found:
    """A model as the search measured it; int8 is the best student."""
    return finalist(task) if model in ("best", "int8") else task["search"][model]


def row(task: Found, model: str, name: str) -> Found | None:
    """A row of the protocol, if it was carried out."""
    rows = task["protocol"].get(model, {}).get("rows", ())
    return next((one for one in rows if one["name"] == name), None)


def after(task: Found, model: str, name: str) -> float | None:
    """Share of the texts that survive a row."""
    found = row(task, model, name)
    return None if found is None else found["outcome"]["after_attack"]


def measured(task: Found) -> list[str]:
    """The models that the protocol measured."""
    return [model for model in MODELS if model in task["protocol"]]


def sizes(task: Found) -> str:
    """Each model: size, and what it is without an attack."""
    labels = [f"recall of {label}" for label in task["labels"]]
    header = ["model", "parameters", "smaller than the teacher", "than BERT-base", "clean"]
    header += ["balanced", "macro-F1", "calibration error", *labels]
    rows = []
    for model in measured(task):
        clean = task["protocol"][model]["clean"]
        params = task["protocol"][model].get("params") or entry(task, model)["params"]
        teacher = task["search"]["teacher"]["params"]
        cells = [model, f"{params:,}", f"{teacher / params:.1f}x", f"{BERT_BASE / params:.1f}x"]
        cells += [share(clean["accuracy"], clean["interval"]), share(clean["balanced_clean"])]
        cells += [share(clean["macro_f1"]), share(clean["calibration_error"])]
        cells += [share(one["recall"], one["interval"]) for one in clean["classes"]]
        rows.append(cells)
    return table(header, rows)


def names(task: Found) -> list[str]:
    """The rows of any model, in the order of the protocol."""
    every = [one["name"] for m in measured(task) for one in task["protocol"][m]["rows"]]
    longest = max((task["protocol"][m]["rows"] for m in measured(task)), key=len)
    first = [one["name"] for one in longest]
    return [*first, *dict.fromkeys(name for name in every if name not in first)]


def standing(task: Found, name: str) -> str:
    """What a row is to the best student."""
    found = row(task, "best", name)
    if found is None:
        return "not carried out"
    return found["standing"] + ", adaptive" * found["adaptive"]


def outcome(found: Found, label: int | None) -> Found:
    """Of a row: what survives, or the recall of a label."""
    one: Found = found["outcome"]
    return one if label is None else one["attacked_classes"][label]


def sample(task: Found, model: str) -> str:
    """How many texts were attacked, and how many trainings of a model."""
    n, seeds = (task["protocol"][model].get(key, 1) for key in ("n", "training_seeds"))
    return f"n = {n}{f', {seeds} seeds' if seeds > 1 else ''}"


def attacks(task: Found) -> str:
    """Each row of the protocol: what survives, and the recall of a rare label."""
    header, columns, label = ["attack", "to the best student"], [], rare(task)
    for which in (None,) if label is None else (None, label):
        for model in measured(task):
            what = "" if which is None else f", recall of {task['labels'][which]}"
            header.append(f"{model}{what} ({sample(task, model)})")
            columns.append((model, which))
    rows = []
    for name in names(task):
        if name.endswith(CAPPED):
            continue  # stands in the row that it limits
        cells = [f"`{name}`", standing(task, name)]
        for model, which in columns:
            found, capped = row(task, model, name), row(task, model, name + CAPPED)
            one = None if found is None else outcome(found, which)
            cell = "" if one is None else share(one["after_attack"], one["interval"])
            few = "" if capped is None else f"; {outcome(capped, which)['after_attack']:.3f}"
            cells.append(cell + few)
        rows.append(cells)
    for kind in ("known", "held out", "all"):
        cells = [f"**worst case**: {kind}", ""]
        for model, which in columns:
            one = task["protocol"][model]["worst"].get(kind) if which is None else None
            cells.append("" if one is None else share(one["after_attack"], one["interval"]))
        rows.append(cells)
    return table(header, rows)


def rare(task: Found) -> int | None:
    """The rarest label, if it is rare."""
    counts = [one["n"] for one in task["protocol"]["best"]["clean"]["classes"]]
    least = min(range(len(counts)), key=counts.__getitem__)
    return least if counts[least] / sum(counts) < RARE and len(counts) == 2 else None


def alarms(task: Found) -> str:
    """Recall of a rare label at few false alarms: clean, and when attacks aim at the threshold."""
    rows = []
    for model in measured(task):
        for one in task["protocol"][model].get("alarms", ()):
            lowest = min(one["after"].values(), key=lambda found: float(found["share"]))
            cells = (one["false_alarms"], one["recall"], lowest)
            what = f"{model}, {one['rate']:.1%} false alarms on validation"
            rows.append([what, *(share(x["share"], x["interval"]) for x in cells)])
    header = ["at a threshold", "false alarms (test)", "recall, clean", "after the worst attack"]
    return table(header, rows) if rows else ""


def told(found: Found | None) -> str:
    """What survives a row, or that it was not carried out."""
    return (
        "-"
        if found is None
        else share(found["outcome"]["after_attack"], found["outcome"]["interval"])
    )


def skipped(task: Found) -> str:
    """Rows of the protocol that were not carried out on the best student, and why."""
    reasons: dict[str, list[str]] = {}
    for name, reason in task["protocol"]["best"]["skipped"].items():
        reasons.setdefault(reason, []).append(f"`{name}`")
    each = "; ".join(f"{', '.join(rows)}: {reason}" for reason, rows in reasons.items())
    return f"Not carried out on the best student, nor in its worst case: {each}." if each else ""


def replayed(task: Found) -> str:
    """What the best student keeps of texts that fooled another model, beside the direct attack."""
    found = task["protocol"]["best"].get("transfer") or ()
    if not found:
        return "No texts that fool another model were replayed to the best student."
    each = ", ".join(
        f"`{one['row']}` of the {one['source']} {one['outcome']['after_attack']:.3f} "
        f"(direct {one['direct']:.3f})"
        for one in found
    )
    masked = [f"`{one['row']}`" for one in found if one["masked"]]
    verdict = f"direct {', '.join(masked)} is masked" if masked else "no direct attack is masked"
    return (
        f"What the best student keeps of texts found on other models (n = "
        f"{found[0]['outcome']['n']}): {each}: {verdict}."
    )


def certified(task: Found) -> str:
    """What is proved of the best student."""
    found = task["protocol"]["best"]["certified"]
    each = ", ".join(f"{what} {value:.3f}" for what, value in found.items())
    return f"Certified of the best student, a lower bound, no attack: {each}." if each else ""


def spent(task: Found) -> str:
    """What the attacks took."""
    each = []
    for model in measured(task):
        one = task["protocol"][model]
        n = one["n"] * len(one["rows"])
        queries, passes = (
            f"{sum(found['spent'][what] for found in one['rows']) / n:,.0f}"
            for what in ("queries", "passes")
        )
        each.append(f"{model} {queries} queries, {passes} forward passes, {one['seconds']:,.0f} s")
    return f"Spent, a text and attack, and in all: {'; '.join(each)}."


def made_by(task: Found) -> str:
    """How the students came to be."""
    configuration, commits, search = task["configuration"], task["commits"], task["search"]
    return (
        f"Searched at commit {commits['search']}, measured at {commits['protocol']}: "
        f"{task['search']['candidates']} candidates, seed {configuration['seed']}, "
        f"{task['search']['seconds'] / 60:.0f} minutes of a machine with "
        f"{task['machine']['cores']} cores and other work on them. "
        + ", ".join(
            f"{words} {found['of']} {found['fitness']:.3f} (clean {found['clean']:.3f}, "
            f"after the attacks {found['after_attack']:.3f}, {found['params']:,} parameters)"
            for words, found in (
                ("Best fitness (validation split, partial training) of the first", search["first"]),
                ("of the evolved", search["evolved"]),
            )
        )
        + "."
    )

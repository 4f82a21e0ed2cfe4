"""Tables of docs/results.md: the points of a search beside what was aimed at, what brings what."""

from __future__ import annotations

from results_students import ALONE, FULL, FURTHER, PRESET, RECIPE
from results_tables import Found, share, standing, table

AT_ONCE = "all of the search at once"
COLUMNS = (
    *("clean", "wordnet", "textfooler-neighbours", "neighbours", "first-letter", "two-edits"),
    *("phonetic", "characters", "splits", "repeats", "leet"),
)
# What was aimed at before, of sentiment: see `COLUMNS`.
GOALS = {
    "accurate": (0.80, 0.33, 0.33, 0.25, 0.45, 0.45, 0.45, 0.50, 0.40, 0.40, 0.40),
    "balanced": (0.78, 0.45, 0.458, 0.35, 0.50, 0.50, 0.50, 0.55, 0.45, 0.45, 0.45),
    "robust": (0.70, 0.58, 0.58, 0.48, 0.55, 0.55, 0.55, 0.60, 0.50, 0.50, 0.50),
}
SET_FOR = ("mr",)


def after_of(task: Found, one: Found) -> dict[str, Found]:
    """Attack -> what a model keeps: by the row of points, else by the finals of the search."""
    mine = next((x["after"] for x in task.get("points", ()) if x["id"] == one["id"]), {})
    after: dict[str, Found] = {AT_ONCE: one, **mine, **one["held_out"], **mine}
    after.pop("all", None)
    return after


def goals_of(task: Found, one: Found) -> dict[str, float]:
    """Column -> what was aimed at, for the first point that a finalist is."""
    named = [name for name in one.get("points") or () if name in GOALS]
    if task["task"] not in SET_FOR or not named:
        return {}
    return dict(zip(COLUMNS, GOALS[named[0]], strict=True))


def points(task: Found) -> str:
    """Teacher, reference and finalists: clean and after attacks, beside what was aimed at."""
    search = task["search"]
    every = [search["teacher"], search["reference"], *search["finalists"]]
    found = [after_of(task, one) for one in every]
    columns = list(dict.fromkeys(name for after in found[::-1] for name in after))
    columns.sort(key=lambda name: name != AT_ONCE)
    told = [name if name == AT_ONCE else heading(task, name) for name in columns]
    header = ["model", "parameters", "clean", "balanced", *told]
    rows = []
    for one, after in zip(every, found, strict=True):
        goals = goals_of(task, one)
        cells = [name_of(one), f"{one['params']:,}", beside(one["clean"], goals.get("clean"))]
        cells.append(share(one["balanced_clean"]))
        for at in columns:
            cells.append(beside(after[at]["after_attack"], goals.get(at)) if at in after else "")
        rows.append(cells)
    return table(header, rows)


def name_of(one: Found) -> str:
    """A finalist by its points and id, teacher and reference by name."""
    if one["id"] in ("teacher", "reference"):
        return str(one["id"])
    return f"{', '.join(one.get('points') or ['finalist'])}: `{one['id'][:8]}`"


def heading(task: Found, name: str) -> str:
    """An attack, and whether the best student knew it."""
    held = " (held out)" if "held out" in standing(task, name) else ""
    return f"`{name}`{held}"


def beside(reached: float, goal: float | None) -> str:
    """A share, and what it should be at least; bold if it is not."""
    if goal is None:
        return share(reached)
    text = share(reached) if round(reached, 3) >= goal else f"**{reached:.3f}**"
    return f"{text} ({goal:g})"


def points_words(task: Found) -> str:
    """How the table of points was measured."""
    search, measured = task["search"], task.get("points", ())
    finalist = search["finalists"][0]
    seeds = len(finalist["seeds"])
    words = (
        f"The points that the search chose on the validation split, by what it believed before the "
        f"final trainings (which tell which one is best), and what it is compared with: "
        f"means over {seeds} training seed{'s' * (seeds > 1)}, shares of n = "
    )
    own = f"{finalist['n']} attacked texts (clean: {finalist['n_clean']:,})"
    if measured:
        every = [x for one in measured for x in one["after"].values()]
        width = max((x["interval"][1] - x["interval"][0]) / 2 for x in every)
        apart = max(max(x["by_seed"]) - min(x["by_seed"]) for x in every)
        words += (
            f"{measured[0]['n']} attacked texts as shipped; of the teacher and {AT_ONCE} n = "
            f"{own}. 95 % intervals over texts are at most {width:.3f} to either side, seeds at "
            f"most {apart:.3f} apart."
        )
    else:
        words += f"{own}."
    if task["task"] in SET_FOR and measured:
        words += " In brackets what was aimed at; **missed**."
    return words


ROWS_OF_STUDENTS = {
    "ablation": FULL,
    "best preset": PRESET,
    "the best of a random search": FURTHER["random"][0],
    "the best of a search of architectures alone": ALONE,
    "recipes of the literature": RECIPE,
}


def missing(task: Found) -> str:
    """What other tasks have, or could have, and this one has not."""
    found = [one["name"] for one in task.get("students", ())]
    left_out = [
        what
        for what, start in ROWS_OF_STUDENTS.items()
        if not any(name.startswith(start) for name in found)
    ]
    if not task.get("points"):
        left_out.insert(0, "the points after all attacks that goals were set for")
    for model in ("int8", "teacher"):
        if model not in task["protocol"]:
            left_out.insert(0, f"{model} by the protocol")
    return f"Not measured on this task: {'; '.join(left_out)}." if left_out else ""


def student(task: Found, name: str) -> Found | None:
    """A student that was distilled once, by how its name begins."""
    found = [one for one in task.get("students", ()) if one["name"].startswith(name)]
    return found[0] if found else None


def students(task: Found) -> str:
    """Students that were distilled once, and what each keeps."""
    names = list(task["students"][0]["after"])
    told = ["all of these" if name == "all" else heading(task, name) for name in names]
    lines = []
    for one in task["students"]:
        cells = [one["name"], f"{one['params']:,}", share(one["clean"], one["clean_interval"])]
        cells.append(share(one["balanced_clean"]))
        found = [one["after"][name] for name in names]
        lines.append([*cells, *(share(x["after_attack"], x["interval"]) for x in found)])
    return table(["student", "parameters", "clean", "balanced", *told], lines)

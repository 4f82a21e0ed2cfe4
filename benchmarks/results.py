"""What searched students reach on a task, by the protocol: search, measure, collect.

    python benchmarks/results.py mr --work DIR [--run RUN --commit SHA] [--neighbours FILE]
    python benchmarks/results.py sms --data DIR --work DIR [--flags="--candidates 12"]
    python benchmarks/results.py mr --work DIR --rows best=500,teacher=50,recipes

One search (`--run` takes a finished one), then the rows of `--rows`, each on as many texts as `=N`
says:

- `reference`, `best`, `int8`, `teacher`: `rosearch evaluate` of a model;
- `points`: finalists and reference, all training seeds, after the attacks that goals were set for;
- `ablation`, `best-preset`, `recipes`, and the best of two further searches, `random` and
  `architecture-only`: students that are distilled once and attacked by a few attacks.

Every step goes on where it was stopped, from `--work`; rows may be added later. What they wrote is
collected in `benchmarks/results/TASK.json`, without paths and texts; of built-in tasks up to five
adversarial texts of each row of the best student stand in `TASK.jsonl` beside it, for other tools
to replay. `python benchmarks/results_page.py` makes docs/results.md from these files.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from common import commit
from results_data import TASKS, cut_and_drawn, task_flags
from results_search import (
    alone,
    best_of_search,
    call,
    distil,
    fitness_of,
    of_run,
    outcome,
    read,
    search,
)
from results_students import (
    FURTHER,
    Variant,
    ablation,
    best_preset,
    points,
    recipes,
    small,
)

from rosearch.export.source import find_source
from rosearch.results.genotypes import find_genotype
from rosearch.space.genotype import Genotype
from rosearch.types import Json, Trial

RESULTS = Path(__file__).parent / "results"
MODELS = {"teacher": 50, "reference": 200, "best": 200, "int8": 100}
SMALL = dict.fromkeys(("ablation", "best-preset", *FURTHER, "recipes"), 200)
ROWS = {**MODELS, "points": 500, **SMALL}  # of the texts that are attacked, how many
LABELS = ("labels", "label_names")  # may look like paths
DEAR = ("teacher", *FURTHER, "recipes")  # not carried out unless named


def rows_of(told: str) -> dict[str, int]:
    """What `--rows` names, each with its number of texts."""
    found = {}
    for word in told.split(","):
        name, _, n = word.partition("=")
        if name not in ROWS or (n and not n.isdecimal()):
            raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(ROWS)}, or NAME=N")
        found[name] = int(n or ROWS[name])
    return found


def models(run: Path, work: Path, told: argparse.Namespace, flags: list[str]) -> None:
    """Evaluate models by the protocol; each has a folder in `work`."""
    best = outcome(run, work)["best"]["id"]
    more = ["--protocol", told.protocol or TASKS[told.task].protocol]
    more += ["--neighbours", told.neighbours] if told.neighbours else []
    asked: list[object] = [*flags]
    if not told.alone:
        asked += ["--teacher", find_source(f"{run}:{best}", {}).teacher]
    for name in [name for name in MODELS if name in told.rows]:
        with spent(name):
            if name in ("reference", "best"):
                id = best if name == "best" else name
                own: list[object] = [f"{run}:{id}"]
                if told.alone:
                    own = [alone(work, name, run / "students" / id), *flags]
            else:
                own = [other_model(name, run, work, best), *asked]
            call("evaluate", *own, "--n", told.rows[name], *more, "--out", work / name)


def other_model(name: str, run: Path, work: Path, best: str) -> Path | None:
    """The folder of a model that a search leaves to be made; the teacher's."""
    if name == "int8":
        if not (exported := work / "exported-int8").exists():
            call("export", f"{run}:{best}", "--format", "int8", "--out", exported)
        return exported
    return find_source(f"{run}:{best}", {}).teacher


def genotype_of(run: Path, id: str) -> Genotype:
    """The genotype of a candidate of a run."""
    return find_genotype(f"{run}:{id}")[0]


def students(run: Path, work: Path, told: argparse.Namespace, flags: list[str]) -> None:
    """Distil and attack other students, and attack all seeds of the finalists."""
    found, rows = outcome(run, work), told.rows
    if "points" in rows and found.get("finals") != "distil":
        with spent("points"):
            made = points(run, found, work, rows["points"], told.neighbours, flags)
        write(work / "points.json", made)
    for name in SMALL:
        if name not in rows:
            continue
        with spent(name):
            variants = small_of(name, run, work, found["best"]["id"], told, flags)
            write(work / "small" / f"{name}.json", small(variants, work, rows[name], flags))


def small_of(
    name: str, run: Path, work: Path, best: str, told: argparse.Namespace, flags: list[str]
) -> list[Variant]:
    """The students of a row."""
    if name == "ablation":
        return ablation(genotype_of(run, best))
    if name == "best-preset":
        return [best_preset(of_run(run)[1])]
    if name == "recipes":
        return recipes()
    words, more, settings = FURTHER[name]
    found = best_of_search(work / name, [*flags, *shlex.split(told.flags), *more])
    return [Variant(words, found, settings)]


@contextmanager
def spent(name: str) -> Iterator[None]:
    """Say what a row took of a processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    yield
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{name}: {seconds:.0f} s of a processor", file=sys.stderr)


def write(path: Path, found: object) -> None:
    """JSON data."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found), encoding="utf-8")


def noted(path: Path, made: str | None = None) -> str:
    """The commit that a step was first done at, kept in a file."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made or commit(), encoding="utf-8")
    return path.read_text(encoding="utf-8")


def keep_command(path: Path) -> None:
    """Add how this was called to those of before; folders and files have their names only."""
    words = [Path(word).name if word.startswith("/") else word for word in sys.argv[1:]]
    line = f"python benchmarks/results.py {shlex.join(words)}"
    lines = dict.fromkeys([*lines_of(path), line])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{one}\n" for one in lines), encoding="utf-8")


def lines_of(path: Path) -> list[str]:
    """The lines of a file, none if there is none."""
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def without_paths(found: object) -> object:
    """JSON data in which what looks like a path, or like an absolute one in a sentence, has its
    last part only; labels stay."""
    if isinstance(found, dict):
        return {k: v if k in LABELS else without_paths(v) for k, v in found.items()}
    if isinstance(found, list):
        return [without_paths(value) for value in found]
    if isinstance(found, str) and "/" in found and " " not in found:
        prefix, colon, path = found.rpartition(":")
        return f"{prefix}{colon}{Path(path).name}"
    return re.sub(r"(?<!\S)/\S*/", "", found) if isinstance(found, str) else found


def fittest(trials: Sequence[Trial]) -> Json:
    """The best of some candidates, by what the search measured on the validation split."""
    scored = [trial for trial in trials if trial.score is not None]
    best = max(scored, key=fitness_of).score
    assert best is not None
    return {
        "of": len(scored),
        "fitness": round(best.fitness, 3),
        "clean": round(best.clean, 4),
        "after_attack": round(best.after_attack, 4),
        "params": int(best.measurements["params"]),
    }


def collect(task: str, run: Path, work: Path, commits: Json) -> Json:
    """All that was measured, as the file of a task holds it."""
    (meta, trials), summary = of_run(run), outcome(run, work)
    configuration = dict(meta.config)
    if meta.run_config.task.train:  # then a built-in task is not read, though the default names one
        configuration["task"] = {k: v for k, v in meta.config["task"].items() if k != "name"}
    protocol = {}
    for name in MODELS:
        if (path := work / name / "robustness.json").exists():
            protocol[name] = {
                k: v for k, v in read(path).items() if k not in ("machine", "versions")
            }
    kept = ("teacher", "reference", "finalists", "front", "candidates", "seconds", "search_attack")
    kept += ("finals",) if "finals" in summary else ()
    return {
        "labels": meta.label_names,
        "data": [*meta.data, *cut_and_drawn(TASKS[task])],
        "commits": commits,
        "commands": lines_of(work / "commands"),
        "configuration": configuration,
        "machine": meta.machine,
        "versions": summary["versions"],
        "search": {key: summary[key] for key in kept}
        | {
            "first": fittest([t for t in trials if t.candidate.parent is None]),
            "evolved": fittest([t for t in trials if t.candidate.parent is not None]),
        },
        "best": summary["best"]["id"],
        "protocol": protocol,
        "points": read(work / "points.json") if (work / "points.json").exists() else [],
        "students": [
            one
            for name in SMALL
            if (path := work / "small" / f"{name}.json").exists()
            for one in read(path)
        ],
    }


def main() -> None:
    """Do what is missing, and write the file of the task."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--data", type=Path, default=Path(), help="folder of the tasks' files")
    parser.add_argument("--work", type=Path, required=True, help="what is kept between calls")
    parser.add_argument("--run", type=Path, help="a finished run, instead of a search")
    parser.add_argument("--commit", help="that made it")
    parser.add_argument("--flags", default="", help="further flags of the search, in one word")
    parser.add_argument("--protocol", help="for all models of a task (default: the task's own)")
    default = ",".join(name for name in ROWS if name not in DEAR)
    parser.add_argument("--rows", type=rows_of, default=default, help="what is measured")
    parser.add_argument(
        "--distil", action="store_true", help="of a search that was stopped before its finals"
    )
    parser.add_argument("--alone", action="store_true", help="without neighbours and texts of it")
    parser.add_argument("--neighbours", type=Path, help="nearest words in counter-fitted vectors")
    parser.add_argument("--collect", action="store_true", help="write down what there is")
    arguments = parser.parse_args()
    work = arguments.work / arguments.task
    flags = task_flags(arguments.task, arguments.data, work)
    run = arguments.run or work / "run"
    commits = {"search": noted(work / "searched", arguments.commit)}
    if not arguments.collect:
        keep_command(work / "commands")
    if arguments.distil and not arguments.collect:
        distil(run, work, flags)
    elif not arguments.collect:
        search(run, [*flags, *shlex.split(arguments.flags)])
    commits["protocol"] = noted(work / "measured")
    if not arguments.collect:
        models(run, work, arguments, flags)
        students(run, work, arguments, flags)
    found = without_paths(json.loads(json.dumps(collect(arguments.task, run, work, commits))))
    text = json.dumps({"task": arguments.task, **found}, indent=1)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{arguments.task}.json").write_text(text + "\n", encoding="utf-8")
    texts = work / "best" / "adversarial.jsonl"
    if TASKS[arguments.task].built_in and texts.exists():  # of others the texts are not ours
        shutil.copyfile(texts, RESULTS / f"{arguments.task}.jsonl")


if __name__ == "__main__":
    main()

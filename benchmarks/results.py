"""What searched students reach on a task, by the protocol: search, measure, collect.

    python benchmarks/results.py mr --work DIR [--run RUN --commit SHA] [--neighbours FILE]
    python benchmarks/results.py sms --data DIR --work DIR [--flags="--candidates 12"]

One search (`--run` takes a finished one), then `rosearch evaluate` of its reference and its best
student, with `--teacher-n` of its teacher, with `--int8` of the best student as int8. Every step
goes on where it was stopped, from `--work`. What they wrote is collected in
`benchmarks/results/TASK.json`, without paths and texts; `python benchmarks/results_page.py` makes
docs/results.md from these files.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from common import commit
from results_data import TASKS, task_flags

from rosearch.config.sections import RunConfig
from rosearch.export.source import find_source
from rosearch.models.open import open_classifier
from rosearch.results.folder import RunFolder
from rosearch.results.meta import RunMeta
from rosearch.tasks.named import task_of
from rosearch.teacher.fit import saved_teacher
from rosearch.types import Json, Trial, wilson

REFERENCE = "transformer3"
RESULTS = Path(__file__).parent / "results"


def call(*words: object) -> str:
    """Run `rosearch`, which ends the program if it fails; what it printed."""
    command = [sys.executable, "-m", "rosearch", *map(str, words)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def search(run: Path, flags: list[str]) -> None:
    """Start a search, go on with it, or leave a finished one alone."""
    if (run / "summary.json").exists():
        return
    if (run / "run.db").exists():
        call("resume", run)
    else:
        call("search", "--preset", "quick", *flags, "--out", run)


def distil(run: Path, work: Path, flags: list[str]) -> None:
    """Train the fittest candidate and the reference once, in place of the search's finals.

    Of the teacher only the clean result is measured: attacking it is what takes longest.
    """
    meta, trials = of_run(run)
    fittest_id = max((t for t in trials if t.score), key=fitness_of).candidate.id
    few = ["--set", "final.attacked=4", "--set", "final.held_out=[]"]
    off = [f"distill.{name}" for name in ("substitution=0", "characters=0", "adversarial=none")]
    plain = [word for setting in (*off, "distill.defences=[]") for word in ("--set", setting)]
    for name, what, more in (("best", f"{run}:{fittest_id}", []), ("reference", REFERENCE, plain)):
        if not (entry := work / f"{name}.json").exists():
            told = call("distill", what, *flags, *few, *more, "--json", "--out", alone(work, name))
            entry.write_text(told, encoding="utf-8")
    if not (clean := work / "teacher.json").exists():
        clean.write_text(json.dumps(clean_teacher(meta.run_config)), encoding="utf-8")


def clean_teacher(config: RunConfig) -> Json:
    """What the teacher of a run has right of the test split."""
    task = task_of(config.task, config.seed)
    folder = saved_teacher(task, config.teacher, config.seed)
    if folder is None:
        raise SystemExit("the teacher of this run is not in the cache")
    said = open_classifier(folder, "cpu").fitted(task, task.test).probabilities(task.test.texts)
    right = int((said.argmax(1) == np.array(task.test.labels)).sum())
    interval = wilson(right, len(task.test))
    return {
        "clean": round(right / len(task.test), 4),
        "clean_interval": [round(interval.low, 4), round(interval.high, 4)],
    }


def alone(work: Path, name: str, student: Path | None = None) -> Path:
    """The place of a student outside its run, where nothing attacks the teacher for its sake.

    Args:
        student: is copied there if it is not there yet.
    """
    out = work / "alone" / name
    if student is not None and not out.exists():
        shutil.copytree(student, out)
    return out


def of_run(run: Path) -> tuple[RunMeta, list[Trial]]:
    """What a run knows of itself, and its candidates."""
    with closing(RunFolder(run).open()) as store:
        return store.meta(), store.trials()


def outcome(run: Path, work: Path) -> Json:
    """The summary of a run, or what `distil` made in its place."""
    if (run / "summary.json").exists():
        found: Json = read(run / "summary.json")
        return found
    meta, trials = of_run(run)
    best, reference = (read(work / f"{name}.json") for name in ("best", "reference"))
    teacher = {"id": "teacher", "params": round(best["params"] * best["compression"])}
    teacher |= read(work / "teacher.json")
    versions = read(work / "best" / "robustness.json")["versions"]
    return {
        "teacher": teacher, "reference": reference, "finalists": [best], "best": best,
        "front": [], "candidates": len(trials), "seconds": meta.seconds, "finals": "distil",
        "search_attack": meta.run_config.search.attack, "versions": versions,
    }  # fmt: skip


def read(path: Path) -> Any:
    """JSON data."""
    return json.loads(path.read_text(encoding="utf-8"))


def measure(run: Path, work: Path, arguments: argparse.Namespace, flags: list[str]) -> None:
    """Evaluate the models of a run by the protocol; each has a folder in `work`."""
    more = ["--protocol", arguments.protocol]
    more += ["--neighbours", arguments.neighbours] if arguments.neighbours else []
    best = outcome(run, work)["best"]["id"]
    for name, id in (("reference", "reference"), ("best", best)):
        own: list[object] = [f"{run}:{id}"]
        if arguments.alone:
            own = [alone(work, name, run / "students" / id), *flags]
        call("evaluate", *own, "--n", arguments.n, *more, "--out", work / name)
    if arguments.teacher_n:
        teacher = find_source(f"{run}:{best}", {}).teacher
        own = [teacher, *flags, "--n", arguments.teacher_n, "--teacher", teacher]
        call("evaluate", *own, *more, "--out", work / "teacher")
    if arguments.int8:
        exported = work / "exported-int8"
        if not exported.exists():
            call("export", f"{run}:{best}", "--format", "int8", "--out", exported)
        call("evaluate", exported, *flags, "--n", arguments.n, *more, "--out", work / "int8")


def noted(path: Path, made: str | None = None) -> str:
    """The commit that a step was first done at, kept in a file."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made or commit(), encoding="utf-8")
    return path.read_text(encoding="utf-8")


def without_paths(found: object) -> object:
    """JSON data in which what looks like a path has its last part only."""
    if isinstance(found, dict):
        return {key: without_paths(value) for key, value in found.items()}
    if isinstance(found, list):
        return [without_paths(value) for value in found]
    if isinstance(found, str) and "/" in found and " " not in found:
        prefix, colon, path = found.rpartition(":")
        return f"{prefix}{colon}{Path(path).name}"
    return found


def fitness_of(trial: Trial) -> float:
    """Fitness of a candidate that did not fail."""
    assert trial.score is not None
    return trial.score.fitness


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


def collect(run: Path, work: Path, commits: Json) -> Json:
    """All that was measured, as the file of a task holds it."""
    (meta, trials), summary = of_run(run), outcome(run, work)
    protocol = {}
    for name in ("teacher", "reference", "best", "int8"):
        if (path := work / name / "robustness.json").exists():
            protocol[name] = {
                k: v for k, v in read(path).items() if k not in ("machine", "versions")
            }
    kept = ("teacher", "reference", "finalists", "front", "candidates", "seconds", "search_attack")
    kept += ("finals",) if "finals" in summary else ()
    return {
        "labels": meta.label_names,
        "data": meta.data,
        "commits": commits,
        "configuration": meta.config,
        "machine": meta.machine,
        "versions": summary["versions"],
        "search": {key: summary[key] for key in kept}
        | {
            "first": fittest([t for t in trials if t.candidate.parent is None]),
            "evolved": fittest([t for t in trials if t.candidate.parent is not None]),
        },
        "best": summary["best"]["id"],
        "protocol": protocol,
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
    parser.add_argument("--protocol", default="v1", help="for all models of a task")
    parser.add_argument("--n", type=int, default=200, help="texts that students are attacked on")
    parser.add_argument("--teacher-n", type=int, help="texts of the teacher, which is slow")
    parser.add_argument(
        "--distil", action="store_true", help="of a search that was stopped before its finals"
    )
    parser.add_argument("--alone", action="store_true", help="without neighbours and texts of it")
    parser.add_argument("--neighbours", type=Path, help="nearest words in counter-fitted vectors")
    parser.add_argument("--int8", action="store_true", help="the best student as int8, too")
    parser.add_argument("--collect", action="store_true", help="write down what there is")
    arguments = parser.parse_args()
    work = arguments.work / arguments.task
    flags = task_flags(arguments.task, arguments.data, work)
    run = arguments.run or work / "run"
    commits = {"search": noted(work / "searched", arguments.commit)}
    if arguments.distil and not arguments.collect:
        distil(run, work, flags)
    elif not arguments.collect:
        search(run, [*flags, *shlex.split(arguments.flags)])
    commits["protocol"] = noted(work / "measured")
    if not arguments.collect:
        measure(run, work, arguments, flags)
    found = without_paths(json.loads(json.dumps(collect(run, work, commits))))
    text = json.dumps({"task": arguments.task, **found}, indent=1)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{arguments.task}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

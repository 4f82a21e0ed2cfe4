"""The search whose students results.py measures: made, resumed, or finished by distilling two."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from rosearch.config.sections import RunConfig
from rosearch.models.open import open_classifier
from rosearch.results.folder import RunFolder
from rosearch.results.genotypes import find_genotype
from rosearch.results.meta import RunMeta
from rosearch.space.genotype import Genotype
from rosearch.tasks.named import task_of
from rosearch.teacher.fit import saved_teacher
from rosearch.types import Json, Trial, wilson

REFERENCE = "transformer3"


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


def best_of_search(run: Path, flags: list[str]) -> Genotype:
    """The best candidate of a further search, of which no final result is needed."""
    few = ("final.finalists=1", "final.seeds=1", "final.attacked=4", "final.held_out=[]")
    search(run, [*flags, *(word for one in few for word in ("--set", one))])
    return find_genotype(f"{run}:{read(run / 'summary.json')['best']['id']}")[0]


def distil(run: Path, work: Path, flags: list[str]) -> None:
    """Train the fittest candidate and the reference once, in place of the search's finals.

    Of the teacher only the clean result is measured: attacking it is what takes longest.
    """
    meta, trials = of_run(run)
    fittest_id = max((t for t in trials if t.score), key=fitness_of).candidate.id
    few = ["--set", "final.attacked=4", "--set", "final.held_out=[]"]
    off = [f"distill.{name}" for name in ("substitution=0", "characters=0", "adversarial=none")]
    off += ["distill.defences=[]", "distill.lexicons=[]"]
    plain = [word for setting in off for word in ("--set", setting)]
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
    measured = work / "best" / "robustness.json"
    versions = read(measured)["versions"] if measured.exists() else {}  # before the first row
    return {
        "teacher": teacher, "reference": reference, "finalists": [best], "best": best,
        "front": [], "candidates": len(trials), "seconds": meta.seconds, "finals": "distil",
        "search_attack": meta.run_config.search.attack, "versions": versions,
    }  # fmt: skip


def read(path: Path) -> Any:
    """JSON data."""
    return json.loads(path.read_text(encoding="utf-8"))


def fitness_of(trial: Trial) -> float:
    """Fitness of a candidate that did not fail."""
    assert trial.score is not None
    return trial.score.fitness

"""Do our attacks tell the same of a student as TextAttack 0.3.11?

    python -m venv textattack-env
    textattack-env/bin/pip install -r benchmarks/textattack-requirements.txt
    python benchmarks/textattack_protocol.py RUN/students/ID --json out.json \\
        --textattack-python textattack-env/bin/python

Both attack a saved student on the same texts of the test split, TextAttack by the code that the
student's folder carries. `wordnet` is one and the same attack on both sides: after-attack accuracy
must agree within 0.03. `pwws` and `deepwordbug` are each side's reading of a paper, which differ in
what `rosearch attack --list` states as departures; their figures are printed, not asserted.
Recipes with a sentence encoder (TextFooler, BAE) are not compared: TextAttack's own has to be
downloaded from where this program takes nothing.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from attack_speed import agreement, ours, textattack
from space import commit

from rosearch.attacks.constraints.words import STOP_WORDS
from rosearch.attacks.methods import load_attacks, resources_for
from rosearch.models.load import load_classifier
from rosearch.results.summary import machine, versions
from rosearch.tasks import load_task

ATTACKS = ("wordnet", "pwws", "deepwordbug")
SAME, CLAIM = "wordnet", 0.03
Json = dict[str, Any]


def row(name: str, theirs: Json, own: Json, texts: list[str]) -> Json:
    """One attack on both sides."""
    sides = {"textattack": theirs["results"], "rosearch": own["results"]}
    shares = {
        side: sum(r["status"] == "survived" for r in results) / len(texts)
        for side, results in sides.items()
    }
    queries = {side: sum(r["queries"] for r in results) for side, results in sides.items()}
    seconds = {"textattack": theirs["cpu"], "rosearch": own["cpu"]}
    found = agreement(texts, *sides.values())
    found["clean"] = {
        side: sum(r["status"] != "skipped" for r in results) / len(texts)
        for side, results in sides.items()
    }
    return {"attack": name, "after": shares, "queries": queries, "cpu": seconds, **found}


def table(rows: list[Json]) -> str:
    """The rows as text."""
    lines = [
        f"{'attack':<13}{'TextAttack':>11}{'RoSearch':>10}{'difference':>12}{'same success':>14}"
        f"{'same text':>11}{'queries':>18}{'CPU s':>16}"
    ]
    for r in rows:
        a, b = r["after"]["textattack"], r["after"]["rosearch"]
        queries = " / ".join(f"{n:,}" for n in r["queries"].values())
        cpu = " / ".join(f"{s:.1f}" for s in r["cpu"].values())
        lines.append(
            f"{r['attack']:<13}{a:>11.3f}{b:>10.3f}{b - a:>+12.3f}{r['same_success']:>14.3f}"
            f"{r['same_text']:>11.3f}{queries:>18}{cpu:>16}"
        )
    return "\n".join(lines)


def main() -> None:
    """Attack on both sides, print the table, write the JSON, assert the claim."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("student", type=Path)
    parser.add_argument("--textattack-python", type=Path, required=True)
    parser.add_argument("--task", default="mr")
    parser.add_argument("--n", type=int, default=200, help="texts")
    parser.add_argument("--json", type=Path, help="where to write the result")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sample = load_task(arguments.task).test.sample(arguments.n)
    texts, labels = list(sample.texts), list(sample.labels)
    resources, victim = resources_for(ATTACKS, texts), load_classifier(arguments.student)
    request = {
        "victim": str(arguments.student.resolve()),
        "padding": "batch",
        "texts": texts,
        "labels": labels,
        # TextAttack compares them as they are written.
        "stop_words": sorted(STOP_WORDS | {word.capitalize() for word in STOP_WORDS}),
    }
    rows = []
    with (
        tempfile.TemporaryDirectory() as scratch,
        textattack(arguments.textattack_python, Path(scratch)) as ask,
    ):
        for name in ATTACKS:
            theirs = ask({**request, "recipe": name})
            own = ours(load_attacks(name, resources)[0], victim, texts, labels)
            rows.append(row(name, theirs, own, texts))
            print(f"{name}: done", flush=True)
    print(table(rows))
    about = {"commit": commit(), "machine": machine(), "versions": versions(), "n": len(texts)}
    if arguments.json:
        done = {**about, "textattack": "0.3.11", "rows": rows}
        arguments.json.write_text(json.dumps(done, indent=2) + "\n", encoding="utf-8")
    (same,) = (r for r in rows if r["attack"] == SAME)
    apart = abs(same["after"]["textattack"] - same["after"]["rosearch"])
    assert apart <= CLAIM, f"{SAME}: {apart:.3f} apart, claimed within {CLAIM}"


if __name__ == "__main__":
    main()

"""Speed of the attack engine against TextAttack 0.3.11, and how far both agree.

    python -m venv textattack-env
    textattack-env/bin/pip install -r benchmarks/textattack-requirements.txt
    python benchmarks/attack_speed.py --textattack-python textattack-env/bin/python --json out.json

Both run the same attack: greedy WordNet swap by importance "delete", same stop words, same victims,
same texts of the test split, one thread. Both start with an open WordNet and without any answer or
word piece in memory. Every ratio is TextAttack's CPU seconds by ours, the median over rounds in
which both take turns; on an idle machine CPU seconds of one thread are wall seconds, on a busy one
they are the fairer clock. Claims are asserted, goals that were missed are printed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from space import commit

from rosearch.attacks.attack import Attack
from rosearch.attacks.constraints.words import STOP_WORDS
from rosearch.attacks.engine import attacked
from rosearch.attacks.methods import resources_for
from rosearch.attacks.search.greedy import Greedy
from rosearch.baselines.one_student import distill
from rosearch.config import make_config
from rosearch.io import resources
from rosearch.models.classifier import Classifier
from rosearch.models.load import load_classifier
from rosearch.results.summary import machine, versions
from rosearch.space.presets import preset
from rosearch.student.saving import save_student
from rosearch.tasks import Task, load_task
from rosearch.teacher.fit import fit_teacher

SERVER = Path(__file__).with_name("textattack_server.py")
SAME_SUCCESS = 0.97
QUERIES_PER_SECOND = 10_000  # of the CNN on two cores
Json = dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    """One victim, one way in which TextAttack pads, and the ratio to reach."""

    victim: str
    padding: str
    goal: float  # of the project
    claim: float  # asserted: what a noisy machine must show, too


COMPARISONS = (
    Comparison("minilm", "shipped", 25.0, 15.0),
    Comparison("minilm", "length 64", 2.5, 1.8),
    Comparison("minilm", "batch", 1.3, 1.1),
    Comparison("textcnn", "batch", 6.0, 3.0),
    Comparison("transformer3", "batch", 4.0, 1.5),
)


@contextmanager
def textattack(python: Path, scratch: Path) -> Iterator[Callable[[Json], Json]]:
    """TextAttack as a function from a request to its answer, see `textattack_server.py`."""
    corpora = scratch / "nltk" / "corpora"
    shutil.copytree(resources.fetch("wordnet") / "corpora" / "wordnet", corpora / "wordnet")
    (corpora / "stopwords").mkdir()  # TextAttack opens it when it is imported
    (corpora / "stopwords" / "english").write_text("\n".join(sorted(STOP_WORDS)))
    environment = {
        **os.environ,
        "NLTK_DATA": str(scratch / "nltk"),
        "TA_CACHE_DIR": str(scratch / "cache"),
        "HF_MODULES_CACHE": str(scratch / "modules"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "RAYON_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
    }
    environment.pop("PYTHONPATH", None)
    pipe = subprocess.PIPE
    with (scratch / "textattack.log").open("w") as log:
        command = [str(python), str(SERVER)]
        server = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=log, text=True, env=environment
        )

        def ask(request: Json) -> Json:
            assert server.stdin and server.stdout
            server.stdin.write(json.dumps(request) + "\n")
            server.stdin.flush()
            line = server.stdout.readline()
            if not line:
                raise SystemExit((scratch / "textattack.log").read_text()[-3000:])
            answer: Json = json.loads(line)
            return answer

        try:
            yield ask
        finally:
            assert server.stdin
            server.stdin.close()
            server.wait()


def ours(
    attack: Attack, victim: tuple[Any, Any], texts: Sequence[str], labels: Sequence[int]
) -> Json:
    """The same answer from our engine; pieces and answers are looked up anew."""
    attacked(attack, Classifier.of(*victim), texts[:1], labels[:1])  # warms the model up
    fresh = Classifier.of(*victim)
    wall, cpu = time.perf_counter(), time.process_time()
    results = attacked(attack, fresh, texts, labels)
    return {
        "seconds": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "results": [
            {"status": r.status, "perturbed": r.perturbed, "queries": r.queries} for r in results
        ],
    }


def victims(task: Task, students: Path, scratch: Path) -> dict[str, Path]:
    """Folders of the fine-tuned teacher and of two distilled students, trained where missing.

    Students are saved anew, so that TextAttack runs the model code of this commit.
    """
    config = make_config("quick")
    folders = {"minilm": fit_teacher(task, config.teacher, config.seed)}
    for name in ("textcnn", "transformer3"):
        if not (students / name).exists():
            distill(preset(name), config, students / name)
        folders[name] = scratch / name
        save_student(*load_classifier(students / name), folders[name])
    return folders


def compare(
    row: Comparison,
    folder: Path,
    attack: Attack,
    ask: Callable[[Json], Json],
    texts: Sequence[str],
    labels: Sequence[int],
    rounds: int,
) -> Json:
    """Rounds in which TextAttack and we take turns."""
    victim = load_classifier(folder)
    request = {
        "victim": str(folder),
        "padding": row.padding,
        "texts": list(texts),
        "labels": list(labels),
        "stop_words": sorted(STOP_WORDS),
    }
    ask({**request, "texts": texts[:1], "labels": labels[:1]})  # loads the model
    theirs, own = [], []
    for _ in range(rounds):
        theirs.append(ask(request))
        own.append(ours(attack, victim, texts, labels))
    return {
        "victim": row.victim,
        "padding": row.padding,
        "n": len(texts),
        "rounds": rounds,
        "textattack": summed(theirs),
        "rosearch": summed(own),
        "ratio": median(a["cpu"] / b["cpu"] for a, b in zip(theirs, own, strict=True)),
        "goal": row.goal,
        "claim": row.claim,
        **agreement(texts, theirs[0]["results"], own[0]["results"]),
    }


def summed(answers: list[Json]) -> Json:
    """Medians over the rounds, and the counts."""
    results = answers[0]["results"]
    return {
        "cpu": median(a["cpu"] for a in answers),
        "wall": median(a["seconds"] for a in answers),
        "queries": sum(r["queries"] for r in results),
        "flipped": sum(r["status"] == "flipped" for r in results),
    }


def agreement(texts: Sequence[str], theirs: list[Json], own: list[Json]) -> Json:
    """Share of texts with the same success, and the texts where it differs."""
    pairs = list(zip(texts, theirs, own, strict=True))
    return {
        "same_success": sum(a["status"] == b["status"] for _, a, b in pairs) / len(pairs),
        "same_text": sum(a["perturbed"].lower() == b["perturbed"].lower() for _, a, b in pairs)
        / len(pairs),
        "differences": [
            {"text": text, "textattack": a, "rosearch": b}
            for text, a, b in pairs
            if a["status"] != b["status"]
        ],
    }


def work(folder: Path, attack_texts: tuple[list[str], list[int]], gate: Any, out: Any) -> None:
    """One of the processes of `two_cores`."""
    torch.set_num_threads(1)
    texts, labels = attack_texts
    attack = wordnet(texts)
    victim = load_classifier(folder)
    ours(attack, victim, texts[:20], labels[:20])
    gate.wait()
    done = ours(attack, victim, texts, labels)
    out.put((sum(r["queries"] for r in done["results"]), done["seconds"], done["cpu"]))


def two_cores(folder: Path, task: Task, n: int) -> Json:
    """Queries per second of two processes with n texts each."""
    spawn = multiprocessing.get_context("spawn")
    gate, out = spawn.Barrier(2), spawn.Queue()
    shares = [
        (task.test.texts[i * n : (i + 1) * n], task.test.labels[i * n : (i + 1) * n])
        for i in (0, 1)
    ]
    running = [spawn.Process(target=work, args=(folder, s, gate, out)) for s in shares]
    for process in running:
        process.start()
    done = [out.get() for _ in running]
    for process in running:
        process.join()
    queries = sum(q for q, _, _ in done)
    return {
        "texts": 2 * n,
        "queries": queries,
        "per_wall_second": queries / max(wall for _, wall, _ in done),
        "per_second_of_two_free_cores": queries / max(cpu for _, _, cpu in done),
        "goal": QUERIES_PER_SECOND,
    }


def wordnet(texts: Sequence[str]) -> Attack:
    """The greedy swap from the plain WordNet lexicon."""
    return Attack("wordnet", resources_for(["wordnet"], texts).words("wordnet"), Greedy())


def table(result: Json) -> str:
    """The result as text."""
    lines = [
        f"{'victim':<13}{'TextAttack pads':<16}{'n':>4}{'queries':>16}{'CPU s':>16}{'ratio':>8}"
        f"{'goal':>7}{'same success':>14}",
    ]
    for r in result["comparisons"]:
        a, b = r["textattack"], r["rosearch"]
        queries, cpu = f"{a['queries']:,} / {b['queries']:,}", f"{a['cpu']:.2f} / {b['cpu']:.2f}"
        lines.append(
            f"{r['victim']:<13}{r['padding']:<16}{r['n']:>4}{queries:>16}{cpu:>16}"
            f"{r['ratio']:>7.1f}x{r['goal']:>6}x{r['same_success']:>14.3f}"
            + ("" if r["ratio"] >= r["goal"] else "  goal missed")
        )
    two = result["two_cores"]
    lines += [
        "",
        f"textcnn, two processes: {two['per_wall_second']:,.0f} queries per wall second, "
        f"{two['per_second_of_two_free_cores']:,.0f} per second of two free cores "
        f"(goal {two['goal']:,})",
        f"preparation (WordNet table of {result['n']} texts): {result['preparation']:.2f} s",
        f"load average {result['load'][0]:.1f} on {os.cpu_count()} cores",
    ]
    return "\n".join(lines)


def main() -> None:
    """Run all, print the table, write the JSON, assert the claims."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--textattack-python", type=Path, required=True)
    parser.add_argument("--students", type=Path, default=Path("runs/attack-speed"))
    parser.add_argument("--json", type=Path, help="where to write the result")
    parser.add_argument("--n", type=int, default=100, help="texts")
    parser.add_argument("--shipped-n", type=int, default=10, help="texts where padded to 512")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of students")
    parser.add_argument("--teacher-rounds", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    task = load_task("mr")
    texts, labels = task.test.texts[: arguments.n], task.test.labels[: arguments.n]
    start = time.perf_counter()
    attack = wordnet(texts)
    result: Json = {
        "commit": commit(),
        "seed": 0,
        "machine": machine(),
        "versions": versions(),
        "textattack": "0.3.11",
        "n": len(texts),
        "preparation": time.perf_counter() - start,
        "comparisons": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        folders = victims(task, arguments.students, scratch)
        with textattack(arguments.textattack_python, scratch) as ask:
            for row in COMPARISONS:
                n = (
                    min(arguments.shipped_n, arguments.n)
                    if row.padding == "shipped"
                    else arguments.n
                )
                rounds = arguments.teacher_rounds if row.victim == "minilm" else arguments.rounds
                done = compare(row, folders[row.victim], attack, ask, texts[:n], labels[:n], rounds)
                result["comparisons"].append(done)
                print(f"{row.victim}, {row.padding}: {done['ratio']:.2f}x", flush=True)
        result["two_cores"] = two_cores(folders["textcnn"], task, 2 * arguments.n)
    result["load"] = os.getloadavg()
    print(table(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    for r in result["comparisons"]:
        where = f"{r['victim']} against TextAttack, padding {r['padding']}"
        assert r["ratio"] >= r["claim"], f"{where}: {r['ratio']:.2f}x, claimed {r['claim']}x"
        assert r["same_success"] >= SAME_SUCCESS, f"{where}: same success {r['same_success']}"


if __name__ == "__main__":
    main()

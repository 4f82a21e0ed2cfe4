"""Does a run survive anything? SIGKILL at random moments, resume each time, compare the stores.

    python benchmarks/kill_test.py --kills 30 --json kill_test.json

One run of the preset `smoke` is left alone. Others are killed at random moments, the driver or one
of its workers, and resumed until they are finished; then a further one starts, until there were
enough kills. Every table of every store has to equal those of the run left alone, except for
measured times. Within one life of a driver one worker is killed at most: a candidate whose worker
dies twice counts as failed, which is right, but another result.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
from common import commit

from rosearch.results.summary import machine

# Columns and JSON keys that hold measured times, or what is derived from them.
TIMES = ("seconds", "search_seconds", "train_seconds", "attack_seconds", "latency_ms")
MEASURED = {"finished", "started", *TIMES}
CLI = [sys.executable, "-m", "rosearch.cli.main"]
GONE = 15.0  # seconds for the workers of a killed driver to end


def contents(store: Path) -> dict[str, list[Any]]:
    """All rows of all tables, without what is measured, in an order of their own."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        rows = {name: [dict(row) for row in db.execute(f"SELECT * FROM {name}")] for name in names}
    plain = {name: [unmeasured(row) for row in rows[name] if not is_time(row)] for name in names}
    return {name: sorted(found, key=json.dumps) for name, found in plain.items()}


def is_time(row: dict[str, Any]) -> bool:
    """Whether a row of keys and values holds a measured time as a whole."""
    return row.get("key") in MEASURED


def unmeasured(value: Any) -> Any:
    """A value without measured times; JSON texts are opened."""
    if isinstance(value, str) and value[:1] in "{[":
        value = json.loads(value)
    if isinstance(value, dict):
        return {k: unmeasured(v) for k, v in value.items() if k not in MEASURED}
    return [unmeasured(v) for v in value] if isinstance(value, list) else value


def differences(one: Any, two: Any, path: str = "") -> Iterator[str]:
    """Where two values of `contents` differ."""
    if isinstance(one, dict) and isinstance(two, dict):
        for key in sorted(one.keys() | two.keys()):
            yield from differences(one.get(key), two.get(key), f"{path}/{key}")
    elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        for i, (a, b) in enumerate(zip(one, two, strict=True)):
            yield from differences(a, b, f"{path}/{i}")
    elif one != two:
        yield f"{path}: {str(one)[:80]} != {str(two)[:80]}"


def start(run: Path, config: list[str]) -> subprocess.Popen[str]:
    """Start the run, or go on with it once there is something to go on with."""
    begun = (run / "run.db").exists()
    where = ["resume", str(run)] if begun else ["search", *config, "--out", str(run)]
    return subprocess.Popen([*CLI, *where], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                            text=True)  # fmt: skip


def workers_of(driver: int) -> list[psutil.Process]:
    """Worker processes, without the helper that multiprocessing has besides."""
    try:
        children = psutil.Process(driver).children()
        return [p for p in children if "spawn_main" in " ".join(p.cmdline())]
    except psutil.Error:
        return []


def live(run: Path, config: list[str], span: float, kills: int, rng: random.Random) -> Counter[str]:
    """One life of a driver; what was killed in it. Finished if the driver is not among it.

    Args:
        span: moments of kills are drawn from so many seconds.
        kills: at most so many.

    Raises:
        RuntimeError: the driver failed by itself, or a worker outlived it.
    """
    killed: Counter[str] = Counter()
    process = start(run, config)
    while killed.total() < kills:
        try:
            process.wait(rng.uniform(0.0, span))
            break
        except subprocess.TimeoutExpired:
            pass
        workers = workers_of(process.pid)
        if (
            workers and not killed["worker"] and rng.random() < 0.8
        ):  # there are some only part of the time
            rng.choice(workers).kill()
            killed["worker"] += 1
            continue
        process.kill()
        killed["driver"] += 1
        if psutil.wait_procs(workers, GONE)[1]:
            raise RuntimeError("workers outlive a killed driver")
        break
    errors = process.communicate()[1]
    if process.returncode not in (0, -signal.SIGKILL):
        raise RuntimeError(f"the driver ended with {process.returncode}: {errors[-2000:]}")
    return killed


def clear_unbegun(run: Path) -> None:
    """Remove what a driver left that was killed before its store told what the run is."""
    try:
        with closing(sqlite3.connect(f"file:{run / 'run.db'}?mode=ro", uri=True)) as db:
            if db.execute("SELECT 1 FROM meta WHERE key = 'config'").fetchone():
                return
    except sqlite3.OperationalError:
        pass
    for path in run.glob("*"):
        path.unlink()
    if run.exists():
        run.rmdir()


def kill_test(config: list[str], folder: Path, kills: int, seed: int) -> dict[str, Any]:
    """Everything measured; `differences` is empty if the runs are equal."""
    rng = random.Random(seed)
    live(folder / "first", config, 0.0, 0, rng)  # fine-tunes the teacher, which is kept
    begin = time.monotonic()
    live(folder / "alone", config, 0.0, 0, rng)
    span = time.monotonic() - begin
    alone = contents(folder / "alone" / "run.db")
    found = [f"left alone twice: {d}" for d in
             differences(alone, contents(folder / "first" / "run.db"))]  # fmt: skip
    killed: Counter[str] = Counter()
    runs = lives = 0
    while killed.total() < kills:
        run = folder / f"killed-{runs}"
        runs += 1
        finished = False
        while not finished:
            clear_unbegun(run)
            in_this_life = live(run, config, span, kills - killed.total(), rng)
            killed += in_this_life
            lives += 1
            finished = not in_this_life["driver"]
            print(f"run {runs}, life {lives}: {killed.total()} kills", file=sys.stderr, flush=True)
        equal = differences(alone, contents(run / "run.db"))
        found += [f"{run.name}: {difference}" for difference in equal]
    return {
        "kills": killed.total(), "of_drivers": killed["driver"], "of_workers": killed["worker"],
        "runs": runs, "lives": lives, "seconds_alone": round(span, 1), "rows": {
            name: len(rows) for name, rows in alone.items()}, "differences": found,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--config", nargs="*", default=["--preset", "smoke"], metavar="OPTION")
    parser.add_argument("--json", type=Path)
    options, more = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        found = kill_test([*options.config, *more], Path(folder), options.kills, options.seed)
    found |= {"commit": commit(), "machine": machine(), "seed": options.seed}
    text = json.dumps(found, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    sys.exit(1 if found["differences"] else 0)


if __name__ == "__main__":
    main()

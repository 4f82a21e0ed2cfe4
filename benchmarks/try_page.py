"""Time of the page of `rosearch try`: until it is there, and from a key to the answer on it.

    python benchmarks/try_page.py RUN --json try.json

Texts of the run are typed letter by letter into the page in a headless Chromium, each letter as
soon as the student has answered the one before; the server has one core. What is timed is a letter
until the answer stands on the page, so the way through server and browser counts, and so does the
teacher, who is asked beside the student and answers on the same core. The page should
be there in less than 1 s and an answer in less than 50 ms, the slowest of a hundred included.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from common import commit
from playwright.sync_api import sync_playwright

from rosearch.results.summary import machine, versions

ENOUGH_LOAD, ENOUGH_KEY = 1_000.0, 50.0  # ms
TYPE = """async ([side, texts]) => {
  const field = document.getElementById("text"), place = document.getElementById(side), took = [];
  for (const text of texts) for (let n = 1; n <= text.length; n++) {
    if (!text.slice(0, n).trim()) continue;
    const shown = new Promise((done) => {
      const observer = new MutationObserver(() => { observer.disconnect(); done(); });
      observer.observe(place, { childList: true });
    });
    const start = performance.now();
    field.value = text.slice(0, n);
    field.dispatchEvent(new Event("input"));
    await shown;
    took.push(performance.now() - start);
  }
  return took;
}"""


def one_core() -> None:
    """Let a process have one core; the browser may use others."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def measured(address: str, texts: int, server: psutil.Process) -> dict[str, Any]:
    """Milliseconds until the page is there, cold, and from a key to an answer; and what a key
    costs the server's processor, all answers together."""
    browser = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        running = playwright.chromium.launch(executable_path=browser, args=flags)
        loads = []
        for _ in range(10):
            page = running.new_context().new_page()  # nothing is kept from the one before
            page.goto(address, wait_until="networkidle")
            loads.append(
                page.evaluate("Math.max(...performance.getEntries().map(e => e.responseEnd || 0))")
            )
        chosen = page.evaluate("n => about.examples.slice(0, n).map(e => e.text)", 2 * texts)
        sides = ["student"] + ["teacher"] * page.evaluate("about.teacher !== null")
        before = server.cpu_times()
        parts = zip(sides, (chosen[:texts], chosen[texts:]), strict=False)  # answers are remembered
        keys = {side: page.evaluate(TYPE, [side, part]) for side, part in parts}
        after = server.cpu_times()
        running.close()
    spent = after.user + after.system - before.user - before.system
    found = {"load_ms": quantiles(loads)} | {f"{k}_ms": quantiles(v) for k, v in keys.items()}
    return found | {"processor_ms": round(1_000 * spent / sum(map(len, keys.values())), 2)}


def quantiles(values: list[float]) -> dict[str, float]:
    """Median, 99th percentile, maximum and number."""
    cuts = {"median": 50, "p99": 99, "max": 100}
    found = {name: round(float(np.percentile(values, cut)), 2) for name, cut in cuts.items()}
    return found | {"n": len(values)}


def main() -> None:
    """Measure the page of one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="a finished run, whose best student is tried")
    parser.add_argument("--texts", type=int, default=10)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    command = [sys.executable, "-m", "rosearch", "try", args.run, "--port", "0", "--no-open"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=one_core)
    assert server.stdout is not None
    try:
        found = measured(
            server.stdout.readline().split(" ")[0], args.texts, psutil.Process(server.pid)
        )
    finally:
        server.terminate()
        server.wait()
    enough = found["load_ms"]["max"] < ENOUGH_LOAD and found["student_ms"]["p99"] < ENOUGH_KEY
    found |= {"enough": enough, "commit": commit(), "machine": machine(), "versions": versions()}
    print(json.dumps(found, indent=2))
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

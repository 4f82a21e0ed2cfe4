"""The house in figures: modules, folders, arrows, circles, bodies, `Any`, how far values travel.

    python benchmarks/structure.py            # what can be read off the source
    python benchmarks/structure.py --trace    # and a real search of the preset smoke, followed

A part is a folder of the package or a module of its root; an arrow is a pair of parts of which one
imports the other anywhere, inside functions too. A value passes a file if a function in it has the
value, or one that holds it, as an argument or a variable: `--trace` looks at those of every call of
the package during a search in this process. A candidate is followed from the scheduler's `ask` to
the store; who learns of a stored result is not counted.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from common import commit

SOURCE = Path(str(find_spec("rosearch").origin)).parent  # type: ignore[union-attr]
# What issue and architecture page promise: the most of each.
LIMITS = {
    "modules in the root": 6,
    "folders": 22,
    "circles of folders": 0,
    "arrows": 175,
    "95th percentile of bodies (lines)": 20,
    "Any per 1,000 lines": 7,
    "files that the config passes": 10,
    "files that a candidate passes": 10,
}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def part_of(path: Path) -> str:
    """The folder or the root module that a file belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> Iterator[str]:
    """Parts of the package that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            first, *rest = node.module.split(".")
            if first == "rosearch":
                yield from rest[:1] or [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            names = (alias.name.split(".") for alias in node.names)
            yield from (name[1] for name in names if name[0] == "rosearch" and len(name) > 1)


def arrows(trees: dict[Path, ast.Module]) -> dict[str, set[str]]:
    """Part -> the other parts that it imports."""
    parts = {part_of(path) for path in trees}
    found: dict[str, set[str]] = {part: set() for part in parts}
    for path, tree in trees.items():
        found[part_of(path)] |= {p for p in imported(tree) if p in parts} - {part_of(path)}
    return found


def circles(graph: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Pairs of parts that reach each other."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        left = [start]
        while left:
            new = graph[left.pop()] - seen
            seen |= new
            left += new
        return seen

    beyond = {part: reached(part) for part in graph}
    return [(a, b) for a in graph for b in beyond[a] if a < b and a in beyond[b]]


def body_lines(function: Function) -> int:
    """Lines of a function's body without its docstring."""
    body = function.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def read_off() -> dict[str, float]:
    """The figures that the source alone tells."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(SOURCE.rglob("*.py"))}
    trees = {path: ast.parse(text) for path, text in texts.items()}
    graph = arrows(trees)
    bodies = [
        body_lines(node)
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lines = sum(len(text.splitlines()) for text in texts.values())
    anys = sum(len(re.findall(r"\bAny\b", text)) for text in texts.values())
    modules = sum(path.parent == SOURCE for path in texts)
    folders = len({part_of(path) for path in texts if path.parent != SOURCE})
    return {
        "lines": lines,
        "modules in the root": modules,
        "folders": folders,
        "circles of folders": len(circles(graph)),
        "arrows": sum(map(len, graph.values())),
        "95th percentile of bodies (lines)": float(np.percentile(bodies, 95, method="lower")),
        "Any per 1,000 lines": round(1000 * anys / lines, 1),
    }


class Followed:
    """Which files of the package see values of some classes among their arguments."""

    def __init__(self) -> None:
        self.files: dict[str, set[str]] = defaultdict(set)
        self.stored: set[tuple[str, int]] = set()  # candidates and rungs

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        if event == "return":
            self.look(frame)
            if frame.f_code.co_name == "add_trial" and "trials" in frame.f_locals:
                self.stored |= {(t.candidate.id, t.rung) for t in frame.f_locals["trials"]}
        elif event == "call" and frame.f_back is not None:
            self.look(frame.f_back)  # its variables change between its calls

    def look(self, frame: FrameType) -> None:
        """Take down the file of a frame that has a followed value."""
        name = frame.f_code.co_filename
        if name.startswith(str(SOURCE)):
            for kind in filter(None, map(self.kind, frame.f_locals.values())):
                self.files[kind].add(str(Path(name).relative_to(SOURCE)))

    def kind(self, value: Any) -> str | None:
        """What a value is or holds: the configuration, or a candidate on its way to the store."""
        name = type(value).__name__
        if name == "RunConfig":
            return "config"
        on_its_way = name == "Trial" and (value.candidate.id, value.rung) not in self.stored
        return "candidate" if on_its_way or name in ("Candidate", "Job") else None


def followed() -> dict[str, list[str]]:
    """The files that the configuration and the candidates of a small search pass."""
    from rosearch import make_config, search
    from rosearch.executors import make_executor

    config = make_config("smoke", overrides={"search": {"candidates": 3}})
    watch = Followed()
    with tempfile.TemporaryDirectory() as folder:
        sys.setprofile(watch)
        try:
            search(
                config,
                Path(folder) / "run",
                executor=lambda context, workers: make_executor("in-process", context),
            )
        finally:
            sys.setprofile(None)
    return {kind: sorted(files) for kind, files in watch.files.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trace", action="store_true", help="follow values through a real search")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    found = read_off()
    passed = followed() if options.trace else {}
    if passed:
        found["files that the config passes"] = len(passed["config"])
        found["files that a candidate passes"] = len(passed["candidate"])
    for name, value in found.items():
        most = f"(at most {LIMITS[name]})" if name in LIMITS else ""
        print(f"{name:36} {value:10g} {most}")
    for kind, files in passed.items():
        print(f"{kind}: {', '.join(files)}")
    if options.json:
        options.json.write_text(json.dumps({"commit": commit(), **found, "passed": passed}) + "\n")
    missed = [name for name, value in found.items() if value > LIMITS.get(name, float("inf"))]
    if missed:
        sys.exit(f"above the limit: {', '.join(missed)}")


if __name__ == "__main__":
    main()

"""The import directions of the design: parts know only the parts before them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "rosearch"
# A part imports parts of its own line and of the lines before it: the order of the data flow.
LEVELS = (
    {"errors", "__about__"},
    {"io"},
    {"encodings"},
    {"space"},
    {"types", "objectives", "config"},
    {"tasks"},
    {"models"},
    {"student"},
    {"attacks"},
    {"teacher"},
    {"distill"},
    {"evaluation"},
    {"strategies"},
    {"executors"},
    {"results"},
    {"report"},
    {"robustness"},
    {"export"},
    {"serve"},
    {"run"},
    {"sklearn"},
    {"baselines"},
    {"cli"},
    {"__init__", "__main__"},
)
LEVEL = {part: i for i, parts in enumerate(LEVELS) for part in parts}


def part_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Parts of rosearch that a file imports anywhere, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            module = node.module.split(".")
            if module[0] == "rosearch":
                found |= {module[1]} if len(module) > 1 else {a.name for a in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("rosearch.")}
    return found


def test_every_part_has_a_level():
    assert {part_of(p) for p in SOURCE.rglob("*.py")} == set(LEVEL)


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.name))
def test_imports_point_one_way(path: Path):
    mine = part_of(path)
    if mine == "__init__":  # the package re-exports lazily
        return
    later = {p for p in imports(path) if p in LEVEL and LEVEL[p] > LEVEL[mine]}
    assert not later, f"{path.relative_to(SOURCE)} imports {later}, which come after {mine}"


def test_student_and_attack_do_not_know_each_other():
    for path in (SOURCE / "student").rglob("*.py"):
        assert "attacks" not in imports(path)
    for path in (SOURCE / "attacks").rglob("*.py"):
        assert "student" not in imports(path)


def test_saved_model_code_imports_nothing_of_rosearch():
    for name in ("configuration", "defences", "layers", "model", "votes"):
        assert not imports(SOURCE / "student" / f"{name}.py")
    for name in (
        "reader",
        "reader_forms",
        "reader_index",
        "reader_joins",
        "reader_whole",
        "reading_tokenizer",
    ):
        assert not imports(SOURCE / "encodings" / f"{name}.py")


@pytest.mark.parametrize(
    "module",
    ["rosearch", "rosearch.space.variation", "rosearch.strategies.scheduler",
     "rosearch.results.store", "rosearch.cli.main", "rosearch.report.page",
     "rosearch.serve.watch", "rosearch.tasks", "rosearch.evaluation.held_out",
     "rosearch.export.source", "rosearch.cli.export"],
)  # fmt: skip
def test_light_modules_do_not_import_torch(module: str):
    code = f"import sys, {module}; print(any(m in sys.modules for m in ('torch', 'transformers')))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


HEAVY = ("torch", "transformers", "datasets", "pandas", "scipy", "nltk", "plotly", "pydantic")


@pytest.mark.parametrize("module", ["rosearch", "rosearch.config", "rosearch.cli.main"])
def test_start_up_loads_nothing_heavy(module: str):
    """`import rosearch` and `rosearch --help` are quick because of this."""
    code = f"import sys, {module}; print([m for m in {HEAVY} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_public_names_are_there():
    import rosearch

    for name in rosearch.__all__:
        assert getattr(rosearch, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = rosearch.nope


def test_the_house_keeps_its_measures(monkeypatch):
    """What `python benchmarks/structure.py` prints; `--trace`, which takes minutes, is left out."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    from structure import LIMITS, read_off

    found = read_off()
    above = {name: value for name, value in found.items() if value > LIMITS.get(name, value)}
    assert not above

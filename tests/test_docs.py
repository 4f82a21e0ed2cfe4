"""The documentation: its Python runs, its commands and links are real, it builds without a network.

Every block of Python of a page runs, one after the other in one namespace, unless a comment
`<!-- not run: reason -->` stands right before it.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from made_results import made_result
from made_scores import made_score
from pages import EXTENDING, PAGES, ROOT, blocks, own_parts

import rosearch
from rosearch.baselines.recipes import RECIPES
from rosearch.config import to_dict
from rosearch.encodings.vocabulary import plain_vocabulary, student_tokenizer
from rosearch.io.plugins.registry import REGISTRIES
from rosearch.results.store import Store
from rosearch.space.genotype import Genotype, Node
from rosearch.student.build import build_student
from rosearch.student.saving import save_student
from rosearch.types import Candidate, Fidelity, Final, Robustness, Score, Trial

LINES = 15  # that one kind of entry may take
COMMANDS = re.compile(r"^```\n(.*?)^```$", re.M | re.S)
GENOTYPE = Genotype(32, 32, (Node((0,), "conv3", activation="relu"),), pooling="max")


def score(candidate: Candidate, fidelity: Fidelity) -> Score:
    """A made-up evaluation."""
    return made_score(
        clean=0.8, n_clean=600, after_attack=0.2 + candidate.index / 100, attack_success_rate=0.7,
        attacked=200, params=1_000_000 + candidate.index, flops=10, latency_ms=1.5, queries=321,
        train_seconds=1.0, attack_seconds=2.0, fitness=1.9, fidelity=fidelity,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory, bert_tokenizer) -> Path:
    """A folder with a small finished run, `runs/mr`, whose student is untrained."""
    root = tmp_path_factory.mktemp("docs")
    run = root / "runs" / "mr"
    run.mkdir(parents=True)
    store = Store(run / "run.db", create=True)
    names = ["negative", "positive"]
    store.set_meta(config=to_dict(rosearch.make_config("smoke")), label_names=names)
    candidate = Candidate(0, GENOTYPE, 7)
    store.add_trial(Trial(candidate, score(candidate, Fidelity(1, 0.2, 30, ("wordnet",)))))
    counts = {"wordnet": Robustness("wordnet", 50, 40, 10, 999)}
    store.add_final(Final(candidate.id, 1, GENOTYPE.to_json(), 10, 70, 100, counts, 1.0, 2.0))
    store.add_examples(candidate.id, "wordnet", [made_result(0, "flipped", "good", "fine")])
    vocabulary = plain_vocabulary(bert_tokenizer)
    model = build_student(GENOTYPE, vocabulary, names, seed=0)
    with torch.no_grad():
        model.classifier.weight.mul_(4.0)  # probabilities far from one half
    save_student(
        model, student_tokenizer(bert_tokenizer, vocabulary), run / "students" / candidate.id
    )
    return root


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p)], ids=lambda p: p.name)
def test_python_in_the_pages_runs(
    page: Path, folder: Path, bert_tokenizer, monkeypatch, scratch_registries
):
    monkeypatch.chdir(folder)
    (student,) = (folder / "runs" / "mr" / "students").iterdir()
    main = ModuleType("__main__")  # where classes of the page are found by their name
    monkeypatch.setitem(sys.modules, "__main__", main)
    names: dict[str, Any] = vars(main)
    names["vocabulary"] = plain_vocabulary(bert_tokenizer)
    names["evaluate"] = lambda job: score(job.candidate, Fidelity(1, 1.0, 200, ("wordnet",)))
    for code in blocks(page):
        for shown in ("runs/mr/students/STUDENT", "runs/mr-.../students/ID"):
            code = code.replace(shown, str(student))
        exec(compile(code, str(page), "exec", dont_inherit=True), names)
    if page.name == "extending.md":
        assert names["report"].counts["digits"].n == 20


def test_every_kind_is_extended_in_few_lines_with_imports_from_faces(scratch_registries):
    plugin = own_parts()
    assert {name for block in plugin for name in re.findall(r"(\w+)\.register", block)} == {
        place.rpartition(":")[2] for place in REGISTRIES.values()
    }
    for block in blocks(EXTENDING):
        assert len([line for line in block.splitlines() if line]) <= LINES, block
        for name in re.findall(r"^from (rosearch[.\w]*) import", block, re.M):
            module = import_module(name)
            assert hasattr(module, "__path__") or name.count(".") == 1, name


def commands() -> list[tuple[str, tuple[str, ...]]]:
    """Every `rosearch` command of the pages: subcommand and its options."""
    found = set()
    for page in PAGES:
        for block in COMMANDS.findall(page.read_text("utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                if line.startswith("rosearch "):
                    words = shlex.split(line, comments=True)
                    options = [w.split("=")[0] for w in words[2:] if w.startswith("--")]
                    found.add((words[1], tuple(sorted(options))))
    return sorted(found)


def test_commands_in_the_pages_exist():
    import typer.main

    from rosearch.cli.main import app

    known = typer.main.get_command(app).commands
    assert len(commands()) > 20
    for command, options in commands():
        taken = {name for p in known[command].params for name in (*p.opts, *p.secondary_opts)}
        assert set(options) <= taken, command


def test_every_page_is_in_the_navigation():
    listed = set(re.findall(r"([\w-]+\.md)", (ROOT / "mkdocs.yml").read_text("utf-8")))
    assert listed == {page.name for page in (ROOT / "docs").glob("*.md")}


def test_the_page_on_distillation_tells_the_recipes_as_they_are():
    page = (ROOT / "docs" / "distillation.md").read_text("utf-8")
    told = [line for line in page.splitlines() if line.count("|") == 6][2:]
    cells = [
        (f"`{r.name}`", f"`{r.preset}`", r.source, r.what, r.departures or "none of its own")
        for r in RECIPES.values()
    ]
    assert told == [f"| {' | '.join(row)} |" for row in cells]


@pytest.mark.skipif(find_spec("material") is None, reason="the extra docs is not installed")
def test_the_site_builds_strictly_and_asks_no_other_host(tmp_path: Path):
    site = tmp_path / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(site)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    loaded = re.compile(r"""<(?:script|img|link|iframe)[^>]+(?:src|href)=["']?(https?:)?//""")
    for page in site.rglob("*.html"):
        assert not loaded.findall(page.read_text("utf-8")), page.name
    assert (site / "images" / "data-flow.svg").is_file()

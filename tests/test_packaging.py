"""What pyproject.toml allows is what is tested; the built wheel works where nothing of ours is."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import distribution, distributions, version

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from pages import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
REQUIREMENTS = [
    Requirement(line)
    for lines in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for line in lines
]
PINS = dict(
    line.split("==")
    for line in (ROOT / "constraints.txt").read_text("utf-8").split()
    if "==" in line
)


def _at(name: str) -> int:
    return next(i for i, r in enumerate(REQUIREMENTS) if r.name == name)


def plain(name: str) -> str:
    return name.lower().replace("_", "-")


@pytest.mark.parametrize("wanted", REQUIREMENTS, ids=str)
def test_every_dependency_has_a_lower_bound_and_a_pin_above_it(wanted: Requirement):
    assert [s.operator for s in wanted.specifier] == [">="]
    pins = {plain(name): pin for name, pin in PINS.items()}
    assert pins[plain(wanted.name)] in wanted.specifier


def test_the_lowest_python_is_one_that_all_pinned_packages_take():
    (lowest,) = SpecifierSet(PROJECT["requires-python"])
    assert lowest.operator == ">="
    refused = [
        found.name
        for found in distributions()
        if plain(found.name) in map(plain, PINS)
        and not SpecifierSet(found.metadata.get("Requires-Python") or "").contains(lowest.version)
    ]
    assert not refused
    for page in ("README.md", "docs/index.md"):
        assert lowest.version in (ROOT / page).read_text("utf-8")


def test_the_bounds_that_are_tried_are_those_of_the_project(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from clean_install import LOWEST_EXTRAS, lower_bounds

    found = set(lower_bounds())
    names = {line.split("==")[0] for line in found}
    wanted = {Requirement(line).name for line in PROJECT["dependencies"]}
    for extra in LOWEST_EXTRAS:
        wanted |= {Requirement(line).name for line in PROJECT["optional-dependencies"][extra]}
    assert names == wanted - {"torch"}
    assert f"numpy=={next(iter(REQUIREMENTS[_at('numpy')].specifier)).version}" in found


@pytest.mark.slow
def test_the_wheel_works_in_a_clean_environment():
    """Builds, installs without constraints, searches, exports, and serves the page of `try`."""
    torch = version("torch").partition("+")[0]
    command = [sys.executable, str(ROOT / "benchmarks" / "clean_install.py"), "--torch", torch]
    done = subprocess.run(command, capture_output=True, text=True, timeout=2400)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "the wheel works in a clean environment" in done.stdout
    assert f"built: rosearch-{distribution('rosearch').version}" in done.stdout

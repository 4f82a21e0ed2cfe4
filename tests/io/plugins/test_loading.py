"""Plugins are imported by name or path, once, and what is wrong with one is told in a line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rosearch.errors import UserError
from rosearch.io.plugins import load_plugins, loaded_plugins, plugin_files


@pytest.fixture(autouse=True)
def _clean(plugin_folder: Path) -> None:
    """Every test has a folder of its own."""


def test_a_module_of_the_current_directory_is_imported_once(tmp_path: Path):
    (tmp_path / "plugin_once.py").write_text("import sys\nsys.counted = []\n")
    load_plugins(["plugin_once"])
    sys.counted.append(1)  # type: ignore[attr-defined]
    load_plugins(["plugin_once"])
    assert sys.counted == [1]  # type: ignore[attr-defined]
    assert loaded_plugins() == ("plugin_once",)


def test_a_file_becomes_the_module_of_its_name(tmp_path: Path):
    folder = tmp_path / "inner"
    folder.mkdir()
    (folder / "plugin_file.py").write_text("VALUE = 3\n")
    load_plugins(["inner/plugin_file.py", str(folder / "plugin_file.py")])
    assert sys.modules["plugin_file"].VALUE == 3
    assert loaded_plugins() == ("plugin_file",) and plugin_files() == (folder / "plugin_file.py",)


def test_a_package_is_its_folder(tmp_path: Path):
    (tmp_path / "plugin_package").mkdir()
    (tmp_path / "plugin_package" / "__init__.py").write_text("")
    (tmp_path / "plugin_package" / "inner.py").write_text("VALUE = 4\n")
    load_plugins(["plugin_package.inner"])
    assert plugin_files() == (tmp_path / "plugin_package",)


@pytest.mark.parametrize(
    ("plugin", "message"),
    [
        ("plugin_nowhere", "No module named 'plugin_nowhere'"),
        ("nowhere.py", "no file"),
        ("json.py", "another module 'json'"),
        ("plugin_broken", "ZeroDivisionError: division by zero"),
        ("plugin_broken.py", "ZeroDivisionError: division by zero"),
    ],
)
def test_what_cannot_be_imported_is_told_in_one_line(tmp_path: Path, plugin: str, message: str):
    import json  # noqa: F401

    (tmp_path / "plugin_broken.py").write_text("1 / 0\n")
    (tmp_path / "json.py").write_text("")
    with pytest.raises(UserError) as error:
        load_plugins([plugin])
    text = str(error.value)
    assert plugin in text and message in text and "\n" not in text
    assert loaded_plugins() == ()

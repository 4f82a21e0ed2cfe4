"""Workers import the plugins of their owner before they read what it sends."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rosearch.errors import UserError
from rosearch.executors import make_executor
from rosearch.io.plugins import load_plugins, loaded_plugins

PLUGIN = """
from rosearch.attacks import LEXICONS, NamedLexicon

class Words:
    def __init__(self, name):
        self.name = name

def answer(context):
    return LEXICONS[context.name].make()("word"), __name__

LEXICONS.register(NamedLexicon("mine", "a lexicon", lambda: lambda w: (w + "s",), families=("m",)))
"""


@pytest.mark.parametrize("executor", ["local", pytest.param("ray", marks=pytest.mark.ray)])
def test_a_worker_knows_what_a_plugin_registered(
    executor: str, plugin_folder: Path, scratch_registries: None
):
    (plugin_folder / "worker_plugin.py").write_text(PLUGIN)
    load_plugins(["worker_plugin.py"])
    plugin = sys.modules["worker_plugin"]
    with make_executor(executor, plugin.Words("mine"), 1) as pool:
        assert pool.call(plugin.answer).result(timeout=60) == (("words",), "worker_plugin")


def test_a_plugin_that_is_gone_fails_the_tasks_and_is_named(
    plugin_folder: Path, scratch_registries: None
):
    (plugin_folder / "worker_plugin.py").write_text(PLUGIN)
    load_plugins(["worker_plugin"])
    (plugin_folder / "worker_plugin.py").unlink()
    assert loaded_plugins() == ("worker_plugin",)
    with make_executor("local", None, 1) as pool:
        failed = pool.call(print).exception(timeout=60)
    assert isinstance(failed, UserError) and "plugin 'worker_plugin' cannot" in str(failed)

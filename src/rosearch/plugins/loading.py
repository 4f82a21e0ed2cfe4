"""Import of users' modules, which register what they add; workers import the same ones."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from rosearch.errors import UserError, one_line

_loaded: dict[str, None] = {}  # of this process, in order


def load_plugins(plugins: Iterable[str]) -> None:
    """Import plugins, each once in a process.

    Args:
        plugins: dotted names of modules, found in the current directory or among the installed
            packages, or paths of `.py` files.

    Raises:
        UserError: one that there is not, or that fails as it is imported.
    """
    for plugin in plugins:
        if plugin not in _loaded:
            _import(plugin)
            _loaded[plugin] = None


def loaded_plugins() -> tuple[str, ...]:
    """The plugins of this process: what its workers have to load, too."""
    return tuple(_loaded)


def _import(plugin: str) -> None:
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        if plugin.endswith(".py"):
            _import_file(Path(plugin).resolve())
        else:
            importlib.import_module(plugin)
    except UserError as error:
        raise UserError(f"plugin {plugin!r}: {error}") from error
    except Exception as error:
        kind = type(error).__name__
        raise UserError(
            f"plugin {plugin!r} cannot be imported ({kind}: {one_line(error)}); expected the name "
            "of a module in the current directory or an installed one, or the path of a .py file"
        ) from error


def _import_file(path: Path) -> ModuleType:
    """A file as the module of its name, which is how workers find what is pickled of it.

    Raises:
        UserError: no such file, or there is another module of this name.
    """
    name = path.stem
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    other = sys.modules.get(name)
    if other is not None:
        if Path(getattr(other, "__file__", None) or "").resolve() == path:
            return other
        raise UserError(f"there is another module {name!r} already; rename the file")
    spec = spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module

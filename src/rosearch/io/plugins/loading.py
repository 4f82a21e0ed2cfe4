"""Import of users' modules, which register what they add; workers import the same ones."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from pathlib import Path

from rosearch.errors import UserError, one_line

_loaded: dict[str, None] = {}  # modules of this process, in order


def load_plugins(plugins: Iterable[str]) -> None:
    """Import plugins, each once in a process.

    Args:
        plugins: dotted names of modules, found among the installed ones or in the current
            directory, or paths of `.py` files.

    Raises:
        UserError: one that there is not, or that fails as it is imported.
    """
    for plugin in plugins:
        try:
            _loaded[_import(plugin)] = None
        except UserError as error:
            raise UserError(f"plugin {plugin!r}: {error}") from error
        except Exception as error:
            kind = type(error).__name__
            raise UserError(
                f"plugin {plugin!r} cannot be imported ({kind}: {one_line(error)}); expected the "
                "name of a module that is installed or in the current directory, or the path of a "
                ".py file"
            ) from error


def loaded_plugins() -> tuple[str, ...]:
    """The modules of the plugins of this process: what its workers have to import, too."""
    return tuple(_loaded)


def plugin_files() -> tuple[Path, ...]:
    """Files and package folders of the plugins of this process."""
    files: dict[Path, None] = {}
    for name in _loaded:
        module = sys.modules[name.partition(".")[0]]
        folders = list(getattr(module, "__path__", ()))
        files[Path(folders[0] if folders else str(module.__file__))] = None
    return tuple(files)


def _import(plugin: str) -> str:
    """Import a plugin; the name of its module.

    A file is the module of its name, which is how a worker finds it, even on another machine.
    """
    if not plugin.endswith(".py"):
        _look_in(Path.cwd())
        importlib.import_module(plugin)
        return plugin
    path = Path(plugin).resolve()
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    _look_in(path.parent)
    module = importlib.import_module(path.stem)
    if Path(module.__file__ or "").resolve() != path:
        raise UserError(f"there is another module {path.stem!r}; give the file another name")
    return path.stem


def _look_in(folder: Path) -> None:
    """Find modules of a folder, too; last, so that none takes the place of an installed one."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
        importlib.invalidate_caches()

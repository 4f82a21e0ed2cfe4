"""RoSearch: search for small, accurate and robust student text classifiers.

Importing the package is quick and runs nothing. It only arranges that, once transformers' auto
classes are loaded, they know saved students: `import rosearch` is all that
`AutoModelForSequenceClassification.from_pretrained("students/<id>")` needs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any

from rosearch.__about__ import __version__

# Public name -> module and name there.
_PUBLIC = {
    "Genotype": ("rosearch.space.genotype", "Genotype"),
    "UserError": ("rosearch.errors", "UserError"),
    "attack": ("rosearch.robustness.evaluate", "attack"),
    "build_student": ("rosearch.student.build", "build_student"),
    "load_task": ("rosearch.tasks", "load_task"),
    "make_config": ("rosearch.config", "make_config"),
    "load_run": ("rosearch.results.frames", "load_run"),
    "resume": ("rosearch.run.lifecycle", "resume"),
    "search": ("rosearch.run.lifecycle", "search"),
}
__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'rosearch' has no attribute {name!r}")
    from importlib import import_module

    module, inner = _PUBLIC[name]
    return getattr(import_module(module), inner)


def _register_config(module: Any) -> None:
    from rosearch.student.configuration import StudentConfig

    module.AutoConfig.register(StudentConfig.model_type, StudentConfig, exist_ok=True)


def _register_model(module: Any) -> None:
    from rosearch.student.configuration import StudentConfig
    from rosearch.student.model import StudentForSequenceClassification

    module.AutoModelForSequenceClassification.register(
        StudentConfig, StudentForSequenceClassification, exist_ok=True
    )


def _register_tokenizer(module: Any) -> None:
    from rosearch.encodings.reading_tokenizer import ReadingConfig, ReadingTokenizerFast

    module.AutoTokenizer.register(
        ReadingConfig, fast_tokenizer_class=ReadingTokenizerFast, exist_ok=True
    )


# Module of transformers -> what tells it of students.
_TOLD: dict[str, Callable[[Any], None]] = {
    "transformers.models.auto.configuration_auto": _register_config,
    "transformers.models.auto.modeling_auto": _register_model,
    "transformers.models.auto.tokenization_auto": _register_tokenizer,
}


class _Hook:
    """An import hook: a module of `_TOLD` is told as soon as it is loaded."""

    @staticmethod
    def find_spec(name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """The usual spec, with a loader that tells the module; None for all other modules."""
        spec = PathFinder.find_spec(name, path, target) if name in _TOLD else None
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def load_and_tell(module: Any) -> None:
            load(module)
            _TOLD[name](module)

        spec.loader.exec_module = load_and_tell  # type: ignore[method-assign]
        return spec


for _name, _register in _TOLD.items():
    if _name in sys.modules:
        _register(sys.modules[_name])
sys.meta_path.insert(0, _Hook())

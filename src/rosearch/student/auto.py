"""Saved students among the auto classes of transformers, which this loads nothing of."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any


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


def told_of_students() -> None:
    """Tell transformers' auto classes of students: now, or as soon as they are loaded."""
    for name, register in _TOLD.items():
        if name in sys.modules:
            register(sys.modules[name])
    sys.meta_path.insert(0, _Hook())

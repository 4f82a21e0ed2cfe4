"""RoSearch: search for small, accurate and robust student text classifiers.

Importing the package is quick and runs nothing. It only arranges that, once transformers' auto
classes are loaded, they know saved students: `import rosearch` is all that
`AutoModelForSequenceClassification.from_pretrained("students/<id>")` needs.
"""

from __future__ import annotations

from typing import Any

from rosearch.__about__ import __version__
from rosearch.student.auto import told_of_students

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


told_of_students()

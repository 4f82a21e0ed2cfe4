"""Saving a student as a Hugging Face folder."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from rosearch.errors import UserError
from rosearch.io.files import new_folder
from rosearch.io.quiet import quiet_transformers
from rosearch.models.network import Tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

COPY = "defences.py"  # of the code that is copied, the file with the defences


def save_student(model: PreTrainedModel, tokenizer: Tokenizer, folder: Path) -> None:
    """Save a student as a Hugging Face folder, whole or not at all.

    Besides weights (safetensors), config and tokenizer, `save_pretrained` copies the files of the
    model's code and names them in `config.json` (see the end of `model.py` and `configuration.py`),
    so that `trust_remote_code=True` loads the folder where rosearch is not installed. Where it is
    imported, its own classes are used and the copies are never run. The class of an inference-time
    defence that a plugin brought is added to the copies.

    Raises:
        UserError: the source of that class cannot be found.
    """
    code = source_lacking(model)
    with new_folder(folder) as made, quiet_transformers():
        model.save_pretrained(made)
        tokenizer.save_pretrained(made)
        if code:
            with (made / COPY).open("a", encoding="utf-8") as stream:
                stream.write(code)


def source_lacking(model: PreTrainedModel) -> str:
    """What the copied code lacks of a student's defence: nothing where its class stands beside the
    student's own.

    Raises:
        UserError: the source of the class cannot be found.
    """
    defence: nn.Module | None = getattr(model, "defence", None)
    kind = type(defence)
    if defence is None or _package(kind) == _package(type(model)):
        return ""
    name = model.config.genotype["defence"]["name"]
    try:
        source = inspect.cleandoc("\n" + inspect.getsource(kind))
    except (OSError, TypeError):
        raise UserError(
            f"cannot save a student with the defence {name!r}: the source of {kind.__name__} is in "
            "no file; put it into a module, and load that as a plugin"
        ) from None
    return f"\n\n{source}\n\n\nMODULES[{name!r}] = {kind.__name__}\n"


def _package(kind: type) -> str:
    return kind.__module__.rpartition(".")[0]

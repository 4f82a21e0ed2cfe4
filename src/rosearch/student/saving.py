"""Saving a student as a Hugging Face folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rosearch.io.files import new_folder
from rosearch.io.progress import quiet


def save_student(model: Any, tokenizer: Any, folder: Path) -> None:
    """Save a student as a Hugging Face folder, whole or not at all.

    Besides weights (safetensors), config and tokenizer, `save_pretrained` copies the files of the
    model's code and names them in `config.json` (see the end of `model.py` and `configuration.py`),
    so that `trust_remote_code=True` loads the folder where rosearch is not installed. Where it is
    imported, its own classes are used and the copies are never run.
    """
    with new_folder(folder) as made, quiet():
        model.save_pretrained(made)
        tokenizer.save_pretrained(made)

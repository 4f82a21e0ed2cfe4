"""Saving a student as a Hugging Face folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from rosearch.progress import quiet


def save_student(model: Any, tokenizer: Any, folder: Path) -> None:
    """Save a student as a Hugging Face folder, whole or not at all.

    Besides weights (safetensors), config and tokenizer, `save_pretrained` copies the files of the
    model's code and names them in `config.json` (see the end of `model.py` and `configuration.py`),
    so that `trust_remote_code=True` loads the folder where rosearch is not installed. Where it is
    imported, its own classes are used and the copies are never run.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch, quiet():
        model.save_pretrained(Path(scratch) / "model")
        tokenizer.save_pretrained(Path(scratch) / "model")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(Path(scratch) / "model", folder)

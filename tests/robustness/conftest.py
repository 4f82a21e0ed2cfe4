"""Small real students, saved as folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from rosearch.space.presets import preset
from rosearch.student.saving import save_student


@pytest.fixture(scope="session")
def folders(train_quickly, mr_train, tmp_path_factory) -> tuple[Path, Path]:
    made = []
    for name in ("textcnn", "bag"):
        made.append(tmp_path_factory.mktemp("students") / name)
        save_student(train_quickly(preset(name), epochs=1), mr_train.tokenizer(), made[-1])
    return made[0], made[1]

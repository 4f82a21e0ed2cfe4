"""TensorBoard: event files in `RUN/tensorboard`, for `tensorboard --logdir`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rosearch.config import RunConfig, to_toml
from rosearch.errors import require
from rosearch.results.summary import Summary
from rosearch.run.callbacks.tracking import Tracker

FOLDER = "tensorboard"


class TensorBoard(Tracker):
    """Writes scalars; a process that goes on adds a file to the same folder.

    Raises:
        MissingExtra: tensorboard is not installed.
    """

    name = "tensorboard"
    trace = FOLDER

    def __init__(self) -> None:
        super().__init__()
        require("tensorboard", "tensorboard")
        self.writer: Any = None
        self.earlier: Any = None

    def open(self, config: RunConfig, folder: Path) -> None:
        events = require(
            "tensorboard.backend.event_processing.event_accumulator", "tensorboard"
        ).EventAccumulator
        new = not (folder / FOLDER).exists()
        (folder / FOLDER).mkdir(exist_ok=True)
        # 0 keeps every value; the default keeps a sample of them.
        self.earlier = events(str(folder / FOLDER), size_guidance={"scalars": 0})
        self.earlier.Reload()
        writer = require("torch.utils.tensorboard", "tensorboard").SummaryWriter
        self.writer = writer(str(folder / FOLDER))
        if new:
            lines = to_toml(config).splitlines()
            # Four blanks make a block of code of it in TensorBoard's Markdown.
            self.writer.add_text("config", "\n".join("    " + line for line in lines))
        self.writer.flush()

    def read(self, name: str) -> dict[int, float]:
        if name not in self.earlier.Tags()["scalars"]:
            return {}
        return {event.step: event.value for event in self.earlier.Scalars(name)}

    def write(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)
        self.writer.flush()

    def close(self, summary: Summary) -> None:
        self.writer.close()

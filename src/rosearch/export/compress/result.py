"""What a compressed model is and takes: one row of a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rosearch.export.int8 import FORM
from rosearch.export.speed import Speed, speeds
from rosearch.types import Json

if TYPE_CHECKING:
    from rosearch.export.measure import Parity, Quality
    from rosearch.models.timing import Latency

FLOAT_BYTES = 4  # of a weight in float32


@dataclass(frozen=True)
class Checked:
    """The compressed model against the original one, on a sample of the test split.

    Attributes:
        task: name of the task.
        original, compressed: clean results, without attacks.
    """

    task: str
    parity: Parity
    original: Quality
    compressed: Quality


@dataclass(frozen=True)
class Compressed:
    """A compressed classifier in its folder.

    Attributes:
        label: `int8`, `4-bit`, `pruned 50 %`.
        original: name of the model that it was made of.
        form: `int8` or `int4` for an ONNX folder, `hf` for a Hugging Face folder.
        params: parameters of the original.
        nonzero: those that are not 0, before quantisation.
        disk: bytes of its file with the weights.
        effective: bytes that it takes in the best format named here. Of a quantised model this is
            the file; of a pruned one the smallest of `sparse`, which is not what is on the disk.
        stored: bytes of the file by how numbers are stored, such as `4-bit`; what is missing to
            `disk` is the description of the graph.
        quantized: share of the parameters that have fewer bits.
        sparse: bytes in formats for sparse matrices.
        checked: None where no task was given.
        latency: None of a pruned model: its zeros are computed with like any other number.
    """

    label: str
    original: str
    folder: Path
    form: str
    params: int
    nonzero: int
    disk: int
    effective: int
    stored: Mapping[str, int] = field(default_factory=dict)
    quantized: float = 0.0
    sparse: Mapping[str, int] = field(default_factory=dict)
    checked: Checked | None = None
    latency: tuple[Latency, ...] = ()

    @property
    def megabytes(self) -> float:
        """Effective megabytes, of 1,000,000 bytes."""
        return self.effective / 1e6

    @property
    def bits_per_weight(self) -> float:
        """Everything that is stored, over the parameters of the original."""
        return 8 * self.effective / self.params

    @property
    def compression(self) -> float:
        """How many times smaller than the original's parameters in float32."""
        return FLOAT_BYTES * self.params / self.effective

    @property
    def speed(self) -> tuple[Speed, ...]:
        """Against float; none of a pruned model."""
        return speeds(self.latency, self.form)

    def to_json(self) -> Json:
        """All numbers, JSON-ready."""
        from rosearch.results.summary import machine, versions

        return {
            "label": self.label,
            "original": self.original,
            "folder": str(self.folder),
            "form": self.form,
            "params": self.params,
            "nonzero_params": self.nonzero,
            "bytes": self.disk,
            "effective_bytes": self.effective,
            "effective_megabytes": round(self.megabytes, 3),
            "bits_per_weight": round(self.bits_per_weight, 3),
            "compression": round(self.compression, 3),
            "stored_bytes": dict(self.stored),
            "quantized_share": round(self.quantized, 4),
            "sparse_bytes": dict(self.sparse),
            "checked": self._checked(),
            "latency": [
                {**asdict(row), "texts_per_second": round(row.texts_per_second, 1)}
                for row in self.latency
            ],
            "weights": FORM if self.form == "int8" else None,
            "against_float": [speed.to_json() for speed in self.speed],
            "machine": machine(),
            "versions": versions(),
        }

    def _checked(self) -> Json | None:
        if self.checked is None:
            return None
        qualities = (self.checked.compressed, self.checked.original)
        return {
            "task": self.checked.task,
            "split": "test",
            "parity": asdict(self.checked.parity),
            "quality": [quality.to_json() for quality in qualities],
        }

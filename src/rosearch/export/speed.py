"""A quantised model's speed against its own float graph, and when float is the better choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rosearch.types import Json

if TYPE_CHECKING:
    from rosearch.models.timing import Latency

NOISE = 1.03  # medians that take turns differ by as much from run to run


@dataclass(frozen=True)
class Speed:
    """Milliseconds of a quantised model and of its float graph, measured side by side."""

    form: str
    batch: int
    ms: float
    float_ms: float

    @property
    def ratio(self) -> float:
        """How many times as fast as float; below 1 it is slower."""
        return self.float_ms / self.ms

    @property
    def slower(self) -> bool:
        """Whether float is faster, by more than noise."""
        return self.ms > NOISE * self.float_ms

    def to_json(self) -> Json:
        """JSON-ready."""
        return {
            "batch": self.batch,
            "times_as_fast": round(self.ratio, 3),
            "float_is_faster": self.slower,
        }


def speeds(latency: Sequence[Latency], form: str) -> tuple[Speed, ...]:
    """At each batch size, of the model itself; none where float was not measured beside it."""
    ms = {(row.form, row.batch): row.ms for row in latency if row.who == "model"}
    batches = [batch for name, batch in ms if name == form and form != "onnx"]
    return tuple(
        Speed(form, batch, ms[form, batch], ms["onnx", batch])
        for batch in batches
        if ("onnx", batch) in ms
    )


def speed_lines(found: Sequence[Speed]) -> list[str]:
    """One line of the ratios, and one of advice where float is the better choice."""
    if not found:
        return []
    ratios = ", ".join(f"{s.ratio:.2f}x as fast at batch {s.batch}" for s in found)
    line = f"{found[0].form} against float (onnx), on this processor: {ratios}"
    slower = " and ".join(
        f"batch {s.batch} ({s.float_ms:.3f} ms against {s.ms:.3f})" for s in found if s.slower
    )
    advice = (
        f"float is faster here at {slower}; where speed matters more than size, use rosearch "
        "export --format onnx"
    )
    return [line, advice] if slower else [line]

"""What `rosearch quantize` and `rosearch prune` print."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rosearch.results.summary import share

if TYPE_CHECKING:
    from rosearch.export.compress.result import Checked, Compressed


def print_compressed(result: Compressed, as_json: bool) -> None:
    """Size, answers and latency of a compressed model, or its JSON."""
    if as_json:
        print(json.dumps(result.to_json(), indent=2))
        return
    print(f"{result.original}, {result.label}: {result.params:,} parameters")
    for line in (_sparse if result.sparse else _quantized)(result):
        print(line)
    if result.checked:
        for line in _checked(result.checked):
            print(line)
    for row in result.latency:
        print(
            f"latency {row.form}, batch {row.batch}, 32 tokens, one thread: {row.ms:.2f} ms, "
            f"{row.texts_per_second:,.0f} texts per second"
        )
    print(f"{result.label}: {result.folder}, {result.disk / 1e6:.1f} MB")


def _quantized(result: Compressed) -> list[str]:
    stored = ", ".join(f"{kind} {size / 1e6:.2f} MB" for kind, size in result.stored.items())
    return [
        f"{result.quantized:.1%} of them have fewer bits; stored: {stored}",
        f"{result.bits_per_weight:.2f} bits for each parameter, {result.compression:.1f}x smaller "
        "than in float32",
    ]


def _sparse(result: Compressed) -> list[str]:
    formats = ", ".join(f"{size / 1e6:.1f} MB as {name}" for name, size in result.sparse.items())
    return [
        f"{result.nonzero:,} of them are not 0 ({result.nonzero / result.params:.1%}); the file "
        "stores zeros like other numbers and is neither smaller nor faster",
        f"as sparse matrices: {formats}; the smallest form is {result.megabytes:.1f} MB, "
        f"{result.compression:.1f}x smaller than in float32",
    ]


def _checked(checked: Checked) -> list[str]:
    p = checked.parity
    clean = ", ".join(
        f"{q.name} {share(q.clean, (q.interval.low, q.interval.high))}"
        for q in (checked.compressed, checked.original)
    )
    return [
        f"parity on {p.n} texts of {checked.task} (test split): the same label for "
        f"{p.agreement:.1%}, largest difference of a probability {p.difference:.2g}",
        f"clean accuracy: {clean}",
    ]

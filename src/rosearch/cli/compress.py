"""`rosearch quantize` and `prune`, and what they print."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rosearch.cli.console import nothing_left, same_answers
from rosearch.cli.groups import given, with_groups
from rosearch.cli.options import AsJson, Model, NewFolder, OptionalTaskOptions, Seed

if TYPE_CHECKING:
    from rosearch.export.compress.result import Checked, Compressed


@with_groups
def quantize(
    *,
    model: Model,
    bits: Annotated[
        int,
        typer.Option(help="8: weights and products in int8. 4: weights only, products in float."),
    ] = 8,
    out: NewFolder,
    data: OptionalTaskOptions,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """Quantise a classifier as it is, without training: an ONNX folder and what it takes.

    With a task, its answers are compared with those of the original.
    """
    from rosearch.export.compress import quantized
    from rosearch.export.source import model_folder

    with nothing_left(), same_answers():
        found = quantized(model_folder(model), bits, out, _task_if_given(data, seed))
    print_compressed(found, as_json)


@with_groups
def prune(
    *,
    model: Model,
    sparsity: Annotated[float, typer.Option(help="Share of the weights that become 0.")],
    out: NewFolder,
    scope: Annotated[
        str,
        typer.Option(
            help="global: the least weights of the whole model; layer: the same share of each."
        ),
    ] = "global",
    epochs: Annotated[
        int, typer.Option(help="Passes over the train split afterwards, zeros staying 0.")
    ] = 0,
    data: OptionalTaskOptions,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """Set the weights of least magnitude of a classifier to 0, and say what that would save.

    With a task, its answers are compared with those of the original.
    """
    from rosearch.export.compress import pruned
    from rosearch.export.source import model_folder

    with nothing_left():
        task = _task_if_given(data, seed)
        found = pruned(model_folder(model), sparsity, out, task, epochs, scope, seed or 0)
    print_compressed(found, as_json)


def _task_if_given(data: OptionalTaskOptions, seed: int | None) -> Any:
    from rosearch.config import make_config
    from rosearch.tasks.named import task_of

    if not data.settings()["task"]:
        return None
    made = make_config("quick", None, {**data.settings(), **given(seed=seed)})
    return task_of(made.task, made.seed)


def print_compressed(result: Compressed, as_json: bool) -> None:
    """Size, answers and latency of a compressed model, or its JSON."""
    if as_json:
        print(json.dumps(result.to_json(), indent=2))
        return
    from rosearch.export.int8 import FORM
    from rosearch.export.speed import speed_lines

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
    for line in speed_lines(result.speed):
        print(line)
    if result.form == "int8":
        print(f"int8: {FORM}")
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
    from rosearch.results.words import told

    p = checked.parity
    clean = ", ".join(f"{q.name} {told(q.words)}" for q in (checked.compressed, checked.original))
    return [
        f"parity on {p.n} texts of {checked.task} (test split): the same label for "
        f"{p.agreement:.1%}, largest difference of a probability {p.difference:.2g}",
        f"clean accuracy: {clean}",
    ]

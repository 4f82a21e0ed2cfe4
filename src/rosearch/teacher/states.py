"""Hidden states and attention maps of a teacher, written text by text into arrays on disk.

Shapes: N texts, B batch, T tokens, D width, H heads.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rosearch.errors import UserError, one_line
from rosearch.io.files import new_file
from rosearch.io.progress import stage
from rosearch.models.batches import PASSES, Budget, Encoded, model_inputs, sorted_batches
from rosearch.models.device import autocast

if TYPE_CHECKING:
    from transformers import PreTrainedModel
    from transformers.modeling_outputs import ModelOutput

HALF = np.dtype(np.float16)


class Layer(NamedTuple):
    """States of layer 0 (the embeddings' output), 1, ..., or attention maps of layer 1, 2, ..."""

    kind: Literal["hidden", "attention"]
    number: int


def write_states(
    model: PreTrainedModel,
    pad_id: int | None,
    encoded: Sequence[Encoded],
    wanted: Mapping[Layer, Path],
    precision: str,
    what: str,
    budget: Budget = PASSES,
) -> None:
    """Compute layers and write each to its file, whole or not at all, with a progress bar.

    States are stored as (all tokens, D), attention maps as one flat array, both float16 and text
    by text; see `rosearch.teacher.outputs`. The estimated size is printed before.

    Args:
        encoded: the N texts, as the model reads them.
        what: names the texts.
        budget: of a batch.

    Raises:
        UserError: the model has no such layer, or there is too little room on the disk.
        OSError: of the disk; no unfinished file is left.
    """
    # Fused attention gives no maps; one way for all keeps files alike whatever else is wanted.
    try:
        model.set_attn_implementation("eager")
    except (AttributeError, ValueError) as error:
        raise UserError(f"the teacher does not show its layers: {one_line(error)}") from None
    model.eval()
    lengths = np.array([len(e.ids) for e in encoded])
    shapes = _shapes(model, pad_id, encoded[int(lengths.argmax())], wanted, lengths)
    _check_room(shapes, next(iter(wanted.values())).parent, what)
    with ExitStack() as files:
        streams = {layer: files.enter_context(new_file(path)) for layer, path in wanted.items()}
        writers = {layer: _Writer(streams[layer], shapes[layer], lengths) for layer in wanted}
        with (
            stage("computing the teacher's hidden states", len(encoded)) as advance,
            torch.inference_mode(),
            autocast(precision, model.device.type),
        ):
            for chosen in sorted_batches(lengths.tolist(), *budget):
                found = _forward(model, pad_id, [encoded[i] for i in chosen], wanted)
                for layer, values in found.items():
                    for i, value in zip(chosen, values.float().cpu().numpy(), strict=True):
                        writers[layer].put(i, value)
                advance(len(chosen), "")
        for stream in streams.values():
            stream.flush()  # a full disk shows before any file gets its name


class _Writer:
    """Puts the values of texts, in any order, where they belong in an array on disk."""

    def __init__(self, stream: IO[bytes], shape: tuple[int, ...], lengths: np.ndarray) -> None:
        header = {"descr": HALF.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)
        self.stream = stream
        self.data = stream.tell()
        sizes = lengths if len(shape) == 2 else lengths**2
        per_item = int(np.prod(shape)) // int(sizes.sum())  # D, or H
        self.starts = np.cumsum([0, *sizes]) * per_item
        self.lengths = lengths

    def put(self, text: int, values: np.ndarray) -> None:
        """States (padded T, D) or maps (H, padded T, padded T) of a text."""
        t = self.lengths[text]
        real = values[:t] if values.ndim == 2 else values[:, :t, :t]
        largest = float(np.finfo(HALF).max)  # clipped, as infinity would spoil every loss
        self.stream.seek(self.data + int(self.starts[text]) * HALF.itemsize)
        self.stream.write(np.clip(real, -largest, largest).astype(HALF).tobytes())


def _forward(
    model: PreTrainedModel,
    pad_id: int | None,
    batch: Sequence[Encoded],
    wanted: Mapping[Layer, Path],
) -> dict[Layer, Tensor]:
    """The wanted layers' values of a batch, (B, T, D) or (B, H, T, T)."""
    kinds = {layer.kind for layer in wanted}
    inputs = model_inputs(batch, pad_id)
    output = model(
        **{name: x.to(model.device) for name, x in inputs.items()},
        output_hidden_states="hidden" in kinds,
        output_attentions="attention" in kinds,
    )
    return {layer: _values(output, layer) for layer in wanted}


def _values(output: ModelOutput, layer: Layer) -> Tensor:
    name, first = ("hidden_states", 0) if layer.kind == "hidden" else ("attentions", 1)
    kind = "hidden states" if layer.kind == "hidden" else "attention maps"
    found = getattr(output, name, None)
    if not found or found[0] is None:
        raise UserError(f"the teacher gives no {kind}; leave out what matches them")
    if not first <= layer.number < first + len(found):
        raise UserError(
            f"the teacher has {kind} of layers {first} to {first + len(found) - 1}, "
            f"not of layer {layer.number}"
        )
    values: Tensor = found[layer.number - first]
    return values


def _shapes(
    model: PreTrainedModel,
    pad_id: int | None,
    text: Encoded,
    wanted: Mapping[Layer, Path],
    lengths: np.ndarray,
) -> dict[Layer, tuple[int, ...]]:
    """Shapes of the arrays on disk, from what the model gives for one text.

    Raises:
        UserError: a layer that the model does not have, or one with other places than tokens.
    """
    with torch.inference_mode():
        found = _forward(model, pad_id, [text], wanted)
    shapes: dict[Layer, tuple[int, ...]] = {}
    for layer, values in found.items():
        if values.shape[-2] != len(text.ids):
            raise UserError(
                f"layer {layer.number} of the teacher has {values.shape[-2]} places for "
                f"{len(text.ids)} tokens; choose layers with one place per token"
            )
        hidden = layer.kind == "hidden"
        shapes[layer] = (
            (int(lengths.sum()), values.shape[-1])
            if hidden
            else (int((lengths**2).sum()) * values.shape[1],)
        )
    return shapes


def _check_room(shapes: Mapping[Layer, tuple[int, ...]], folder: Path, what: str) -> None:
    """Tell how large the files will be.

    Raises:
        UserError: the disk has less room than that.
    """
    need = sum(int(np.prod(shape)) * HALF.itemsize for shape in shapes.values())
    names = ", ".join(f"{layer.kind} {layer.number}" for layer in shapes)
    print(f"teacher's layers on {what}: {names}: {_size(need)} in {folder}", file=sys.stderr)
    free = shutil.disk_usage(folder).free
    if need > free:
        raise UserError(
            f"the teacher's layers on {what} take {_size(need)} and {folder} has {_size(free)} "
            "free; choose fewer layers, free some space, or set ROSEARCH_CACHE to another folder"
        )


def _size(n: int) -> str:
    return f"{n / 1e9:.1f} GB" if n >= 1e9 else f"{n / 1e6:.1f} MB"

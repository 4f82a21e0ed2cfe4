"""Where a model runs, and in which precision."""

from __future__ import annotations

from typing import TypeVar

import torch

from rosearch.errors import UserError, one_line

M = TypeVar("M", bound=torch.nn.Module)


def to_device(model: M, device: str) -> M:
    """The model on a device: `auto` is the accelerator if there is one.

    From then on float32 is float32 on accelerators, too: by default cuDNN rounds what convolutions
    and recurrent networks multiply to 10 bits, and a model says something else than on the CPU.

    Raises:
        UserError: there is no such device.
    """
    name = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    try:
        moved = model.to(torch.device(name))
    except (RuntimeError, AssertionError) as error:
        raise UserError(
            f"cannot use the device {device!r}: {one_line(error)}; use auto, cpu, cuda or cuda:N"
        ) from None
    torch.backends.cudnn.allow_tf32 = False
    return moved


def autocast(precision: str, device: str = "cpu") -> torch.autocast:
    """Autocast to bf16 if asked for, or if `auto` and the device computes in it."""
    on_cpu = device == "cpu"
    able = torch.cpu.get_capabilities().get("avx512_bf16") if on_cpu else True
    enabled = precision == "bf16" or (precision == "auto" and bool(able))
    return torch.autocast(device, torch.bfloat16, enabled=enabled)

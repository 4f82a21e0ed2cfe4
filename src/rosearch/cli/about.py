"""What a bug report needs to know of the installation: no path, host or user name."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "torch", "transformers", "tokenizers", "huggingface-hub", "datasets", "numpy", "onnxruntime",
    "onnx", "starlette", "scikit-learn", "spacy", "ray", "mlflow-skinny",
)  # fmt: skip
FLAGS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
CPUINFO = Path("/proc/cpuinfo")  # of Linux only


def about() -> Iterator[str]:
    """Lines `name: value`; imports torch."""
    yield f"python: {platform.python_implementation()} {platform.python_version()}"
    for package in PACKAGES:
        yield f"{package}: {_version(package)}"
    yield f"system: {platform.system()} {platform.release()} {platform.machine()}"
    yield f"processor: {_cpuinfo('model name') or platform.processor() or 'unknown'}"
    flags = _cpuinfo("flags").split()
    yield f"processor can: {' '.join(f for f in FLAGS if f in flags) or 'nothing that is known'}"
    yield f"cores: {os.cpu_count()}, of which this process may use {_usable()}"
    yield from _torch()


def _torch() -> Iterator[str]:
    try:
        import torch
    except ImportError as error:
        yield f"torch cannot be imported: {type(error).__name__}"
        return
    yield f"torch on the processor: {torch.backends.cpu.get_cpu_capability()}"
    told = os.environ.get("OMP_NUM_THREADS", "not set")
    yield f"threads: {torch.get_num_threads()} (OMP_NUM_THREADS: {told})"
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    yield f"cuda: {torch.version.cuda or 'not built in'}, devices: {', '.join(names) or 'none'}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _usable() -> int | None:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _cpuinfo(key: str) -> str:
    """The first value of a key, or nothing."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    found = (line.partition(":") for line in lines)
    return next((value.strip() for name, _, value in found if name.strip() == key), "")

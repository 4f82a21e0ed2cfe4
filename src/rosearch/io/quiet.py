"""Libraries that are asked to show nothing of their own workings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Without transformers' own progress bars and loading reports."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)


@contextmanager
def quiet_datasets() -> Iterator[None]:
    """Without the progress bars and log lines of `datasets` and `huggingface_hub`."""
    import logging

    import datasets
    import huggingface_hub.utils as hub

    level = datasets.logging.get_verbosity()
    shown = [module for module in (datasets, hub) if not module.are_progress_bars_disabled()]
    datasets.logging.set_verbosity(logging.CRITICAL)
    for module in shown:
        module.disable_progress_bars()
    try:
        yield
    finally:
        datasets.logging.set_verbosity(level)
        for module in shown:
            module.enable_progress_bars()

"""Loading Hugging Face models: the one place that decides what is read and what never runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rosearch.errors import UserError, one_line
from rosearch.io.quiet import quiet_transformers

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


def load_pretrained(
    auto: str,
    source: str | Path,
    failure: str,
    hint: str = "",
    offline: bool = False,
    more: Mapping[str, object] | None = None,
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A model and its fast tokenizer; runs no code of the model and reads no pickled weights.

    Args:
        auto: name of an auto class of transformers.
        source: folder or hub id.
        failure, hint: of the error's one line, before and after the reason.
        offline: read local files only.
        more: arguments of the model; with `output_loading_info` it comes with that information.

    Raises:
        UserError: the model can't be loaded, or has no fast tokenizer.
    """
    import transformers

    try:
        with quiet_transformers():
            # Left unset, trust_remote_code asks on a terminal whether to run a stranger's code.
            safe = {"trust_remote_code": False, "local_files_only": offline}
            tokenizer = transformers.AutoTokenizer.from_pretrained(source, **safe)
            # use_safetensors: other weight files are pickles
            model = getattr(transformers, auto).from_pretrained(
                source, use_safetensors=True, **safe, **(more or {})
            )
    except Exception as error:  # a damaged file shows in errors of several libraries
        raise UserError(f"{failure}: {one_line(error)}{hint}") from None
    if not getattr(tokenizer, "is_fast", False):
        raise UserError(f"the model {str(source)!r} has no fast tokenizer, which RoSearch needs")
    return model, tokenizer

"""Loading Hugging Face models: the one place that decides what is read and what never runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rosearch.errors import UserError, one_line
from rosearch.io.quiet import quiet_transformers

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

CLASSIFIER = "AutoModelForSequenceClassification"


def load_pretrained(
    auto: str,
    source: str | Path,
    failure: str,
    hint: str = "",
    offline: bool = False,
    more: Mapping[str, object] | None = None,
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A model in float32 and its fast tokenizer; runs no code of it, reads no pickled weights.

    Args:
        auto: name of an auto class of transformers.
        source: folder or hub id.
        failure, hint: of the error's one line, before and after the reason.
        offline: read local files only.
        more: arguments of the model; with `output_loading_info` it comes with that information.

    Raises:
        UserError: the model can't be loaded, or has no fast tokenizer.
    """
    import torch
    import transformers

    refuse_pickles(Path(source), str(source), auto)
    try:
        with quiet_transformers():
            # Left unset, trust_remote_code asks on a terminal whether to run a stranger's code.
            safe = {"trust_remote_code": False, "local_files_only": offline}
            tokenizer = transformers.AutoTokenizer.from_pretrained(source, **safe)
            # use_safetensors: other weight files are pickles
            # float32: transformers keeps the half precision that weights were saved in
            model = getattr(transformers, auto).from_pretrained(
                source, use_safetensors=True, dtype=torch.float32, **safe, **(more or {})
            )
    except Exception as error:  # a damaged file shows in errors of several libraries
        raise UserError(f"{failure}: {one_line(error)}{hint}") from None
    if not getattr(tokenizer, "is_fast", False):
        raise UserError(f"the model {str(source)!r} has no fast tokenizer, which RoSearch needs")
    return model, tokenizer


def refuse_pickles(folder: Path, name: str, auto: str = CLASSIFIER) -> None:
    """Say how weights are converted that are there as pickles only, which may run any code.

    Args:
        folder: a model's; one that is not there is no matter of this function.
        name: where its weights can be had: the folder itself, or a hub id.

    Raises:
        UserError: there are no other weights.
    """
    from_hub = str(folder) != name
    if any(folder.glob("*.safetensors*")) or any(folder.glob("*.onnx")):
        return
    if any(folder.glob("*.bin")) or (from_hub and (folder / "config.json").is_file()):
        made = f"{Path(name).name}-safe"
        raise UserError(
            f"the weights of {name!r} are no safetensors but pickles, which can run any code when "
            "they are read, so RoSearch does not; if you trust them, convert them once: "
            f'python -c "import transformers as t; '
            f"[k.from_pretrained({name!r}).save_pretrained({made!r}) "
            f'for k in (t.{auto}, t.AutoTokenizer)]" and give {made}'
        )

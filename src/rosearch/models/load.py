"""Opening Hugging Face classifiers: what a name stands for, and how it is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from rosearch.errors import UserError, one_line
from rosearch.io import resources
from rosearch.io.files import folder_hash
from rosearch.io.quiet import quiet_transformers
from rosearch.models.heads import begin_head, check_head
from rosearch.models.padding import begin_padding, fit_tokenizer
from rosearch.models.pretrained import CLASSIFIER, load_pretrained, refuse_pickles
from rosearch.space.ops import OPS

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


def model_source(name: str) -> Path:
    """The folder of a model: a pinned resource, a local folder, or a hub id that is downloaded.

    Raises:
        UserError: the folder holds no model, or there is none and the hub does not give such a
            model.
    """
    if name in resources.RESOURCES:
        return resources.fetch(name)
    if Path(name).is_dir():
        if not (Path(name) / "config.json").is_file():
            raise UserError(
                f"no model in the folder {name}: it has no config.json; give a folder with a "
                "Hugging Face classifier, or of a run RUN/students/ID"
            )
        return Path(name)
    from huggingface_hub import snapshot_download

    try:
        with quiet_transformers():
            kinds = ["*.safetensors", "*.json", "*.txt", "*.model"]
            folder = Path(snapshot_download(name, allow_patterns=kinds))
    except Exception as error:  # the hub client raises errors of many libraries
        raise UserError(
            f"no model {name!r}: it is no folder here, and the hub did not give it "
            f"({one_line(error)}); give a folder, a hub id, or 'minilm'"
        ) from None
    refuse_pickles(folder, name)
    return folder


def load_classifier(
    source: str | Path, classes: int | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A Hugging Face classifier and its fast tokenizer; never runs code from the model.

    Args:
        classes: makes a new head of this many classes; None keeps the model's own.

    Raises:
        UserError: the model can't be loaded, or its own head is not to be used; see `check_head`.
    """
    import rosearch  # noqa: F401  (makes saved students loadable)

    for op in OPS.values():
        op.load()
    head = {} if classes is None else {"num_labels": classes, "ignore_mismatched_sizes": True}
    loaded, tokenizer = load_pretrained(
        CLASSIFIER,
        source,
        f"cannot load the model {str(source)!r}",
        "; give a folder with a Hugging Face classifier, a hub id, or 'minilm'",
        more={"output_loading_info": True, **head},
    )
    model, info = cast("tuple[PreTrainedModel, dict[str, list[str]]]", loaded)
    missing = info["missing_keys"]
    fit_tokenizer(model.config, tokenizer)
    if classes is None:
        check_head(model.config, str(source), missing)
    else:
        fresh = [*missing, *(str(key[0]) for key in info["mismatched_keys"])]
        begin_head(model.config, str(source), fresh)
        begin_padding(model, tokenizer)
    return model, tokenizer


def content_hash(folder: Path) -> str:
    """SHA-256 over a model folder's weights, config and tokenizer."""
    return folder_hash(folder, (".safetensors", ".bin", ".json", ".onnx", ".txt"))

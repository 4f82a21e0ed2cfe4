"""A tokenizer that reads texts before it splits them into tokens.

This file and those of the reader import nothing from rosearch but each other: they travel with a
saved student, and `tokenizer_config.json` names this one, so that `AutoTokenizer` finds it.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from transformers import PreTrainedConfig, PreTrainedTokenizerFast

from .reader import FILE, Reader


class ReadingTokenizerFast(PreTrainedTokenizerFast):
    """A fast Hugging Face tokenizer with a reader in front of it.

    Single texts, pairs, batches of both and words that were split before are read alike; of the
    latter each word by itself. Offsets are those in the text that was read.
    """

    # No __init__: transformers would then rebuild the tokenizer from its vocabulary.
    vocab_files_names: ClassVar[dict[str, str]] = {
        "tokenizer_file": "tokenizer.json",
        "reader_file": FILE,
    }

    @cached_property
    def reader(self) -> Reader:
        """What reads the texts; from `reader.json` where the tokenizer was loaded."""
        return Reader.load(self.init_kwargs["reader_file"])

    def _encode_plus(self, text: Any, text_pair: Any = None, **how: Any) -> Any:
        return super()._encode_plus(self._read(text), self._read(text_pair), **how)

    def _read(self, texts: Any) -> Any:
        """Texts in lists and tuples of any depth, read; whatever else stays."""
        if isinstance(texts, str):
            return self.reader(texts)
        if isinstance(texts, list | tuple):
            return type(texts)(map(self._read, texts))
        return texts

    def _save_pretrained(self, save_directory: Any, *more: Any, **how: Any) -> tuple[str, ...]:
        path = Path(save_directory) / FILE
        self.reader.save(path)
        return (*super()._save_pretrained(save_directory, *more, **how), str(path))


class ReadingConfig(PreTrainedConfig):
    """Of no model: what the tokenizer is registered under, so that it is found by its own name and
    students without it are left to their tokenizers."""

    model_type = "rosearch-reading"


# `save_pretrained` copies this file and those it imports beside the tokenizer.
ReadingTokenizerFast.register_for_auto_class("AutoTokenizer")

"""Hugging Face configuration of a student.

This file, `defences.py`, `layers.py`, `model.py`, `pairs.py` and `votes.py` import nothing from
rosearch but each other, so that they can travel with a saved model.
"""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedConfig


class StudentConfig(PreTrainedConfig):
    """What is needed to build the module of a saved student.

    Args:
        genotype: JSON-ready form of the genotype.
        vocab_size: number of token ids.
        embedding_rows: rows of the embedding table; smaller than `vocab_size` where the synonym
            encoding maps the words of a cluster to one row or the vocabulary is trimmed.
        trimmed_rows: rows that trimming left out; their tokens share the row of [UNK].
        frame_rows: rows of the embedding table where the cell reads the frame of a text only.
        pair_separator: token id between the texts of a pair, for a cell that compares them; None
            for single texts.
        teacher_params: parameters of the teacher, for the compression shown to users.
    """

    model_type = "rosearch-student"

    def __init__(
        self,
        genotype: dict[str, Any] | None = None,
        vocab_size: int = 30522,
        embedding_rows: int | None = None,
        trimmed_rows: int = 0,
        frame_rows: int = 0,
        pair_separator: int | None = None,
        dropout: float = 0.1,
        teacher_params: int | None = None,
        pad_token_id: int = 0,
        **kwargs: Any,
    ) -> None:
        self.genotype = genotype or {}
        self.vocab_size = vocab_size
        self.embedding_rows = embedding_rows or vocab_size
        self.trimmed_rows = trimmed_rows
        self.frame_rows = frame_rows
        self.pair_separator = pair_separator
        self.dropout = dropout
        self.teacher_params = teacher_params
        super().__init__(pad_token_id=pad_token_id, **kwargs)

    @property
    def saved_params(self) -> int:
        """Parameters that trimming the vocabulary left out."""
        votes = self.genotype.get("votes")
        columns = self.num_labels if votes else int(self.genotype["embedding_dim"])
        return self.trimmed_rows * columns


# `save_pretrained` copies this file beside the weights and names it in `config.json`.
StudentConfig.register_for_auto_class()

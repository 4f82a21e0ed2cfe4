"""A classifier with its tokenizer."""

from __future__ import annotations

from typing import Any, NamedTuple

from rosearch.models.batches import takes_types, tokenized
from rosearch.models.victim import TOKEN_BUDGET, ModelVictim, Victim
from rosearch.types import Text


class Loaded(NamedTuple):
    """A classifier, of torch or of onnxruntime, with its tokenizer."""

    model: Any
    tokenizer: Any

    def victim(self, one_by_one: bool = False) -> Victim:
        """The classifier as a victim.

        Args:
            one_by_one: no batches. An int8 model needs it: it quantises activations over the whole
                batch, so what it says of a text would depend on the texts beside it.
        """
        return ModelVictim(self.model, self.tokenizer, 1 if one_by_one else TOKEN_BUDGET)

    def reads_types(self, text: Text) -> bool:
        """Whether texts such as this one have token types, other than 0, that the model takes."""
        types = takes_types(self.model, self.tokenizer)
        return tokenized(self.tokenizer, [text], None, types)[0].types is not None

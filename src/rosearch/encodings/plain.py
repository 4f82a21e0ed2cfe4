"""The plain encoding: the teacher's own vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rosearch.encodings.base import Encoding

if TYPE_CHECKING:
    from rosearch.encodings.material import Material
    from rosearch.encodings.vocabulary import Vocabulary


@dataclass(frozen=True)
class Plain(Encoding):
    """Every token has a row of its own. No genes."""

    name = "plain"
    text = "the teacher's word pieces, one row each"
    families = ()
    as_teacher = True

    def vocabulary(self, material: Material) -> Vocabulary:
        from rosearch.encodings.vocabulary import plain_vocabulary

        return plain_vocabulary(material.tokenizer)


PLAIN = Plain()

"""A user's own lexicon: a table of nearest words, such as counter-fitted neighbours."""

from __future__ import annotations

import json
from pathlib import Path

from rosearch.attack.sources import Lexicon, single_word
from rosearch.errors import UserError


def neighbours_file(path: Path) -> Lexicon:
    """Substitutions from a JSON file that maps each word to its nearest words, nearest first.

    Raises:
        UserError: the file is missing or of another form.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read the lexicon {path}: {error.strerror}") from None
    except ValueError:
        raise UserError(f"{path} is not a JSON file in UTF-8") from None
    if not isinstance(table, dict) or not all(
        isinstance(v, list) and all(isinstance(w, str) for w in v) for v in table.values()
    ):
        raise UserError(f'{path}: expected one object {{"word": ["nearest", "next", ...], ...}}')
    return lambda word: tuple(w for w in table.get(word.lower(), ()) if single_word(w))

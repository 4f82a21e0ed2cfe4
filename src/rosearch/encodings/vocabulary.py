"""What a student reads: tokens, the embedding row of each token, and a Hugging Face tokenizer.

Two encodings. `plain` is the teacher's vocabulary. `synonym` gives the words of a synonym cluster
one embedding row (Wang et al. 2019, SEM; Jones et al. 2020, RobEn): swapping words inside a
cluster cannot change the student's output.

Departure from both papers: the text is not rewritten. Each clustered word is a token of its own in
the tokenizer and the model maps tokens to rows. The function is the same, but the tokenizer is a
plain `tokenizer.json` that any runtime reads without our code, and decoding gives the user's words
back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from tokenizers import Tokenizer

from rosearch.encodings.material import STARTS
from rosearch.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


INNER = "##"  # WordPiece's mark of a piece that goes on with a word
SPECIAL = re.compile(r"\[[A-Za-z]+\d*\]|<[^<>]+>")


@dataclass(frozen=True)
class Vocabulary:
    """Tokens of one encoding.

    Attributes:
        tokens: token of each id.
        pieces: for each token, the ids of the teacher's pieces that spell it.
        rows: (tokens,) int64, embedding row of each token; None where row = id.
        trimmed_rows: how many rows `trimmed` left out.
    """

    tokens: tuple[str, ...]
    pieces: tuple[tuple[int, ...], ...]
    pad_id: int
    rows: np.ndarray | None = None
    trimmed_rows: int = 0

    @property
    def n_rows(self) -> int:
        """Rows of the embedding table."""
        return len(self.tokens) if self.rows is None else int(self.rows.max()) + 1


class Part(NamedTuple):
    """A token as a part of a word: its letters, and whether it goes on with the word before it."""

    text: str
    inner: bool


def word_parts(tokens: Sequence[str]) -> list[Part]:
    """What tokens are parts of, by the marks that their tokenizer puts: WordPiece marks what goes
    on with a word, BPE and SentencePiece what starts one. Punctuation never goes on with a word."""
    marked = any(token.startswith(STARTS) for token in tokens)
    found = []
    for token in tokens:
        if marked:
            bare = token.lstrip("".join(STARTS))
            inner = not token.startswith(STARTS) and any(map(str.isalnum, bare))
        else:
            inner = token.startswith(INNER) and token != INNER
            bare = token.removeprefix(INNER) if inner else token
        found.append(Part(bare, inner))
    return found


def is_special(token: str) -> bool:
    """Whether a token stands for no text: such as [CLS], [unused7], <s>, <|endoftext|>."""
    return SPECIAL.fullmatch(token) is not None


def plain_vocabulary(tokenizer: PreTrainedTokenizerFast) -> Vocabulary:
    """The teacher's own vocabulary."""
    tokens = _tokens(tokenizer)
    return Vocabulary(
        tokens, tuple((i,) for i in range(len(tokens))), int(tokenizer.pad_token_id or 0)
    )


def supports_synonyms(tokenizer: PreTrainedTokenizerFast) -> bool:
    """Whether whole words can be added to the vocabulary: true of WordPiece tokenizers."""
    model: str = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["type"]
    return model == "WordPiece"


def synonym_vocabulary(
    tokenizer: PreTrainedTokenizerFast, clusters: Mapping[str, str]
) -> Vocabulary:
    """The teacher's vocabulary with synonym clusters folded into one row each.

    Args:
        clusters: word -> the name of its cluster; see `rosearch.encodings.clusters`.
    """
    tokens = list(_tokens(tokenizer))
    ids = {token: i for i, token in enumerate(tokens)}
    pieces: list[tuple[int, ...]] = [(i,) for i in range(len(tokens))]
    backend = tokenizer.backend_tokenizer
    # A word that the tokenizer itself would split or change cannot be a token ("co-op", "Café").
    whole = [w for w in sorted(clusters) if w.isalpha() and w == w.lower() and kept(tokenizer, w)]
    cased = kept(tokenizer, "Word")
    forms = {word: casings(word) if cased else (word,) for word in whole}
    for word, form in ((w, form) for w, several in forms.items() for form in several):
        if form not in ids:  # capitals begin like the word, whatever pieces would spell them
            ids[form] = len(tokens)
            tokens.append(form)
            pieces.append(tuple(backend.encode(word, add_special_tokens=False).ids))
    first: dict[str, int] = {}
    row_of = np.arange(len(tokens))
    for word, several in forms.items():
        for form in several:
            row_of[ids[form]] = first.setdefault(clusters[word], ids[word])
    _, rows = np.unique(row_of, return_inverse=True)
    return Vocabulary(
        tuple(tokens), tuple(pieces), int(tokenizer.pad_token_id or 0), rows.astype(np.int64)
    )


def kept(tokenizer: PreTrainedTokenizerFast, word: str) -> bool:
    """Whether a tokenizer reads a word as it is: neither changed nor split before its pieces."""
    backend = tokenizer.backend_tokenizer
    normal = word if backend.normalizer is None else backend.normalizer.normalize_str(word)
    return normal == word


def casings(word: str) -> tuple[str, ...]:
    """A word in the casings that substitutions have: as it is, Capitalised, UPPER; see `like`."""
    return tuple(dict.fromkeys((word, word[:1].upper() + word[1:], word.upper())))


def occurring_tokens(tokenizer: PreTrainedTokenizerFast, texts: Iterable[str]) -> set[int]:
    """Ids of the tokens that can occur, for `trimmed`.

    Those of the texts, the special tokens, and single ASCII characters at the start and inside of
    words: with these, numbers and misspelt words of unseen texts stay spelt in part.

    Args:
        tokenizer: of the student.
        texts: of the train split, and the words that attacks and training may put into them.
    """
    found: set[int] = set(tokenizer.all_special_ids)
    for ids in tokenizer(list(texts))["input_ids"]:
        found.update(ids)
    for token, i in tokenizer.get_vocab().items():
        bare = token.removeprefix("##").lstrip("\u0120\u2581")  # marks of BPE and SentencePiece
        if len(bare) == 1 and bare.isascii():
            found.add(i)
    return found


def trimmed(vocabulary: Vocabulary, kept: Iterable[int], unk_id: int | None) -> Vocabulary:
    """The vocabulary with embedding rows for the kept tokens only; all others share [UNK]'s row.

    Tokens keep their ids, so the tokenizer stays as it is. A token that shares its row with a kept
    one costs nothing and stays. No train text has an unknown token, so the row of [UNK] remains
    where `principal_embedding` starts it: at the mean of the tokens that it stands for.

    Args:
        kept: token ids; [UNK] and padding are always kept.

    Raises:
        UserError: the tokenizer has no unknown token.
    """
    if unk_id is None:
        raise UserError(
            "encoding.trim needs a tokenizer with an unknown token, and the teacher's has none; "
            "set encoding.trim = false"
        )
    rows = np.arange(len(vocabulary.tokens)) if vocabulary.rows is None else vocabulary.rows
    stay = np.unique(rows[[*kept, unk_id, vocabulary.pad_id]])
    left_out = vocabulary.n_rows - len(stay)
    if not left_out:
        return vocabulary
    new = np.full(vocabulary.n_rows, np.searchsorted(stay, rows[unk_id]))  # old row -> new row
    new[stay] = np.arange(len(stay))
    return replace(vocabulary, rows=new[rows], trimmed_rows=vocabulary.trimmed_rows + left_out)


def student_tokenizer(
    teacher_tokenizer: PreTrainedTokenizerFast, vocabulary: Vocabulary
) -> PreTrainedTokenizerFast:
    """A Hugging Face tokenizer for a vocabulary; saved, it is one plain `tokenizer.json`."""
    from transformers import PreTrainedTokenizerFast

    spec = json.loads(teacher_tokenizer.backend_tokenizer.to_str())
    if vocabulary.tokens != _tokens(teacher_tokenizer):  # words were added
        if spec["model"]["type"] != "WordPiece":
            raise UserError(
                f"the synonym encoding needs a WordPiece tokenizer, found {spec['model']['type']}; "
                "set encodings = ['plain']"
            )
        spec["model"]["vocab"] = {token: i for i, token in enumerate(vocabulary.tokens)}
    backend = Tokenizer.from_str(json.dumps(spec))
    backend.no_padding()
    backend.no_truncation()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, **tokenizer_settings(teacher_tokenizer)
    )


def tokenizer_settings(tokenizer: PreTrainedTokenizerFast) -> dict[str, object]:
    """What, besides the backend, makes an equal tokenizer."""
    names = ("unk_token", "sep_token", "pad_token", "cls_token", "mask_token", "bos_token")
    special = {name: getattr(tokenizer, name) for name in names if getattr(tokenizer, name, None)}
    return {
        **special,
        "model_max_length": min(tokenizer.model_max_length, 512),
        "model_input_names": ["input_ids", "attention_mask"],
    }


def _tokens(tokenizer: PreTrainedTokenizerFast) -> tuple[str, ...]:
    by_token = tokenizer.get_vocab()
    return tuple(sorted(by_token, key=by_token.__getitem__))

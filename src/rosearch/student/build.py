"""From a genotype to a student, with embeddings that start from the teacher's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from rosearch.encodings.frame import FRAME_ROWS, frame_rows
from rosearch.encodings.vocabulary import Vocabulary, is_special, word_parts
from rosearch.errors import UserError
from rosearch.space.genotype import Genotype, to_dict
from rosearch.space.ops import OPS
from rosearch.student.configuration import StudentConfig
from rosearch.student.model import BESIDE, StudentForSequenceClassification
from rosearch.student.votes import MARK, MARKS_PIECE, PIECE, SILENT, WORD


def module_spec(g: Genotype) -> dict[str, object]:
    """JSON-ready genotype whose nodes carry family and argument of their op.

    The saved model needs no op table then.
    """
    spec = to_dict(g)
    for node in spec["nodes"]:
        op = OPS[node["op"]]
        node["family"], node["argument"] = op.family, op.argument
        if op.module:  # of a plugin
            op.load()
            node["module"] = op.module_name
    return spec


def build_student(
    g: Genotype,
    vocabulary: Vocabulary,
    label_names: Sequence[str],
    seed: int,
    embedding: np.ndarray | None = None,
    teacher_params: int | None = None,
    pair_separator: int | None = None,
) -> StudentForSequenceClassification:
    """A freshly initialised student.

    Args:
        vocabulary: of the genotype's encoding.
        seed: of the initialisation; the global generator is left as it was.
        embedding: optional start (rows, >= E) of the embedding, components in falling order of
            variance (see `principal_embedding`); the first E are taken.
        pair_separator: token id between the texts of a pair; None for single texts. A cell that
            reads the frame only does not compare them: what is certified of it would not hold.

    Raises:
        UserError: a genotype of an earlier version, whose like is not built any more.
    """
    if g.votes is not None and not (g.votes.alone or g.framed):
        raise UserError(f"cannot build {g.hash}: {BESIDE}")
    config = StudentConfig(
        genotype=module_spec(g),
        vocab_size=len(vocabulary.tokens),
        embedding_rows=vocabulary.n_rows,
        trimmed_rows=vocabulary.trimmed_rows,
        frame_rows=FRAME_ROWS if g.framed else 0,
        pair_separator=pair_separator if g.compares else None,
        teacher_params=teacher_params,
        pad_token_id=vocabulary.pad_id,
        id2label=dict(enumerate(label_names)),
        label2id={name: i for i, name in enumerate(label_names)},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = StudentForSequenceClassification(config)
        if model.mapping is not None and vocabulary.rows is not None:
            model.mapping.copy_(torch.from_numpy(vocabulary.rows))
        if model.votes is not None:
            kinds = torch.tensor(token_kinds(vocabulary), dtype=torch.uint8)
            model.votes.kinds.copy_(kinds)
        if g.framed:
            assert model.input.rows is not None
            model.input.rows.copy_(torch.from_numpy(frame_rows(vocabulary.tokens)))
        elif embedding is not None and model.has_cells:
            start = torch.from_numpy(embedding[:, : g.embedding_dim]).float()
            e = start.shape[1]  # a teacher narrower than E leaves the rest as initialised
            with torch.no_grad():
                model.input.table.weight[:, e:].mul_(0.1)
                model.input.table.weight[:, :e] = start
    return model


def token_kinds(vocabulary: Vocabulary) -> list[int]:
    """What each token is to the votes; see `rosearch.student.votes`."""
    found = []
    for token, part in zip(vocabulary.tokens, word_parts(vocabulary.tokens), strict=True):
        letters = part.text.isalpha()
        if is_special(token):
            found.append(SILENT)
        elif part.inner:
            found.append(PIECE if letters else MARKS_PIECE)
        else:
            found.append(WORD if letters else MARK)
    return found


def principal_embedding(teacher_table: np.ndarray, vocabulary: Vocabulary) -> np.ndarray:
    """The teacher's word embeddings in the basis of their principal components.

    Args:
        teacher_table: (teacher vocabulary, D).

    Returns:
        (rows, D) float32, scaled to unit mean square norm per component on average, so that
        dropout and position tables of order one fit beside it.
    """
    table = teacher_table.astype(np.float64)
    centred = table - table.mean(0)
    _, vectors = np.linalg.eigh(centred.T @ centred / len(table))
    rotated = centred @ vectors[:, ::-1]
    rows = np.zeros((vocabulary.n_rows, table.shape[1]))
    weight = np.zeros(vocabulary.n_rows)
    token_rows = vocabulary.rows if vocabulary.rows is not None else np.arange(len(table))
    spelled = rotated[[pieces[0] for pieces in vocabulary.pieces]]
    for token, pieces in enumerate(vocabulary.pieces):
        if len(pieces) > 1:
            spelled[token] = rotated[list(pieces)].mean(0)
    # Frequent words come early in a word-piece vocabulary: weigh members by 1 / rank.
    share = np.array([1.0 / (1 + min(pieces)) for pieces in vocabulary.pieces])
    np.add.at(rows, token_rows, share[:, None] * spelled)
    np.add.at(weight, token_rows, share)
    rows /= weight[:, None]
    scaled: np.ndarray = (rows / rotated[:, :64].std()).astype(np.float32)
    return scaled

"""The lexicon `encoder`: nearest words in the spaces of a task's teacher, made once, then reused.

Shapes: n words, C classes, D dimensions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rosearch.attacks.constraints.words import not_a_stop_word
from rosearch.attacks.encoder import SentenceEncoder
from rosearch.attacks.lexicon import Table, cached_table
from rosearch.attacks.sources import LEXICONS, single_word
from rosearch.attacks.sources.vectors import Vectors
from rosearch.encodings.material import Material, known_words, united
from rosearch.errors import UserError
from rosearch.io import resources
from rosearch.io.files import write_text, writing_to
from rosearch.io.progress import stage
from rosearch.models.classifier import Classifier
from rosearch.models.device import autocast
from rosearch.models.load import content_hash, load_classifier, model_source
from rosearch.tasks import Task
from rosearch.tasks.words import Words, segment
from rosearch.types import parts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

VERSION = 2  # raise it when the rules below change: saved tables are then made anew
MOST_WORDS = 13_000  # the likeliest ones: more would take over a quarter of an epoch of `mr`
NEAREST = 15  # words that one word may become by each of both spaces
LEAST_COSINE = 0.55  # of sentence vectors
LEAST_OF_TOKENS = 0.4  # of embeddings of tokens, which lie further apart
MOST_APART = 2.0  # in logits: between what the teacher says of a word and of its neighbour
LEAST_LETTERS = 2


def encoder_words(task: Task, body: str, teacher: Path) -> Path:
    """File of the nearest words of the words of a task, nearest first; for any language.

    Near are words that the pre-trained teacher puts together at its end, where a word is encoded
    as a text of its own, mean pooled, or at its beginning, where a word that is one token has an
    embedding. Both put opposites together, so the fine-tuned teacher has to say much the same of
    both words, and WordNet, where it is to be had, not that one is an antonym of the other.

    Args:
        body: the teacher before fine-tuning: `minilm`, a folder or a hub id.
        teacher: folder of the fine-tuned one.

    Raises:
        UserError: a model can't be loaded, or the file can't be written.
    """
    words = likely_words(task, teacher)
    path = _file(body, teacher, words)
    if not path.exists():
        with (
            stage(f"finding neighbours of {len(words):,} words", 3) as advance,
            writing_to(path.parent, "the lexicon 'encoder'"),
        ):
            source = model_source(body)
            near = united([nearest(source, words), nearest_tokens(source, words)])
            advance(1, "")
            found = alike(teacher, near)
            advance(1, "")
            found = without_antonyms(found, path.parent) if _has_antonyms() else found
            write_text(path, json.dumps(found))
            advance(1, "")
    return path


def saved_encoder_words(task: Task, body: str, teacher: Path) -> Path | None:
    """The file that `encoder_words` gives, or None where it would first be made."""
    path = _file(body, teacher, likely_words(task, teacher))
    return path if path.exists() else None


def _file(body: str, teacher: Path, words: Sequence[str]) -> Path:
    version = LEXICONS["antonyms"].version if _has_antonyms() else ""
    recipe = [VERSION, content_hash(model_source(body)), content_hash(teacher), version, words]
    digest = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:16]
    return resources.cache_dir() / "lexicons" / f"encoder-{digest}.json"


def likely_words(task: Task, teacher: Path) -> list[str]:
    """Words that can occur: of the train split, and whole tokens of the teacher's tokenizer."""
    texts = [
        [w.lower() for part in parts(t) for w in segment(part).words] for t in task.train.texts
    ]
    material = Material(_tokenizer(teacher), texts, len(texts), np.zeros((0, 0)), lambda name: {})
    found = (
        word
        for word in known_words(material, ())
        if len(word) >= LEAST_LETTERS and single_word(word) and not_a_stop_word(word)
    )
    return [word for word, _ in zip(found, range(MOST_WORDS), strict=False)]


def nearest(base: Path, words: Sequence[str]) -> Table:
    """The nearest of the words for each of them, by cosine, nearest first."""
    with autocast("auto"):
        matrix = SentenceEncoder(base)(_texts(words))
    return _vectors(words, matrix).nearest(words, NEAREST, LEAST_COSINE)


def nearest_tokens(base: Path, words: Sequence[str]) -> Table:
    """The nearest of the words that are one token, by the embeddings of these before any layer.

    Embeddings have a mean in common, which makes all of them alike, and which is taken off.
    """
    model, _, _ = SentenceEncoder(base).parts
    encoded = _tokenizer(base)([f" {word}" for word in words], add_special_tokens=False)[
        "input_ids"
    ]
    one = {word: ids[0] for word, ids in zip(words, encoded, strict=True) if len(ids) == 1}
    matrix = model.get_input_embeddings().weight.detach()[list(one.values())].float().numpy()
    matrix = matrix - matrix.mean(0)  # (n, D)
    lengths = np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
    return _vectors(list(one), matrix / lengths).nearest(one, NEAREST, LEAST_OF_TOKENS)


def _vectors(words: Sequence[str], matrix: np.ndarray) -> Vectors:
    return Vectors(tuple(words), {word: i for i, word in enumerate(words)}, matrix)


def alike(teacher: Path, near: Mapping[str, Sequence[str]]) -> Table:
    """Only neighbours of which a classifier says much the same as of the word.

    For two classes, the margins between their logits differ by `MOST_APART` at most; for more, so
    do those of every two classes.
    """
    classifier = Classifier.of(*load_classifier(teacher))
    words = list(near)
    with autocast("auto"):
        logits = np.log(np.maximum(classifier.probabilities(_texts(words)), 1e-30))  # (n, C)
    rows = {word: row for row, word in enumerate(words)}
    found = {}
    for word, others in near.items():
        apart = np.ptp(logits[[rows[o] for o in others]] - logits[rows[word]], axis=1)
        if kept := tuple(o for o, far in zip(others, apart, strict=True) if far <= MOST_APART):
            found[word] = kept
    return found


def without_antonyms(near: Table, cache: Path) -> Table:
    """Neighbours without those that WordNet calls antonyms of a word, in either direction."""
    opposites = cached_table("antonyms", near, cache)

    def apart(a: str, b: str) -> bool:
        return b in opposites.get(a, ()) or a in opposites.get(b, ())

    found = {word: tuple(o for o in others if not apart(word, o)) for word, others in near.items()}
    return {word: others for word, others in found.items() if others}


def _texts(words: Sequence[str]) -> list[Words]:
    return [Words((word,), ("", "")) for word in words]


def _has_antonyms() -> bool:
    try:
        resources.fetch("wordnet")
    except UserError:
        return False
    return True


def _tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    from transformers import AutoTokenizer

    found: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    return found

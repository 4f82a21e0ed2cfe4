"""A masked language model for machines without one: a teacher's body that learns to fill in words.

Sentence encoders such as MiniLM come without the head of a masked language model. Its decoder is
tied to the word embeddings, so body, embeddings and a little training on the task's own train
texts make one. Shapes: B batch, T tokens, P positions, V vocabulary.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from rosearch.attacks.sources.masked_lm_model import load_masked_lm, loaded, logits_at
from rosearch.errors import UserError
from rosearch.io import resources
from rosearch.io.files import new_folder
from rosearch.io.quiet import quiet_transformers
from rosearch.models.batches import bucketed_epoch, padded
from rosearch.models.device import autocast
from rosearch.models.load import content_hash, model_source
from rosearch.tasks import Task
from rosearch.teacher.training import train
from rosearch.types import parts

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

VERSION = 1  # raise it when the recipe below changes: saved models are then made anew
TOKENS = 450_000  # of text read in training: about two epochs of `mr`
BATCH = 32
LEARNING_RATE = 5e-4
MAX_LENGTH = 128
HIDDEN = 0.25  # share of the tokens to be guessed; more than 0.15 teaches more per pass


def masked_lm_folder(name: str | None, task: Task, body: str = "minilm") -> Path:
    """The folder of the masked language model that attacks on a task ask.

    Args:
        name: a folder or hub id; None takes `body`, with a head fitted to the task's train texts
            if it has none.
        body: `minilm`, a folder or a hub id.

    Raises:
        UserError: the model can't be loaded, or `name` has no masked-language-model head.
    """
    if name is not None:
        source = model_source(name)
        loaded(source)  # a wrong model is told now, not in the middle of an attack
        return source
    source = model_source(body)
    texts = tuple(t for text in task.train.texts for t in parts(text))
    folder = fit_masked_lm(texts, source, task.name)
    if folder != source:
        print(
            f"no --masked-lm given: words come from {body} with a head fitted to the train texts "
            f"of {task.name}, which is weaker than a real masked language model",
            file=sys.stderr,
        )
    return folder


def saved_masked_lm(task: Task, body: str = "minilm") -> Path | None:
    """The folder that `masked_lm_folder` gives, or None where a head would first be fitted."""
    source = model_source(body)
    folder = _folder([t for text in task.train.texts for t in parts(text)], source, task.name, 0)
    if (folder / "config.json").exists():
        return folder
    return source if load_masked_lm(source)[2] else None


def fit_masked_lm(texts: Sequence[str], source: Path, name: str, seed: int = 0) -> Path:
    """The folder of a masked language model made of a body and texts; made once, then reused.

    Masked language modelling (Devlin et al. 2019, section 3.1 and appendix A.1: of the positions to
    be guessed 80 % are masked, 10 % random, 10 % unchanged) with AdamW. All layers learn, because
    a body that was trained to tell sentences apart has lost the single words; the word embeddings,
    and with them the tied decoder, stay. The decoder's bias starts from the words' frequencies.

    Args:
        texts: the train split's; validation and test texts must not be among them.
        source: folder of the body; it is the result itself if it has the head already.
        name: of the task, for the folder's name and the progress bar.

    Raises:
        UserError: the body can't be loaded, or there are no words to learn from.
    """
    folder = _folder(texts, source, name, seed)
    if (folder / "config.json").exists():
        return folder
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, tokenizer, has_head = load_masked_lm(source)
        if has_head:
            return source
        _train(model, tokenizer, texts, f"fitting a masked language model to {name}", seed)
    with quiet_transformers(), new_folder(folder) as made:
        model.save_pretrained(made)
        tokenizer.save_pretrained(made)
    return folder


def _folder(texts: Sequence[str], source: Path, name: str, seed: int) -> Path:
    recipe = [VERSION, TOKENS, BATCH, LEARNING_RATE, MAX_LENGTH, HIDDEN, seed]
    content = json.dumps([*recipe, content_hash(source), list(texts)])
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    return resources.cache_dir() / "masked_lms" / f"{name}-{digest}"


def _train(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    texts: Sequence[str],
    title: str,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    encoded = _encoded(tokenizer, texts)
    frequency = _start(model, tokenizer, encoded)
    batches = _batches([len(ids) for ids in encoded], rng)
    hide = _Hiding(tokenizer, frequency, rng)

    def loss_of(batch: np.ndarray) -> Tensor:
        ids, mask = padded([encoded[i] for i in batch], tokenizer.pad_token_id or 0)
        shown, rows, positions = hide(ids, mask)
        with autocast("auto"):
            logits = logits_at(model, shown, mask, rows, positions)  # (P, V)
        return F.cross_entropy(logits.float(), ids[rows, positions])

    train(model, batches, loss_of, LEARNING_RATE, title)


def _encoded(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of the texts that have any besides special tokens.

    Raises:
        UserError: none has.
    """
    encoded = tokenizer(list(texts), truncation=True, max_length=MAX_LENGTH)["input_ids"]
    empty = tokenizer.num_special_tokens_to_add()
    kept = [ids for ids in encoded if len(ids) > empty]
    if not kept:
        raise UserError("a masked language model can't be fitted: the train texts hold no words")
    return kept


def _batches(lengths: Sequence[int], rng: np.random.Generator) -> list[np.ndarray]:
    """Batches of indices with `TOKENS` tokens in all: as many epochs as that takes."""
    sizes = np.asarray(lengths)
    made: list[np.ndarray] = []
    left = TOKENS
    while left > 0:
        for batch in bucketed_epoch(lengths, BATCH, rng):
            if left <= 0:
                break
            made.append(batch)
            left -= int(sizes[batch].sum())
    return made


def _start(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, encoded: Sequence[Sequence[int]]
) -> np.ndarray:
    """Set what learns, and start the bias from the frequencies (V,), which are returned."""
    decoder = model.get_output_embeddings()
    counts = np.bincount(np.concatenate(encoded), minlength=decoder.weight.shape[0]).astype(float)
    counts[tokenizer.all_special_ids] = 0
    frequency: np.ndarray = counts / counts.sum()
    model.get_input_embeddings().weight.requires_grad = False
    if decoder.bias is not None:
        with torch.no_grad():
            decoder.bias.copy_(torch.from_numpy(np.log((counts + 0.1) / counts.sum())))
    return frequency


class _Hiding:
    """Hides tokens of a batch, at random positions."""

    def __init__(
        self, tokenizer: PreTrainedTokenizerFast, frequency: np.ndarray, rng: np.random.Generator
    ) -> None:
        self.special = np.array(tokenizer.all_special_ids)
        self.mask_id = tokenizer.mask_token_id
        self.frequency = frequency
        self.rng = rng

    def __call__(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Token ids (B, T) with some hidden; rows and positions (P,) of those to be guessed."""
        shown = ids.numpy().copy()
        words = (mask.numpy() == 1) & ~np.isin(shown, self.special)
        draws = np.where(words, self.rng.random(shown.shape), 2.0)
        chosen = draws < max(HIDDEN, draws.min() + 1e-9)  # at least one position
        rows, positions = np.nonzero(chosen)
        kind = self.rng.random(len(rows))
        masked, other = kind < 0.8, kind >= 0.9
        shown[rows[masked], positions[masked]] = self.mask_id
        drawn = self.rng.choice(len(self.frequency), other.sum(), p=self.frequency)
        shown[rows[other], positions[other]] = drawn
        return torch.from_numpy(shown), torch.from_numpy(rows), torch.from_numpy(positions)

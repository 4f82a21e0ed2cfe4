"""Are the words of a masked language model usable for attacks? With a fitted head or a real one.

    python benchmarks/masked_lm.py --model TEACHER --json masked_lm.json

Three questions, all on texts that the head was not fitted on (task `mr`):
accuracy - content words of validation texts, masked one at a time: how often the model names the
word, against the words' frequencies and the neighbours of the mean embedding of the text around;
candidates - of up to ten substitutions per word: how many keep the part of speech and how many are
the word's WordNet synonyms, relatives or antonyms, against neighbours in the word embeddings and
random words; attacks - `bae` and `bert-attack` against a classifier (TEST texts). One thread.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rosearch.attacks.constraints.part_of_speech import exchangeable
from rosearch.attacks.constraints.words import not_a_stop_word
from rosearch.attacks.sources import LEXICONS
from rosearch.attacks.sources.masked_lm import Guesses
from rosearch.attacks.sources.masked_lm_model import MaskedModel, loaded
from rosearch.attacks.tagger import Tagger
from rosearch.io import resources
from rosearch.results.summary import versions
from rosearch.robustness.evaluate import attack
from rosearch.tasks import Task, load_task
from rosearch.tasks.words import Words, segment
from rosearch.teacher.masked_lm import masked_lm_folder

Blank = tuple[Words, int]
Offers = Callable[[Words, int], Sequence[str]]  # words for a position, best first
SHOWN = 10


def positions_of(texts: Sequence[str], model: MaskedModel, n: int) -> list[Blank]:
    """Content words of one piece, at random."""
    known = {w for w in model.vocabulary.words if w}
    found = [
        (words, i)
        for words in map(segment, texts)
        for i, word in enumerate(words.words)
        if word.lower() in known and not_a_stop_word(word)
    ]
    return random.Random(0).sample(found, min(n, len(found)))


def by_frequency(task: Task, model: MaskedModel) -> list[str]:
    """Content words of one piece of the train texts, the most frequent first."""
    known = {w for w in model.vocabulary.words if w}
    counts = Counter(w.lower() for t in task.train.texts for w in segment(t).words)
    return [w for w, _ in counts.most_common() if w in known]


class Neighbours:
    """Nearest words by the cosine of the word embeddings."""

    def __init__(self, model: MaskedModel, words: Sequence[str]) -> None:
        index = {w: i for i, w in enumerate(model.vocabulary.words) if w}
        self.words = list(words)
        table = model.model.get_input_embeddings().weight.detach().numpy()
        rows = table[[index[w] for w in self.words]]
        self.rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)  # (words, W)
        self.at = {w: i for i, w in enumerate(self.words)}

    def of_word(self, text: Words, position: int) -> list[str]:
        word = text.words[position].lower()
        found = self._nearest(self.rows[self.at[word]]) if word in self.at else []
        return [w for w in found if w != word]

    def of_context(self, text: Words, position: int) -> list[str]:
        around = [w.lower() for i, w in enumerate(text.words) if i != position]
        rows = [self.rows[self.at[w]] for w in around if w in self.at]
        return self._nearest(np.mean(rows, axis=0)) if rows else []

    def _nearest(self, vector: np.ndarray) -> list[str]:
        return [self.words[i] for i in np.argsort(-(self.rows @ vector), kind="stable")[:50]]


def accuracy(positions: Sequence[Blank], offers: Offers) -> dict[str, float]:
    """How often the word is the first offer, and among the first ten."""
    ranks = [[w.lower() for w in offers(t, i)][:10] for t, i in positions]
    gold = [t.words[i].lower() for t, i in positions]
    return {
        "top 1": float(np.mean([w in r[:1] for w, r in zip(gold, ranks, strict=True)])),
        "top 10": float(np.mean([w in r for w, r in zip(gold, ranks, strict=True)])),
    }


def quality(positions: Sequence[Blank], offers: Offers, tagger: Tagger) -> dict[str, float]:
    """Shares of the first offers that keep the part of speech, or are the word's relations."""
    lexicons = {name: LEXICONS[name].make() for name in ("wordnet", "relatives", "antonyms")}
    counts: Counter[str] = Counter()
    for text, position in positions:
        word = text.words[position]
        found = [w for w in offers(text, position) if w.lower() != word.lower()][:SHOWN]
        tag, *tags = tagger(
            [(text, position), *((text.replaced(position, w), position) for w in found)]
        )
        counts["offers"] += len(found)
        counts["part of speech"] += sum(exchangeable(tag, other) for other in tags)
        for name, lexicon in lexicons.items():
            related = {w.lower() for w in lexicon(word)}
            counts[name] += sum(w.lower() in related for w in found)
    total = counts.pop("offers")
    return {"offers": total, **{name: round(n / total, 4) for name, n in counts.items()}}


def attacked(model: str, task: Task, folder: str, n: int) -> dict[str, Any]:
    """After-attack accuracy of both attacks, and some of what they changed."""
    found: dict[str, Any] = {}
    for name in ("bae", "bert-attack"):
        start = time.perf_counter()
        report = attack(model, task, attacks=(name,), n=n, masked_lm=folder)
        seconds = time.perf_counter() - start
        counts, results = report.counts[name], report.results[name]
        flipped = [r for r in results if r.status == "flipped"]
        shares = [len(r.changed) / len(segment(r.original).words) for r in flipped]
        found[name] = {
            **report.to_json()["attacks"][name],
            "queries per attacked text": round(counts.queries / max(1, counts.correct), 1),
            "changed": round(float(np.mean(shares)), 4) if shares else None,
            "seconds": round(seconds, 1),
            "flips": [(r.original, r.perturbed) for r in flipped],
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--masked-lm", help="default: MiniLM with a head fitted to the task")
    parser.add_argument("--model", help="a classifier of `mr` to attack")
    parser.add_argument("--n", type=int, default=100, help="texts to attack")
    parser.add_argument("--places", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    task = load_task("mr")
    folder = masked_lm_folder(given.masked_lm, task)
    model = loaded(folder)
    positions = positions_of(task.validation.texts, model, given.places)
    frequent = by_frequency(task, model)
    neighbours = Neighbours(model, frequent)
    masked, seen = Guesses(folder, True, 50), Guesses(folder, False, 48)
    rng = random.Random(0)
    offers: dict[str, Offers] = {
        "masked, as bae": lambda t, i: masked([(t, i)])[0],
        "not masked, as bert-attack": lambda t, i: seen([(t, i)])[0],
        "embedding neighbours": neighbours.of_word,
        "random words": lambda t, i: rng.sample(frequent, SHOWN),
    }
    baselines: dict[str, Offers] = {
        "masked language model": offers["masked, as bae"],
        "frequency": lambda t, i: frequent[:10],
        "neighbours of the context": neighbours.of_context,
    }
    tagger = Tagger(resources.fetch("en_core_web_sm"))
    result: dict[str, Any] = {
        "versions": versions(),
        "places": len(positions),
        "accuracy": {name: accuracy(positions, f) for name, f in baselines.items()},
        "candidates": {name: quality(positions, f, tagger) for name, f in offers.items()},
    }
    print(json.dumps(result, indent=2), flush=True)
    for text, position in rng.sample(positions, 20):
        shown = text.with_word(position, f"[{text.words[position]}]").text
        print(f"{shown}\n    {', '.join(offers['masked, as bae'](text, position)[:6])}")
        print(
            f"    {', '.join(offers['not masked, as bert-attack'](text, position)[:6])}", flush=True
        )
    if given.model:
        result["attacks"] = attacked(given.model, task, str(folder), given.n)
        print(json.dumps(result["attacks"], indent=2))
    if given.json:
        given.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

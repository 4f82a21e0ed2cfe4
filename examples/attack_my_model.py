"""Attack a model of your own: any function from texts to probabilities, and any folder.

    python examples/attack_my_model.py --n 100 --attack wordnet --attack characters
    python examples/attack_my_model.py runs/mr-.../students/ID

The function here is a naive Bayes classifier; put a call of your model in its place.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import rosearch
from rosearch.tasks import Split


def naive_bayes(train: Split, classes: int) -> Callable[[list[str]], np.ndarray]:
    """Multinomial naive Bayes over words, with add-one smoothing."""
    counts: dict[str, np.ndarray] = {}
    for text, label in zip(train.texts, train.labels, strict=True):
        for word in words(text):
            counts.setdefault(word, np.ones(classes))[label] += 1
    totals = sum(counts.values())
    weights = {word: np.log(count / totals) for word, count in counts.items()}

    def classify(texts: list[str]) -> np.ndarray:
        """Probabilities (texts, classes), in the order of the task's labels."""
        none = np.zeros(classes)
        scores = [sum((weights.get(w, none) for w in words(text)), none) for text in texts]
        likely = np.exp(scores - np.max(scores, axis=1, keepdims=True))
        return likely / likely.sum(axis=1, keepdims=True)

    return classify


def words(text: str) -> list[str]:
    """Lower-cased words."""
    return re.findall(r"\w+", text.lower())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", help="a student, or any Hugging Face classifier")
    parser.add_argument("--attack", action="append", help="may be repeated; default: wordnet")
    parser.add_argument("--n", type=int, default=100, help="texts to attack")
    args = parser.parse_args()

    task = rosearch.load_task("mr")
    models: dict[str, Any] = {"naive Bayes": naive_bayes(task.train, task.classes)}
    if args.folder:
        models[args.folder] = args.folder
    for name, model in models.items():
        report = rosearch.attack(model, task, attacks=tuple(args.attack or ["wordnet"]), n=args.n)
        for attack, counts in report.counts.items():
            interval = counts.interval
            print(
                f"{name} under {attack}: {counts.clean:.3f} -> {counts.after_attack:.3f} "
                f"[{interval.low:.3f}, {interval.high:.3f}] (n = {counts.n})"
            )
        flipped = [r for found in report.results.values() for r in found if r.status == "flipped"]
        for result in flipped[:3]:
            print(f"  {result.original}\n  -> {result.perturbed}")


if __name__ == "__main__":
    try:
        main()
    except rosearch.UserError as error:
        sys.exit(f"error: {error}")

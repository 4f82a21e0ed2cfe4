"""Search students of a teacher that is trained already: any local Hugging Face classifier.

    python examples/own_teacher.py models/my-bert runs/mine --train reviews.csv

The teacher must have been trained on the labels of the data, and is used as it is. Its tokenizer
should be a WordPiece one (BERT family): others get no synonym encoding.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import rosearch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("teacher", help="folder of a Hugging Face classifier")
    parser.add_argument("out", type=Path, help="folder of the run; must not exist")
    parser.add_argument("--train", help="data file; without one, the built-in task mr")
    parser.add_argument("--preset", default="smoke", help="smoke, quick or standard")
    parser.add_argument("--settings", type=Path, help="TOML file with further settings")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()

    changes = {
        "task": {"train": args.train} if args.train else {"name": "mr"},
        "teacher": {"name": args.teacher, "fine_tune": False},
    }
    config = rosearch.make_config(args.preset, args.settings, changes)
    summary = rosearch.search(config, args.out, args.workers)
    models = {"teacher": summary.teacher, "reference": summary.reference, "best": summary.best}
    for name, entry in models.items():
        low, high = entry.interval
        print(
            f"{name}: {entry.params:,} parameters, clean {entry.clean:.3f}, after attack "
            f"{entry.after_attack:.3f} [{low:.3f}, {high:.3f}] (n = {entry.n})"
        )


if __name__ == "__main__":  # the workers import this file: without the guard each would search
    try:
        main()
    except rosearch.UserError as error:
        sys.exit(f"error: {error}")

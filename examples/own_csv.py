"""Search robust students for texts of your own.

    python examples/own_csv.py reviews.csv runs/reviews --text-column body --label-column stars

The preset `smoke` shows that it works within minutes; `quick` and `standard` give results.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import rosearch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", help="CSV, TSV, JSONL or Parquet file")
    parser.add_argument("out", type=Path, help="folder of the run; must not exist")
    parser.add_argument("--text-column", default="text")
    parser.add_argument("--label-column", default="label")
    parser.add_argument("--preset", default="smoke", help="smoke, quick or standard")
    parser.add_argument("--settings", type=Path, help="TOML file with further settings")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()

    columns = {"text_column": args.text_column, "label_column": args.label_column}
    config = rosearch.make_config(
        args.preset, args.settings, {"task": {"train": args.data, **columns}}
    )
    rosearch.search(config, args.out, args.workers)

    run = rosearch.load_run(args.out)
    print(run.candidates[["id", "params", "clean", "after_attack", "front"]].to_string())
    best = run.summary.best
    print(f"best student: {args.out / 'students' / best.id}")
    print(f"{best.params:,} parameters, {best.compression:.1f} times smaller; test split:")
    print(f"clean {best.clean:.3f}, after attack {best.after_attack:.3f}")


if __name__ == "__main__":  # the workers import this file: without the guard each would search
    try:
        main()
    except rosearch.UserError as error:
        sys.exit(f"error: {error}")

"""Time of reading a text, and how well words are read, beside two libraries.

    python benchmarks/reader.py STUDENT --json reader.json

STUDENT is the folder of a student that reads (it has a `reader.json`). Texts of 20 words are those
of the train split of the task; ten of their words are misspelt for the slow case. Goals, on one
idle thread: 20 microseconds a text without unknown words, 200 with ten that were never read before.
`symspellpy` (dictionary lookup) and `rapidfuzz` (a look at
every word) are compared where they are installed; they know the same words.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from common import commit

from rosearch.attacks.sources.characters import character_edits
from rosearch.encodings.reader import FILE, Reader
from rosearch.results.summary import machine
from rosearch.tasks import load_task
from rosearch.types import parts

WORDS, UNKNOWN = 20, 10
GOALS = {"no unknown word": 20.0, "ten unknown words, never read": 200.0}  # microseconds
Speller = Callable[[str], str]


def seconds(read: Callable[[str], object], texts: Sequence[str], rounds: int) -> float:
    """Fewest processor seconds of a pass over the texts."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        for text in texts:
            read(text)
        times.append(time.process_time() - start)
    return min(times)


def reading(reader: Reader, texts: Sequence[str], rounds: int, *, anew: bool = False) -> float:
    """Fewest microseconds a text of a pass over texts that are new; with `anew`, so are words."""
    times = []
    for _ in range(rounds):
        reader.forget()
        if anew:
            reader.found.clear()
        times.append(1e6 * seconds(reader, texts, 1) / len(texts))
    return min(times)


def misspelt(text: str, seed: int) -> tuple[str, dict[str, str]]:
    """A text with ten words misspelt, and these words; fewer where it has fewer."""
    edits, rng = character_edits(f"{seed} "), random.Random(seed)
    words = text.split()
    places = [i for i, word in enumerate(words) if len(word) > 3 and word.isalpha()]
    changed = {}
    for i in rng.sample(places, len(places)):
        if (options := edits(words[i].lower())) and len(changed) < UNKNOWN:
            new = rng.choice(options)
            changed[new], words[i] = words[i].lower(), new
    return " ".join(words), changed


def spellers(reader: Reader) -> dict[str, Speller]:
    """Functions from an unknown word to the known one, of what is installed."""
    found: dict[str, Speller] = {"reader": lambda word: (reader.nearest(word) or (0.0, word))[1]}
    if find_spec("symspellpy"):
        from symspellpy import SymSpell, Verbosity

        symspell = SymSpell(max_dictionary_edit_distance=2, prefix_length=7)
        for word, likely in reader.prior.items():
            symspell.create_dictionary_entry(word, max(1, round(1e9 * 2.718**likely)))

        def look_up(word: str) -> str:
            best = symspell.lookup(word, Verbosity.TOP, max_edit_distance=2)
            return best[0].term if best else word

        found["symspellpy"] = look_up
    if find_spec("rapidfuzz"):
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        def search(word: str) -> str:
            best = process.extractOne(
                word, reader.nearest.words, scorer=OSA.distance, score_cutoff=2
            )
            return best[0] if best else word

        found["rapidfuzz"] = search
    return found


def main() -> None:
    """Print both tables and write the JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("student", type=Path)
    parser.add_argument("--task", default="mr")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--n", type=int, default=1000, help="texts, and words of each library")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    reader = Reader.load(args.student / FILE)
    texts = (part for text in load_task(args.task).train.texts for part in parts(text))
    train = [text.split()[:WORDS] for text in texts]
    plain = [" ".join(words) for words in train if len(words) == WORDS][: args.n]
    pairs = [misspelt(text, i) for i, text in enumerate(plain)]
    bad = [text for text, changed in pairs if len(changed) == UNKNOWN]
    start = time.process_time()
    reader.nearest("xxxxx")
    rows = {"index, once": 1e6 * (time.process_time() - start)}
    rows["no unknown word"] = reading(reader, plain, args.rounds)
    rows["ten unknown words, never read"] = reading(reader, bad, args.rounds, anew=True)
    rows["ten unknown words, read before"] = reading(reader, bad, args.rounds)
    long = "".join(random.Random(0).choices("abcdefgh ", k=1_000_000))
    rows["a million letters"] = 1e6 * seconds(reader, [long], 1)
    for name, time_ in rows.items():
        print(f"{name:32} {time_:12,.1f} microseconds  {goal(name, time_)}")
    words = {new: old for _, changed in pairs for new, old in changed.items()}
    words = {
        new: old for new, old in words.items() if new not in reader.prior and old in reader.prior
    }
    chosen = dict(random.Random(0).sample(sorted(words.items()), min(args.n, len(words))))
    table = {}
    for name, spell in spellers(reader).items():
        spell("xxxxx")
        took = 1e6 * seconds(spell, list(chosen), 1) / len(chosen)
        right = sum(spell(new) == old for new, old in chosen.items()) / len(chosen)
        table[name] = {"microseconds": took, "right": right}
        print(f"{name:12} {took:10,.1f} microseconds a word, {right:.3f} read right")
    if args.json:
        found = {"rows": rows, "libraries": table, "known": len(reader.prior), "words": len(chosen)}
        extra = {"commit": commit(), "machine": machine()}
        args.json.write_text(json.dumps({**found, **extra}, indent=2) + "\n", encoding="utf-8")


def goal(name: str, found: float) -> str:
    """Whether a goal is met."""
    if name not in GOALS:
        return ""
    return f"goal {GOALS[name]:g}: {'met' if found <= GOALS[name] else 'missed'}"


if __name__ == "__main__":
    main()

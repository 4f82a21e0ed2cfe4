"""What a user should know of the data before any number is believed, a line each with counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from rosearch.tasks.labels import HIDDEN, folded, spellings
from rosearch.tasks.words import WORD
from rosearch.types import Text, parts, wilson

_MOST_SHOWN = 6  # labels of a split that are counted one by one
FEW = 30  # texts of a label
LONG = 100  # words of a text, from where on attacks take long
_WIDTH = 40  # characters of a text or label that are shown


def shown(text: str, width: int = _WIDTH) -> str:
    """A text of someone else's in one short line, without what would steer a terminal."""
    line = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    return line if len(line) <= width else f"{line[: width - 3]}..."


def same_text(text: Text) -> tuple[str, ...]:
    """What texts have in common that differ in case and white space only."""
    return tuple(" ".join(part.split()).casefold() for part in parts(text))


def split_line(name: str, labels: Sequence[str]) -> str:
    """How many texts a split has of each label: `test 120 (neg 60, pos 60)`."""
    counts = Counter(labels)
    if len(counts) <= _MOST_SHOWN:
        each = ", ".join(f"{shown(label)} {counts[label]:,}" for label in sorted(counts))
    else:
        low, high = min(counts.values()), max(counts.values())
        many = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        each = f"{len(counts)} labels, {many} each"
    return f"{name} {len(labels):,} ({each})"


def spelling_notes(source: str, labels: Iterable[str]) -> list[str]:
    """Labels of several spellings, and one that usually means that there is no label."""
    counts = Counter(labels)
    notes = [
        f"{source}: the labels {_counts(alike)} differ only in case or spaces and are classes of "
        "their own; write them alike if they are one"
        for alike in spellings(counts)
    ]
    others = [name for name in counts if name != HIDDEN]
    if HIDDEN in counts and len(others) > 1 and all(name.isdigit() for name in others):
        notes.append(
            f"{source}: the label {HIDDEN} ({counts[HIDDEN]:,} texts) is a class of its own; take "
            "these texts out if it means that their label is not known"
        )
    return notes


def contradiction_notes(texts: Iterable[Text], labels: Iterable[str]) -> list[str]:
    """Equal texts with different labels."""
    found: dict[tuple[str, ...], Counter[str]] = {}
    for text, label in zip(texts, labels, strict=True):
        found.setdefault(same_text(text), Counter())[label] += 1
    torn = {text: counts for text, counts in found.items() if len(counts) > 1}
    if not torn:
        return []
    first, counts = next(iter(torn.items()))
    total = sum(sum(c.values()) for c in torn.values())
    return [
        f"{len(torn):,} texts have different labels where they are repeated ({total:,} rows), such "
        f"as {shown(first[-1])!r} ({_counts(counts)}); no model can have them all right"
    ]


def repeated_note(source: str, n: int, total: int, where: str, left_out: bool) -> str:
    """Texts of a split that an earlier one has, too."""
    done = "left out" if left_out else "kept: numbers on them say nothing of new texts"
    return f"{source}: {n:,} of {total:,} texts are in the {where} split, too: {done}"


def unlabelled_note(source: str, n: int, split: str) -> str:
    """A split whose labels are not told."""
    return (
        f"{source}: the labels of its {n:,} texts are hidden (missing or {HIDDEN}): nothing can be "
        "measured on them (`rosearch predict MODEL --file FILE` guesses them), so 10 % of the "
        f"train texts are the {split} split instead"
    )


def near_label(name: str, known: Iterable[str]) -> str | None:
    """A known label that differs in spelling only."""
    return next((other for other in known if folded(other) == folded(name)), None)


def rare_notes(name: str, labels: Iterable[str]) -> list[str]:
    """Labels with so few texts in a split that next to nothing can be said of them."""
    few = {label: n for label, n in sorted(Counter(labels).items()) if n < FEW}
    if not few:
        return []
    shown_ones = _counts(dict(list(few.items())[:_MOST_SHOWN]))
    more = f" and {len(few) - _MOST_SHOWN} more" if len(few) > _MOST_SHOWN else ""
    least = min(few.values())
    found = wilson(least / 2, least)
    return [
        f"few texts in the {name} split: {shown_ones}{more}; the 95 % interval of the recall of a "
        f"label with {least:,} is up to {found.high - found.low:.2f} wide"
    ]


def length_advice(texts: Iterable[Text]) -> list[str]:
    """What to do where texts are long, in a line."""
    words = [sum(len(WORD.findall(part)) for part in parts(text)) for text in texts]
    if not words or (long := median(words)) <= LONG:
        return []
    return [
        f"texts are long ({long:.0f} words in the median of the validation split) and the time of "
        "attacks grows with the square of that; --max-words 64 (task.max_words) cuts them"
    ]


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{shown(name)!r} ({n:,})" for name, n in counts.items())

"""What the report says in words and numbers: the verdict and the headline table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from rosearch.attacks.methods import members
from rosearch.report.draw import draw_line
from rosearch.space.genotype import from_dict
from rosearch.types import Fidelity, Final, Trial, wilson

Entry = Mapping[str, Any]  # one model of the run's summary
SPACE = "\u00a0"
NOTHING = "\u2013"


@dataclass(frozen=True)
class Cell:
    """A number as it is read, and in smaller text how sure it is."""

    main: str
    small: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One model of the headline table."""

    name: str
    small: tuple[str, ...]
    cells: tuple[Cell, ...]
    best: bool


@dataclass(frozen=True)
class Table:
    """The headline table: (title, subtitle) of each column, and the rows."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Failure:
    """Candidates that failed for the same reason."""

    error: str
    trials: tuple[Trial, ...]


def percent(share: float | None) -> str:
    """A share as percent with one decimal."""
    return NOTHING if share is None else f"{100 * share:.1f}{SPACE}%"


def attack_label(name: str) -> str:
    """The name of an attack or suite; of lexicon files only their names, not where they lie."""
    parts = (attack.partition(":") for attack in members(name))
    return "+".join(f"{kind}{colon}{PurePath(path).name}" for kind, colon, path in parts)


def fidelity_words(fidelity: Fidelity) -> str:
    """How much work an evaluation was."""
    passes = f"{fidelity.epochs} epoch{'s' * (fidelity.epochs != 1)}"
    share = f"{fidelity.train_share:.0%} of the train split"
    part = f"the first {fidelity.portion:.0%} of " if fidelity.portion < 1 else ""
    attacks = listed([attack_label(name) for name in fidelity.attacks])
    attacked = f"{fidelity.attacked} texts attacked by {attacks}"
    return f"{part}{passes} on {share}, {attacked}"


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def models(summary: Mapping[str, Any]) -> list[tuple[str, Entry]]:
    """The models of a finished run with the names they have in the report."""
    best = summary.get("best")
    named = [("Teacher", summary.get("teacher")), ("Reference", summary.get("reference"))]
    named.append(("Best student", best))
    others = [e for e in summary.get("finalists") or () if not best or e["id"] != best["id"]]
    named += [(f"Finalist {k}", entry) for k, entry in enumerate(others, start=2 if best else 1)]
    return [(name, entry) for name, entry in named if entry]


def verdict(summary: Mapping[str, Any]) -> str:
    """The run in one sentence, held-out attacks included."""
    best, teacher, reference = (summary.get(key) for key in ("best", "teacher", "reference"))
    if not best:
        return (
            f"None of the {summary.get('candidates', 0)} candidates was trained and evaluated "
            "with success, so there is no student to report."
        )
    size = f"The best student has {millions(best['params'])} parameters"
    if teacher:
        size = (
            f"The best student is {best['compression']:.1f} times smaller than the teacher and "
            f"keeps {percent(best['clean'] / teacher['clean'] if teacher['clean'] else None)} "
            f"of its clean accuracy ({percent(best['clean'])} against {percent(teacher['clean'])})"
        )
    others = [("the reference student", reference), ("the teacher", teacher)]
    survives = _against("", best, others)
    held_out = [
        _against(
            attack_label(name), result, [(n, e and e["held_out"].get(name)) for n, e in others]
        )
        for name, result in best["held_out"].items()
    ]
    tail = (
        f"under attacks that the search never saw, on {listed(held_out)}"
        if held_out
        else "no held-out attack was run, so that says nothing about other attacks"
    )
    attack = attack_label(summary["search_attack"])
    return f"{size}; under the search attack {attack} it is still right on {survives}; {tail}."


def caveats(summary: Mapping[str, Any]) -> list[str]:
    """Attacks under which the best student is not clearly above the reference student."""
    best, reference = summary.get("best"), summary.get("reference")
    if not best or not reference:
        return []
    pairs = {f"the search attack {attack_label(summary['search_attack'])}": (best, reference)}
    for name, result in best["held_out"].items():
        if name in reference["held_out"]:
            key = f"the held-out attack {attack_label(name)}"
            pairs[key] = (result, reference["held_out"][name])
    below = [n for n, (us, them) in pairs.items() if us["interval"][1] < them["interval"][0]]
    above = [n for n, (us, them) in pairs.items() if us["interval"][0] > them["interval"][1]]
    level = [name for name in pairs if name not in below + above]
    found = []
    if below:
        found.append(
            f"The best student is less robust than the reference student under {listed(below)}."
        )
    if level:
        found.append(
            "The best student is not clearly more robust than the reference student (the "
            f"intervals overlap) under {listed(level)}."
        )
    return found


def headline(summary: Mapping[str, Any], finals: Iterable[Final]) -> Table:
    """Teacher, reference, best and other finalists, all on the test split."""
    named = models(summary)
    attack = summary.get("search_attack", "")
    held_out = list(dict.fromkeys(name for _, entry in named for name in entry["held_out"]))
    columns = [
        ("Model", "retrained seeds"),
        ("Parameters", ""),
        ("Compression", "of the teacher"),
        ("Clean accuracy", "whole test split"),
        ("After-attack accuracy", f"search attack {attack_label(attack)}"),
        ("Attack success rate", f"search attack {attack_label(attack)}"),
        *(("After-attack accuracy", f"held-out attack {attack_label(name)}") for name in held_out),
        ("Latency", "one text, one thread"),
    ]
    by_model: dict[str, list[Final]] = {}
    for final in finals:
        by_model.setdefault(final.model, []).append(final)
    rows = [
        Row(
            name,
            _identity(entry),
            _cells(entry, attack, held_out, by_model.get(entry["id"], [])),
            name == "Best student",
        )
        for name, entry in named
    ]
    return Table(tuple(columns), tuple(rows))


def failures(trials: Iterable[Trial]) -> list[Failure]:
    """Failed candidates by their reason, the most frequent first."""
    by_error: dict[str, list[Trial]] = {}
    for trial in trials:
        if trial.score is None:
            by_error.setdefault(trial.error or "no reason was recorded", []).append(trial)
    found = [Failure(error, tuple(failed)) for error, failed in by_error.items()]
    return sorted(found, key=lambda failure: -len(failure.trials))


def _cells(
    entry: Entry, attack: str, held_out: Sequence[str], finals: Sequence[Final]
) -> tuple[Cell, ...]:
    latency = entry.get("latency_ms")
    cells = [
        Cell(millions(entry["params"]), (f"{entry['params']:,}",)),
        Cell(f"{entry['compression']:.1f}x"),
        share_cell(
            entry["clean"], entry["clean_interval"], entry["n_clean"], spread(entry, "clean")
        ),
        share_cell(entry["after_attack"], entry["interval"], entry["n"], spread(entry)),
        Cell(percent(entry["attack_success_rate"]), _success_interval(finals, attack)),
    ]
    for name in held_out:
        result = entry["held_out"].get(name)
        if not result:
            cells.append(Cell(NOTHING, ("not run",)))
            continue
        success = f"success rate {percent(result['attack_success_rate'])}"
        share = share_cell(result["after_attack"], result["interval"], result["n"], success)
        cells.append(Cell(share.main, share.small + _success_interval(finals, name)))
    cells.append(Cell(NOTHING if latency is None else f"{latency:.1f}{SPACE}ms"))
    return tuple(cells)


def share_cell(share: float, interval: Sequence[float], n: int, extra: str = "") -> Cell:
    """A share with its interval and number of texts."""
    small = (_interval(interval[0], interval[1]), f"n{SPACE}={SPACE}{n:,}")
    return Cell(percent(share), (*small, extra) if extra else small)


def _success_interval(finals: Sequence[Final], attack: str) -> tuple[str, ...]:
    """Interval of the attack success rate, from the mean counts over seeds.

    The seeds attack the same texts, so adding them up would make it too narrow.
    """
    counts = [final.attacks[attack] for final in finals if attack in final.attacks]
    if not counts:
        return ()
    right = round(sum(c.correct for c in counts) / len(counts))
    flipped = round(sum(c.correct - c.survived for c in counts) / len(counts))
    interval = wilson(flipped, right)
    return (_interval(interval.low, interval.high), f"of {right:,} right before")


def _interval(low: float, high: float) -> str:
    return f"{100 * low:.1f} to {100 * high:.1f}"


def spread(entry: Entry, key: str = "after_attack") -> str:
    """Standard deviation over seeds in words; empty for one seed."""
    deviation = entry.get(f"{key}_std")
    if deviation is None or len(entry.get("seeds") or ()) < 2:
        return ""
    return f"sd over seeds {100 * deviation:.1f}"


def _identity(entry: Entry) -> tuple[str, ...]:
    seeds = entry.get("seeds") or ()
    parts = [entry["id"]] if entry["id"] not in ("teacher", "reference") else []
    if entry.get("genotype"):
        parts.append(draw_line(from_dict(entry["genotype"])))
    if seeds:
        parts.append(f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}")
    return tuple(parts)


def millions(params: int) -> str:
    """Parameters in millions."""
    return f"{params / 1e6:.2f}{SPACE}M"


def _against(attack: str, ours: Entry, others: Iterable[tuple[str, Entry | None]]) -> str:
    """Our after-attack accuracy, and in brackets the attack and the others'."""
    known = [f"{name} {percent(other['after_attack'])}" for name, other in others if other]
    inside = "; ".join(part for part in (attack, ", ".join(known)) if part)
    return percent(ours["after_attack"]) + (f" ({inside})" if inside else "")

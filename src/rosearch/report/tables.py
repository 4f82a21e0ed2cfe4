"""What the report says in words and numbers: the verdict and the headline table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rosearch.report.draw import draw_line
from rosearch.results.entries import AttackEntry, ModelEntry
from rosearch.results.summary import Summary
from rosearch.results.words import FALLBACK, attack_label
from rosearch.space.genotype import from_dict
from rosearch.types import Fidelity, Final, Trial, wilson

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


def models(summary: Summary) -> list[tuple[str, ModelEntry]]:
    """The models of a finished run with the names they have in the report."""
    best = [("Best student", summary.best)] if summary.best else []
    others = [entry for entry in summary.finalists if not summary.is_best(entry)]
    named = [("Teacher", summary.teacher), ("Reference", summary.reference), *best]
    return named + [(f"Finalist {k}", e) for k, e in enumerate(others, start=1 + len(best))]


def verdict(summary: Summary) -> str:
    """The run in one sentence, held-out attacks included."""
    best, teacher = summary.best, summary.teacher
    if best is None:
        return (
            f"None of the {summary.candidates} candidates was trained and evaluated "
            "with success, so there is no student to report."
        )
    kept = percent(best.clean / teacher.clean if teacher.clean else None)
    size = (
        f"The best student is {best.compression:.1f} times smaller than the teacher and "
        f"keeps {kept} of its clean accuracy "
        f"({percent(best.clean)} against {percent(teacher.clean)}{_balanced_words(best, teacher)})"
    )
    others = [("the reference student", summary.reference), ("the teacher", teacher)]
    survives = _against("", best.searched, [(name, entry.searched) for name, entry in others])
    for name, found in best.suites.items():
        suite = _against("", found, [(who, entry.suites.get(name)) for who, entry in others])
        survives += f", under {attack_label(name)}, which it knew as well, on {suite}"
    held_out = [
        _against(attack_label(name), found, [(who, e.held_out.get(name)) for who, e in others])
        for name, found in best.held_out.items()
    ]
    tail = (
        f"under attacks that the search never saw, on {listed(held_out)}"
        if held_out
        else "no held-out attack was run, so that says nothing about other attacks"
    )
    attack = attack_label(summary.search_attack)
    return f"{size}; under the search attack {attack} it is still right on {survives}; {tail}."


def _balanced_words(best: ModelEntry, teacher: ModelEntry) -> str:
    if best.balanced_clean is None or teacher.balanced_clean is None:
        return ""
    ours, theirs = percent(best.balanced_clean), percent(teacher.balanced_clean)
    return f"; balanced over the labels {ours} against {theirs}"


def caveats(summary: Summary) -> list[str]:
    """Attacks under which the best student is not clearly above the reference student."""
    best, reference = summary.best, summary.reference
    if best is None:
        return []
    search = f"the search attack {attack_label(summary.search_attack)}"
    pairs = {search: (best.interval, reference.interval)}
    for name, found in best.further.items():
        if name in reference.further:
            kind = "held-out" if name in best.held_out else "search"
            key = f"the {kind} attack {attack_label(name)}"
            pairs[key] = (found.interval, reference.further[name].interval)
    below = [name for name, (ours, theirs) in pairs.items() if ours[1] < theirs[0]]
    above = [name for name, (ours, theirs) in pairs.items() if ours[0] > theirs[1]]
    level = [name for name in pairs if name not in below + above]
    told = [f"{FALLBACK[0].upper()}{FALLBACK[1:]}."] if summary.fallback else []
    if below:
        told.append(
            f"The best student is less robust than the reference student under {listed(below)}."
        )
    if level:
        told.append(
            "The best student is not clearly more robust than the reference student (the "
            f"intervals overlap) under {listed(level)}."
        )
    return told


def headline(summary: Summary, finals: Iterable[Final]) -> Table:
    """Teacher, reference, best and other finalists, all on the test split."""
    named = models(summary)
    attack = summary.search_attack
    suites = list(summary.teacher.suites)
    held_out = list(dict.fromkeys(name for _, entry in named for name in entry.held_out))
    columns = [
        ("Model", "retrained seeds"),
        ("Parameters", ""),
        ("Compression", "of the teacher"),
        ("Clean accuracy", "whole test split"),
        ("After-attack accuracy", f"search attack {attack_label(attack)}"),
        ("Attack success rate", f"search attack {attack_label(attack)}"),
        *(("After-attack accuracy", f"search attack {attack_label(name)}") for name in suites),
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
            _cells(entry, attack, (*suites, *held_out), by_model.get(entry.id, [])),
            name == "Best student",
        )
        for name, entry in named
    ]
    return Table(tuple(columns), tuple(rows))


def certified_table(summary: Summary) -> Table | None:
    """What no attack can flip, of the models of which it can be told; None if there are none."""
    named = [(name, entry) for name, entry in models(summary) if entry.certified]
    changes = list(dict.fromkeys(what for _, entry in named for what in entry.certified))
    rows = [
        Row(
            name,
            _identity(entry),
            tuple(Cell(percent(entry.certified.get(what))) for what in changes),
            name == "Best student",
        )
        for name, entry in named
    ]
    columns = (("Model", ""), *((what, "certified") for what in changes))
    return Table(columns, tuple(rows)) if rows else None


def failures(trials: Iterable[Trial]) -> list[Failure]:
    """Failed candidates by their reason, the most frequent first."""
    by_error: dict[str, list[Trial]] = {}
    for trial in trials:
        if trial.score is None:
            by_error.setdefault(trial.error or "no reason was recorded", []).append(trial)
    found = [Failure(error, tuple(failed)) for error, failed in by_error.items()]
    return sorted(found, key=lambda failure: -len(failure.trials))


def _cells(
    entry: ModelEntry, attack: str, further: Sequence[str], finals: Sequence[Final]
) -> tuple[Cell, ...]:
    cells = [
        size_cell(entry),
        Cell(f"{entry.compression:.1f}x"),
        clean_cell(entry),
        searched_cell(entry),
        Cell(percent(entry.attack_success_rate), _success_interval(finals, attack)),
    ]
    for name in further:
        found = entry.further.get(name)
        if found is None:
            cells.append(Cell(NOTHING, ("not run",)))
            continue
        share, told = attacked_cell(found), _success_interval(finals, name)
        success = f"success rate {percent(found.attack_success_rate)}"
        cells.append(Cell(share.main, (*share.small, success, *told)))
    cells.append(Cell(f"{entry.latency_ms:.1f}{SPACE}ms"))
    return tuple(cells)


def size_cell(entry: ModelEntry) -> Cell:
    """Parameters of a model."""
    return Cell(_millions(entry.params), (f"{entry.params:,}",))


def clean_cell(entry: ModelEntry) -> Cell:
    """Clean accuracy of a model, the balanced one and what else is told of clean texts."""
    spread = _spread(entry.clean_std, entry.seeds)
    cell = share_cell(entry.clean, entry.clean_interval, entry.n_clean, spread)
    f1 = () if entry.macro_f1 is None else (f"macro-F1 {percent(entry.macro_f1)}",)
    balanced = _balanced(entry.balanced_clean, entry.balanced_clean_interval)
    gap = entry.calibration_error
    ece = () if gap is None else (f"calibration error {percent(gap)}",)
    return Cell(cell.main, (*cell.small, *balanced, *f1, *ece))


def searched_cell(entry: ModelEntry) -> Cell:
    """After-attack accuracy of a model under the attack of the search, and the balanced one."""
    return attacked_cell(entry.searched, _spread(entry.after_attack_std, entry.seeds))


def attacked_cell(entry: AttackEntry, extra: str = "") -> Cell:
    """After-attack accuracy, the balanced one, and texts that could not be changed."""
    cell = share_cell(entry.after_attack, entry.interval, entry.n, extra)
    balanced = _balanced(entry.balanced_after_attack, entry.balanced_interval)
    nothing = [f"nothing to change: {entry.unchangeable:,}"] if entry.unchangeable else []
    return Cell(cell.main, (*cell.small, *balanced, *nothing))


def _balanced(share: float | None, interval: Sequence[float] | None) -> tuple[str, ...]:
    if share is None or interval is None:  # of early versions
        return ()
    return (f"balanced {percent(share)} ({_interval(interval[0], interval[1])})",)


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
    rate = sum(c.success_rate for c in counts) / len(counts)
    interval = wilson(round(rate * right), right)
    return (_interval(interval.low, interval.high), f"of {right:,} right before")


def _interval(low: float, high: float) -> str:
    return f"{100 * low:.1f} to {100 * high:.1f}"


def _spread(deviation: float, seeds: Sequence[int]) -> str:
    """Standard deviation over seeds in words; empty for one seed."""
    return f"sd over seeds {100 * deviation:.1f}" if len(seeds) > 1 else ""


def _identity(entry: ModelEntry) -> tuple[str, ...]:
    parts = [f"{listed(entry.points)} point"] if entry.points else []
    parts += [entry.id] if entry.id not in ("teacher", "reference") else []
    if entry.genotype:
        parts.append(draw_line(from_dict(entry.genotype)))
    if entry.seeds:
        parts.append(f"seed{'s' * (len(entry.seeds) > 1)} {', '.join(map(str, entry.seeds))}")
    return tuple(parts)


def _millions(params: int) -> str:
    return f"{params / 1e6:.2f}{SPACE}M"


def _against(
    attack: str, ours: AttackEntry, others: Iterable[tuple[str, AttackEntry | None]]
) -> str:
    """Our after-attack accuracy, and in brackets the attack and the others'."""
    known = [f"{name} {percent(other.after_attack)}" for name, other in others if other]
    inside = "; ".join(part for part in (attack, ", ".join(known)) if part)
    return percent(ours.after_attack) + (f" ({inside})" if inside else "")

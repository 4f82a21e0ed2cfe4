"""Transfer within a protocol: adversarial texts of other models, replayed on the one at hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rosearch.attacks.result import AttackResult
from rosearch.models.open import open_classifier
from rosearch.robustness.journaled import Cost
from rosearch.robustness.origin import Origin
from rosearch.robustness.protocol import Protocol
from rosearch.robustness.report import adversarial
from rosearch.robustness.rows import SHIPPED, Bench, Done, carry_out


@dataclass(frozen=True)
class Replayed:
    """Texts that flip another model, as the model at hand takes them.

    Attributes:
        source: the other model: `teacher` or `reference`.
        found: adversarial texts that there were.
        results: one for each text that was attacked there.
        direct: those of the same texts when the model itself is attacked.
        cost: of finding the texts.
    """

    source: str
    row: str
    found: int
    results: list[AttackResult]
    direct: list[AttackResult]
    cost: Cost

    @property
    def beyond(self) -> int:
        """Texts that are flipped so, and not by the direct attack."""
        pairs = zip(self.results, self.direct, strict=True)
        return sum(r.status == "flipped" and d.status != "flipped" for r, d in pairs)


def replays(
    protocol: Protocol,
    origin: Origin,
    bench: Bench,
    done: Sequence[Done],
    device: str,
    journals: Path,
) -> Iterator[Replayed]:
    """Every transfer row of a protocol from every other model that there is.

    Args:
        journals: folder of the results on the other models.
    """
    split = bench.split.take(range(min(protocol.transfer_texts, len(bench.split))))
    direct = {one.row.name: one for one in done if one.row.name in protocol.transfer}
    for source, folder in origin.others.items():
        other = open_classifier(folder, device).in_order(
            bench.task.label_names, bench.task.label_map
        )
        theirs = replace(
            bench,
            victim=other,
            split=split,
            temperatures={SHIPPED: 1.0},
            journals=journals / source,
        )
        if other.content == bench.victim.content:
            continue
        for name, own in direct.items():
            found = carry_out(own.row, own.suite, theirs)
            results = replayed(found.results, own.results[: len(split)], bench)
            n = len(adversarial(found.results))
            yield Replayed(source, name, n, results, own.results[: len(split)], found.cost)


def replayed(
    theirs: Sequence[AttackResult], direct: Sequence[AttackResult], bench: Bench
) -> list[AttackResult]:
    """What becomes of the direct results when the adversarial texts of others are asked instead."""
    flipped = adversarial(theirs)
    texts, labels = [r.asked[1] for r in flipped], [r.label for r in flipped]
    right = bench.victim.correct(texts, labels)
    fooled = {r.index: r for r, ok in zip(flipped, right, strict=True) if not ok}
    return [_instead(own, fooled.get(own.index)) for own in direct]


def _instead(own: AttackResult, fooled: AttackResult | None) -> AttackResult:
    if own.status == "skipped":
        return own
    if fooled is None:
        return replace(own, status="survived", perturbed=own.original, changed=(), queries=1)
    return replace(
        own,
        status="flipped",
        perturbed=fooled.perturbed,
        changed=fooled.changed,
        replacements=fooled.replacements,
        path=fooled.path,
        queries=1,
    )

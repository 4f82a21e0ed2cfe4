"""How robust a model is by a protocol: what `robustness.json` holds, key by key.

Shares are fractions in [0, 1], rounded; intervals are 95 % Wilson intervals (low, high). Of several
training seeds all figures are means, queries and passes are those of one; see `pooled`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rosearch.attacks.limits import Limits
from rosearch.errors import UserError
from rosearch.evaluation.held_out import Standing
from rosearch.results.classes import ClassEntry, Pair
from rosearch.results.decode import decode
from rosearch.results.entries import AttackEntry
from rosearch.robustness.protocol import Group
from rosearch.types import Json

FILE = "robustness.json"
VERSION = 1  # of the keys


@dataclass(frozen=True, kw_only=True)
class CleanEntry:
    """The whole test split, not attacked.

    Attributes:
        calibration_error: expected, over 15 bins.
        temperature: that makes the validation split likeliest; None where there is none.
        calibrated_error: calibration error at that temperature.
    """

    n: int
    accuracy: float
    interval: Pair
    balanced_clean: float
    balanced_clean_interval: Pair
    macro_f1: float
    classes: tuple[ClassEntry, ...]
    calibration_error: float
    temperature: float | None = None
    calibrated_error: float | None = None


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What attacks cost, all temperatures together.

    Attributes:
        passes: texts that went through the network; what it had been asked before did not.
    """

    queries: int
    passes: int
    ms_per_text: float


@dataclass(frozen=True, kw_only=True)
class RowEntry:
    """One row of a protocol.

    Attributes:
        standing: what the attack is to the model, `why` says by what.
        adaptive: whether it was written against a mechanism that the model has.
        limits: None has none.
        outcome: of the texts that survive at all temperatures.
        by_temperature: share of the texts that survive at this one and those before it.
        by_seed: after-attack accuracy of each training seed, where there are several.
    """

    name: str
    attack: str
    group: Group
    standing: Standing
    why: str
    adaptive: bool
    limits: Limits | None
    outcome: AttackEntry
    by_temperature: Mapping[str, float]
    spent: Spent
    by_seed: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TransferEntry:
    """Adversarial texts of another model, replayed.

    Attributes:
        source: where they were found: on the `teacher` or the `reference`.
        found: how many.
        direct: after-attack accuracy on the same texts if the model itself is attacked.
        beyond: texts that only the replay flips, of all training seeds.
        masked: whether the replay does better, so that the direct attack tells too little.
        spent: to find them.
    """

    source: str
    row: str
    found: int
    outcome: AttackEntry
    direct: float
    beyond: int
    masked: bool
    spent: Spent


@dataclass(frozen=True)
class ShareEntry:
    """A share of `n` texts, with its interval."""

    share: float
    interval: Pair
    n: int


@dataclass(frozen=True, kw_only=True)
class AlarmEntry:
    """A rare label at a threshold chosen on the validation split, see `Alarms`.

    Attributes:
        rate: share of the `calm` validation texts that may be false alarms.
        thresholds: log-odds of the label, one for each training seed.
        false_alarms, recall: on the whole test split.
        after: row -> recall of the attacked rare texts when the attack aims at the threshold;
            `all` is the worst case.
    """

    label: str
    rate: float
    calm: int
    thresholds: tuple[float, ...]
    false_alarms: ShareEntry
    recall: ShareEntry
    after: Mapping[str, ShareEntry]


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """A model by a protocol.

    Attributes:
        sample: which texts were attacked, in words.
        seed: of the sample; attacks draw from a text alone.
        complete: whether it is known all that encoding, training and search knew.
        known: settings by which the model knows attacks.
        mechanisms: what it defends itself by.
        skipped: row -> why it was not carried out.
        worst: `all`, and each standing -> texts that survive every row of it; `all` counts replays.
        certified: share of the attacked texts that no attack can flip, by what it does to them.
        certified_intervals: of these shares.
        training_seeds: of the model that were measured, each on the same texts.
        alarms: one for each rate of false alarms; none where no label is rare.
        seconds: of all attacks.
    """

    version: int = VERSION
    protocol: str
    model: str
    task: str
    labels: tuple[str, ...]
    n: int
    sample: str
    seed: int
    complete: bool
    known: tuple[str, ...]
    mechanisms: tuple[str, ...]
    clean: CleanEntry
    rows: tuple[RowEntry, ...]
    skipped: Mapping[str, str]
    worst: Mapping[str, AttackEntry]
    transfer: tuple[TransferEntry, ...] = ()
    certified: Mapping[str, float] = field(default_factory=dict)
    certified_intervals: Mapping[str, Pair] = field(default_factory=dict)
    training_seeds: int = 1
    alarms: tuple[AlarmEntry, ...] = ()
    seconds: float = 0.0
    machine: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> Json:
        """Plain JSON data."""
        plain: Json = json.loads(json.dumps(asdict(self)))
        return plain


def read_assessment(path: Path) -> Assessment:
    """What a `robustness.json` holds.

    Raises:
        UserError: it can't be read, is damaged, or of another version.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UserError(f"{path} is no {FILE}; write it with `rosearch evaluate`") from None
    found = data.get("version") if isinstance(data, dict) else None
    if found != VERSION:
        raise UserError(
            f"{path} is of version {found}, this program reads {VERSION}; write it again with "
            "`rosearch evaluate`"
        )
    return decode(Assessment, data, str(path))

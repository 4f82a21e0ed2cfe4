"""Export a model as a folder: write, check against the original, measure, describe, then move into
place. Until then all of it is in a temporary folder beside, so that nothing is left half-written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rosearch.attacks.methods import ATTACKS, check_attack, members
from rosearch.errors import UserError, require
from rosearch.export.int8 import FORM, LARGEST, saturating
from rosearch.export.measure import Parity, Quality, attacked_quality, clean_quality, parity
from rosearch.export.onnx_model import write_int8, write_onnx
from rosearch.export.provenance import with_licence
from rosearch.export.source import Source, find_source, import_plugins_of
from rosearch.export.speed import Speed, speeds
from rosearch.export.threshold import FalseAlarms, Threshold, choose_threshold, with_threshold
from rosearch.io.files import check_new, new_folder
from rosearch.models.calibration import at_threshold
from rosearch.models.classifier import Classifier
from rosearch.models.onnx import PACKAGES
from rosearch.models.onnx_folder import graph_classifier
from rosearch.models.timing import Latency, latencies
from rosearch.types import Json, Text

# Largest difference of a probability that an export may have. Of int8 it is measured, not limited.
LIMITS = {"hf": 0.0, "onnx": 1e-4, "int8": 1.0}
ROUNDED = 1e-6  # what a threshold in the weights and one taken off the answers may differ by
MODEL_FILES = {"hf": "model.safetensors", "onnx": "model.onnx", "int8": "model.onnx"}
FLOATS = "float.onnx"  # what a quantised model is made of
SPLIT = "test"
COMPARED = 1000  # texts of the split, at most, for parity and accuracy; classes as in the split
TIMED = 200  # texts whose tokens are used to measure latency


class ParityError(Exception):
    """The exported model does not answer as the original does; nothing was written."""


@dataclass(frozen=True)
class ExportReport:
    """What was exported, and what was measured of it.

    Attributes:
        form: key of `LIMITS`.
        size, original_size: bytes of the file with the weights.
        qualities: of the exported file and, beside int8, of the original.
        threshold: where the exported file says a rare label; None: it says the likeliest one.
    """

    source: Source
    form: str
    out: Path
    size: int
    original_size: int
    parity: Parity
    qualities: tuple[Quality, ...]
    latency: tuple[Latency, ...]
    threshold: Threshold | None = None

    @property
    def speed(self) -> tuple[Speed, ...]:
        """Of int8 against float; else none."""
        return speeds(self.latency, self.form)

    def to_json(self) -> Json:
        """All numbers, JSON-ready."""
        from rosearch.results.summary import machine, versions

        return {
            "name": self.source.name,
            "format": self.form,
            "folder": str(self.out),
            "bytes": self.size,
            "original_bytes": self.original_size,
            "task": self.source.task.name,
            "split": SPLIT,
            "parity": asdict(self.parity),
            "threshold": None if self.threshold is None else asdict(self.threshold),
            "quality": [q.to_json() for q in self.qualities],
            "latency": [
                {**asdict(row), "texts_per_second": round(row.texts_per_second, 1)}
                for row in self.latency
            ],
            "weights": FORM if self.form == "int8" else None,
            "against_float": [speed.to_json() for speed in self.speed],
            "notes": list(self.source.notes),
            "machine": machine(),
            "versions": versions(),
        }


def export(
    what: str,
    form: str,
    out: Path,
    flags: Mapping[str, object] | None = None,
    teacher: str | None = None,
    attacks: Sequence[str] = ("wordnet",),
    n: int = 200,
    alarms: FalseAlarms | None = None,
) -> ExportReport:
    """Export a model into the new folder `out`.

    Args:
        what: `RUN` (its best student), `RUN:ID`, a folder or a hub id of a classifier.
        form: `hf`, `onnx` or `int8`.
        flags: see `find_source`.
        teacher: see `find_source`.
        attacks: names of the attacks whose after-attack accuracy is measured.
        n: texts of the test split that are attacked.
        alarms: the model is to say a rare label at the threshold for so many false alarms on the
            validation split; None: it stays as it is.

    Raises:
        UserError: bad arguments, or a model that cannot be exported.
        ParityError: the export differs from the original by more than `LIMITS` allows.
    """
    import_plugins_of(what)  # attacks may be of one
    _check(form, out, attacks)
    found = find_source(what, flags or {}, teacher)
    base = found.base and with_licence(found.base, "model")
    source = replace(found, data=with_licence(found.data, "dataset"), base=base)
    with new_folder(out, replace=False) as folder:
        return _export(source, form, out, folder, attacks, n, alarms)


def _check(form: str, out: Path, attacks: Sequence[str]) -> None:
    if form not in LIMITS:
        raise UserError(f"no format {form!r}; the formats are {', '.join(LIMITS)}")
    check_new(out)
    for attack in attacks:
        check_attack(attack)
        _check_gradients(form, attack)
    if form != "hf":
        for package in PACKAGES:
            require(package, "onnx")


def _check_gradients(form: str, suite: str) -> None:
    for attack in members(suite):
        if form != "hf" and ATTACKS[attack.partition(":")[0]].white_box:
            raise UserError(
                f"attack {suite!r} needs the gradients of the model, and an ONNX file has none; "
                "choose an attack on words, or --format hf"
            )


def _export(
    source: Source,
    form: str,
    out: Path,
    folder: Path,
    attacks: Sequence[str],
    n: int,
    alarms: FalseAlarms | None,
) -> ExportReport:
    from rosearch.attacks.methods import resources_for
    from rosearch.export.card import write_card
    from rosearch.io.progress import stage
    from rosearch.io.threads import one_thread
    from rosearch.models.open import open_classifier
    from rosearch.teacher.attack_folders import attack_folders

    original = open_classifier(source.folder)
    if form != "hf":
        _ = original.module  # refuses what has no weights
    split = source.task.test
    compared = split.sample(COMPARED, least_per_class=0)
    original.fitted(source.task, compared)
    folders = attack_folders(attacks, None, source.task)
    resources = resources_for(attacks, split.sample(n).texts, folders)
    texts = compared.texts
    task = source.task
    ours = task.label_names, task.label_map
    asked, threshold = original.in_order(*ours), None
    with one_thread():
        with stage(f"exporting {source.name} as {form}", 2) as advance:
            if alarms is not None:
                threshold = choose_threshold(asked, task, alarms)
                original = with_threshold(asked, threshold)
                asked = at_threshold(asked, threshold.label, threshold.log_odds)
            exported = WRITERS[form](original, folder, texts[0])
            advance(1, "")
            victims = {form: exported.in_order(*ours), "": asked}
            answers = {name: victim.probabilities(texts) for name, victim in victims.items()}
            found = parity(answers[""], answers[form])
            check_parity(found, form, 0.0 if threshold is None else ROUNDED)
            if threshold is not None:
                threshold = threshold.measured_on(victims[form], task)
            advance(1, "")
        names = {"int8": "int8", "": "float"} if form == "int8" else {form: "float"}
        measured = [
            attacked_quality(
                victims[key],
                clean_quality(name, answers[key], compared.labels),
                split,
                attacks,
                resources,
                n,
            )
            for key, name in names.items()
        ]
        latency = _latency(source, form, folder.parent, original, exported)
    report = ExportReport(
        source=source,
        form=form,
        out=out,
        size=_size(folder / MODEL_FILES[form]),
        original_size=_size(source.folder / MODEL_FILES["hf"]),
        parity=found,
        qualities=tuple(measured),
        latency=tuple(latency),
        threshold=threshold,
    )
    write_card(report, original, folder / "README.md")
    return report


def check_parity(found: Parity, form: str, rounded: float = 0.0) -> None:
    """Refuse an export that does not answer as the original does.

    Args:
        rounded: by how much the original's probabilities may be off.

    Raises:
        ParityError: a probability differs by more than `LIMITS` allows.
    """
    limit = max(LIMITS[form], rounded)
    if not found.difference <= limit:
        raise ParityError(
            f"the {form} model differs from the original: probabilities of {found.n} texts by up "
            f"to {found.difference:.2g} (allowed: {limit:.2g}), the same label for "
            f"{found.agreement:.1%}; nothing was written"
        )


def check_products(path: Path) -> None:
    """Refuse a graph that would answer differently on another processor.

    What is measured on the processor at hand says nothing of the others.

    Raises:
        ParityError: a weight is so large that its products can be cut.
    """
    names = saturating(path)
    if names:
        raise ParityError(
            f"{len(names)} signed 8-bit weights, the first one {names[0]!r}, have values beyond "
            f"{LARGEST}: their products are cut on processors without VNNI, which would answer "
            "differently; nothing was written"
        )


def _write_hf(original: Classifier, folder: Path, text: Text) -> Classifier:
    from rosearch.models.open import open_classifier
    from rosearch.student.saving import save_student

    save_student(original.module, original.tokenizer, folder)
    return open_classifier(folder)


def _write_onnx(original: Classifier, folder: Path, text: Text) -> Classifier:
    types = original.reads_types(text)
    return onnx_folder(original, folder, lambda path: write_onnx(original.module, path, types))


def _write_int8(original: Classifier, folder: Path, text: Text) -> Classifier:
    return quantized_folder(original, folder, text, write_int8)


def quantized_folder(
    original: Classifier, folder: Path, text: Text, quantize: Callable[[Path, Path], None]
) -> Classifier:
    """A folder whose graph `quantize` makes of `float.onnx`, which stays in the folder above.

    Raises:
        ParityError: see `check_products`.
    """

    def write(path: Path) -> None:
        floats = folder.parent / FLOATS  # timed beside the quantised model
        write_onnx(original.module, floats, original.reads_types(text))
        quantize(floats, path)
        check_products(path)

    return onnx_folder(original, folder, write)


# Of a model, into a new folder, for texts such as this one.
WRITERS: dict[str, Callable[[Classifier, Path, Text], Classifier]] = {
    "hf": _write_hf,
    "onnx": _write_onnx,
    "int8": _write_int8,
}


def onnx_folder(original: Classifier, folder: Path, write: Callable[[Path], None]) -> Classifier:
    """`model.onnx`, tokenizer and labels; loaded again from there."""
    from transformers import AutoTokenizer

    from rosearch.io.quiet import quiet_transformers

    folder.mkdir()
    write(folder / "model.onnx")
    with quiet_transformers():
        original.tokenizer.save_pretrained(folder)
    own = original.module.config
    config = own.to_dict()
    # Code that is not in the folder, and where the model was loaded from.
    kept = {k: v for k, v in config.items() if k not in ("auto_map", "_name_or_path")}
    text = json.dumps(kept, indent=2, sort_keys=True) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8")
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    return graph_classifier(folder / "model.onnx", tokenizer, own)


def _latency(
    source: Source, form: str, scratch: Path, original: Classifier, exported: Classifier
) -> list[Latency]:
    """The exported model and the teacher in the same form; beside int8 also in float."""
    from rosearch.models.open import open_classifier

    texts = source.task.test.sample(TIMED, least_per_class=0).texts
    loaded = {("model", form): exported}
    if form == "int8":
        loaded["model", "onnx"] = graph_classifier(
            scratch / FLOATS, original.tokenizer, original.module.config
        )
    if source.teacher:
        teacher = open_classifier(source.teacher)
        written = scratch / "teacher"
        written.mkdir()
        loaded["teacher", form] = WRITERS[form](teacher, written / "model", texts[0])
        if form == "int8":
            loaded["teacher", "onnx"] = graph_classifier(
                written / FLOATS, teacher.tokenizer, teacher.module.config
            )
    return latencies(loaded, texts)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0

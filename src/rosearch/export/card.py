"""The model card: `README.md` of an exported folder, with the front matter that the hub reads."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rosearch.attacks.methods import describe, members
from rosearch.export.int8 import FORM
from rosearch.export.provenance import Provenance
from rosearch.export.source import RunRecord, Source
from rosearch.export.speed import speed_lines
from rosearch.export.usage import usage
from rosearch.results.entries import attack_entry
from rosearch.results.words import (
    FALLBACK,
    attack_label,
    attacked_words,
    class_columns,
    class_rows,
    clean_words,
)

if TYPE_CHECKING:
    from rosearch.export.bundle import ExportReport
    from rosearch.models.classifier import Classifier

PAPER = "2106.03613"
BATCH_DEPENDENCE = (
    "Activations are quantised over the whole batch, so the answer for a text depends a little on "
    "the texts beside it. The numbers of this card are of one text at a time."
)
LIBRARIES = {"hf": "transformers", "onnx": "onnx", "int8": "onnx"}


def write_card(report: ExportReport, original: Classifier, path: Path) -> None:
    """Write the model card of an export."""
    from huggingface_hub import ModelCard

    text = f"---\n{_front_matter(report, original)}\n---\n{_body(report, original)}"
    ModelCard(text).save(path)


def _front_matter(report: ExportReport, original: Classifier) -> str:
    """YAML of the hub's model card specification, with this file's own numbers."""
    from huggingface_hub import EvalResult, ModelCardData

    best, task = report.qualities[0], report.source.task.name
    data, base = report.source.data, report.source.base
    about = {
        "task_type": "text-classification",
        "dataset_type": data.hub or task,
        "dataset_name": task,
        "dataset_split": "test",
        "metric_type": "accuracy",
    }
    results = [EvalResult(**about, metric_name="accuracy", metric_value=round(best.clean, 4))]
    for name, key in (("balanced accuracy", "balanced_clean"), ("macro-F1", "macro_f1")):
        if key in best.by_class:
            kind = {"metric_type": "f1" if key == "macro_f1" else "accuracy", "metric_name": name}
            value = best.by_class[key]  # type: ignore[literal-required]
            results.append(EvalResult(**{**about, **kind}, metric_value=value))
    for name, counts in best.attacks.items():
        metric = f"accuracy after the attack {attack_label(name)}"
        value = round(counts.after_attack, 4)
        results.append(EvalResult(**about, metric_name=metric, metric_value=value))
    front = ModelCardData(
        library_name=LIBRARIES[report.form],
        pipeline_tag="text-classification",
        tags=["rosearch", "robustness", *(["int8"] if report.form == "int8" else [])],
        model_name=report.source.name,
        eval_results=results,
        license=base.licence.lower() or None if base else None,
        datasets=[data.hub] if data.hub else None,
        base_model=base.hub or None if base else None,
    )
    return front.to_yaml()


def _body(report: ExportReport, original: Classifier) -> str:
    parts = [
        _head(report, original),
        *_threshold(report),
        _measured(report),
        _attacks(report),
        *([_run(report.source.run)] if report.source.run else []),
        _parity(report),
        _latency(report),
        usage(report.form, report.source.pairs, original),
        _origins(report.source),
        _limits(report),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _head(report: ExportReport, original: Classifier) -> str:
    source, config = report.source, original.module.config
    labels = ", ".join(map(plain, original.label_names))
    kind = (
        "A student found and distilled from a larger teacher by RoSearch, a re-implementation of "
        f"the idea of [arXiv {PAPER}](https://arxiv.org/abs/{PAPER})."
        if config.model_type == "rosearch-student"
        else f"A classifier of type {code(config.model_type)}, exported by RoSearch."
    )
    return f"""
# {plain(source.name)}

{kind}

- **Task**: text classification, {code(source.task.name)}, \
{"a pair of texts" if source.pairs else "one text"} per example
- **Labels**: {labels}
- **Parameters**: {original.params:,}
- **Format**: {_FORMATS[report.form]}, {report.size / 1e6:.1f} MB
"""


_FORMATS = {
    "hf": "Hugging Face folder (safetensors)",
    "onnx": "ONNX, float32, dynamic batch and length",
    "int8": f"ONNX, int8 by onnxruntime's dynamic quantisation ({FORM}), dynamic batch and length",
}


def _threshold(report: ExportReport) -> list[str]:
    """Where it says a rare label, if it was exported so."""
    found = report.threshold
    if found is None:
        return []
    told = plain(found.told(report.qualities[0].classes))
    return [
        f"""
## Threshold

{told} The threshold is part of the weights: act on the likeliest label, and take the probability of
0.5 for the threshold, not for even chances. All numbers measured on this file are at the threshold.
"""
    ]


def _measured(report: ExportReport) -> str:
    attacks = list(report.qualities[0].attacks)
    rows = []
    for q in report.qualities:
        own = "this file" if q is report.qualities[0] else "the float model it was made of"
        cells = [q.words, *(attacked_words(attack_entry([q.attacks[a]])) for a in attacks)]
        rows.append([own, *map(_lines, cells)])
    n = report.qualities[0].n
    attacked = next(iter(report.qualities[0].attacks.values()), None)
    head = ["", f"clean accuracy (n = {n})"]
    head += [f"after {code(attack_label(a))} (n = {attacked.n})" for a in attacks if attacked]
    return f"""
## Measured on this file

A stratified sample of the test split, attacked texts with at least 30 of each label, if there are;
shares with 95 % Wilson intervals. After-attack accuracy is the share of **all** attacked texts that
are still classified right. Second lines are balanced: the mean over the labels. ECE is the expected
calibration error on clean texts.

{table(head, rows)}

{_by_label(report)}
"""


def _by_label(report: ExportReport) -> str:
    """Recall and precision of each label, before and after attacks."""
    best = report.qualities[0]
    attacks = {name: attack_entry([counts]) for name, counts in best.attacks.items()}
    names = [plain(name) for name in report.source.task.label_names]
    classes = best.by_class.get("classes", ())
    return table(["label", *class_columns(attacks)], class_rows(names, classes, attacks))


def _lines(words: str) -> str:
    return words.replace("\n", "<br>")


def _attacks(report: ExportReport) -> str:
    run = report.source.run
    names = list(report.qualities[0].attacks)
    names += [n for n in (run.search_attack, *run.further) if n not in names] if run else []
    lines = []
    for name in names:
        about = "; then on what survives: ".join(map(describe, members(name)))
        lines.append(f"- {code(attack_label(name))}: {plain(about)}")
    listed = "\n".join(lines)
    second = " Of a pair, only the second text is changed." if report.source.pairs else ""
    return f"""
## Attacks

{listed}

Unless its description says otherwise, an attacker sees probabilities, knows the right label,
changes no stop words, and has no limit on the number of changed words or queries.{second}
"""


def _run(run: RunRecord) -> str:
    attacks = (run.search_attack, *run.further)
    named = (("this student", run.student), ("reference", run.reference), ("teacher", run.teacher))
    rows = []
    for name, entry in named:
        if entry is None:
            continue
        found = {run.search_attack: entry.searched, **entry.further}
        rows.append(
            [
                name,
                f"{entry.params:,}",
                _lines(clean_words(entry)),
                *(_lines(attacked_words(found[a])) for a in attacks),
            ]
        )
    student = run.student
    head = ["model", "parameters", f"clean (n = {student.n_clean})"]
    head.append(f"after {code(attack_label(run.search_attack))} (n = {student.n})")
    for name in run.further:
        told = "held out:" if name in run.held_out else "after"
        head.append(f"{told} {code(attack_label(name))}")
    return f"""
## The run it comes from

Means over {len(student.seeds)} training seeds, test split. This file is the seed that was best on
the validation split. Training and search never saw the held-out attacks.

{table(head, rows)}

The reference is a 3-layer Transformer distilled in the ordinary way.
{_certified(student.certified)}"""


def _certified(shares: Mapping[str, float]) -> str:
    """What no attack can flip, by what it does to a text."""
    if not shares:
        return ""
    rows = [[what, f"{value:.1%}"] for what, value in shares.items()]
    replaced = any(what.endswith("replaced") for what in shares)
    told = "A word is replaced by one stretch of letters and digits. " if replaced else ""
    return f"""
Certified for this student, mean over the seeds: the share of the test split that stays right
whatever any attack does that changes no more than this. {told}"any wordnet": any
number of words, each by one of its substitutions there.

{table(["change", "certified"], rows)}
"""


def _parity(report: ExportReport) -> str:
    p = report.parity
    return f"""
## Parity with the original model

{p.n} texts of the test split: the same label for {p.agreement:.1%}, largest difference of a
probability {p.difference:.2g}.
"""


def _latency(report: ExportReport) -> str:
    example = "pair" if report.source.pairs else "text"
    rows = [
        [row.who, row.form, row.batch, f"{row.ms:.2f}", f"{row.texts_per_second:,.0f}"]
        for row in report.latency
    ]
    told = (*speed_lines(report.speed), *report.source.notes)
    notes = "".join(f"\n{plain(line)}\n" for line in told)
    return f"""
## Latency

One thread, 32 tokens a {example}, tokenizer not counted; medians, on one machine at one time.

{table(["", "form", "batch", "ms", "texts a second"], rows)}
{notes}"""


def _origins(source: Source) -> str:
    base = source.base
    rows = [_origin("data", source.data), *([_origin("model it is made of", base)] if base else [])]
    return f"""
## Data and licences

{table(["", "name", "from", "licence"], rows)}

{_cut(source)}Who passes this model on has to keep to both.
"""


def _cut(source: Source) -> str:
    """A sentence on texts of which only the beginnings are read."""
    if source.task.max_words is None:
        return ""
    done = "trained and measured" if source.run else "measured"
    return (
        f"Texts were cut after {source.task.max_words} words: this model was {done} on the "
        "beginnings of texts.\n\n"
    )


def _origin(role: str, found: Provenance) -> list[str]:
    kind = "datasets/" if role == "data" else ""
    links = [f"https://huggingface.co/{kind}{found.hub}"] if found.hub else []
    told = plain(found.licence) if found.licence else "not told; ask its owner"
    return [role, code(found.name), " ".join([*links, found.link]).strip() or "its owner", told]


def _limits(report: ExportReport) -> str:
    lines = [
        "Robustness holds for the attacks above, on this task. An attack with another lexicon, or "
        "of another kind, can do much better; read the held-out columns where there are any.",
        "Two texts per example, in the order of the data set; where they are longer than "
        "the model's longest input, the longer one is cut first. Robustness is that of changes to "
        "the second one."
        if report.source.pairs
        else "One text per example; texts are cut to the model's longest input.",
        "Trained and measured on one data set: other domains and languages were not tested.",
    ]
    if report.source.run and report.source.run.student.constant:
        lines.append(f"In its run {FALLBACK}.")
    if report.form == "int8":
        lines.append(BATCH_DEPENDENCE)
    listed = "\n".join(f"- {line}" for line in lines)
    return f"## Limits\n\n{listed}"


def plain(text: str) -> str:
    """Text of a user or a data set, with nothing that Markdown or HTML would act on."""
    escaped = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", escaped)


def code(text: str) -> str:
    """Text of a user or a data set as code."""
    kept = re.sub(r"[`|\s]+", " ", text)
    return f"`{kept}`"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)

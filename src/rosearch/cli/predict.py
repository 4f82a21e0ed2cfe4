"""`rosearch predict`: what it reads and what it prints."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rosearch.cli.options import Model
from rosearch.cli.setting_options import option_of
from rosearch.cli.streams import can_print
from rosearch.errors import UserError

if TYPE_CHECKING:
    from rosearch.models.predict import Prediction
    from rosearch.types import Text


def predict(
    model: Model,
    texts: Annotated[
        list[str] | None,
        typer.Argument(help="Texts; without any, or with '-', one a line from stdin."),
    ] = None,
    pairs: Annotated[
        bool,
        typer.Option(
            "--pairs",
            help='Each is a pair: {"text": ..., "text_pair": ...}, or two texts and a tab between.',
        ),
    ] = False,
    file: Annotated[
        Path | None,
        typer.Option(
            help="Classify every row of a data file, as search reads them; labels are not needed.",
            metavar="FILE",
        ),
    ] = None,
    text_column: Annotated[str | None, option_of("task.text_column")] = None,
    text_pair_column: Annotated[str | None, option_of("task.text_pair_column")] = None,
    delimiter: Annotated[str | None, option_of("task.delimiter", metavar="CHARACTER")] = None,
    encoding: Annotated[str | None, option_of("task.encoding", metavar="NAME")] = None,
    label_map: Annotated[
        str | None,
        typer.Option(
            help="Other names for the labels: MODEL=OTHER,... or a JSON object.",
            metavar="MODEL=OTHER,...",
            show_default="the model's own",
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Also show what a student that reads texts first has corrected."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Classify texts, or pairs of texts."""
    from rosearch.export.source import model_folder
    from rosearch.models.predict import predict as classify
    from rosearch.tasks.unlabelled import read_texts

    if file is None:
        lines = stdin_lines() if not texts or texts == ["-"] else texts
        found: Iterable[Text] = text_pairs(lines) if pairs else lines
    elif texts or pairs:
        raise UserError("give texts or --file, not both; --text-pair-column makes pairs of a file")
    else:
        found = read_texts(
            file,
            text_column=text_column or "text",
            text_pair_column=text_pair_column,
            delimiter=delimiter,
            encoding=encoding,
        )
    for answer in classify(model_folder(model), found, label_map=label_map, explain=explain):
        print_prediction(answer, as_json)


def stdin_lines() -> Iterator[str]:
    """Lines of standard input without their ends; empty lines count as texts.

    Raises:
        UserError: nothing came, or it is not UTF-8.
    """
    empty = True
    try:
        for line in sys.stdin.buffer:
            text = line.decode("utf-8-sig" if empty else "utf-8").rstrip("\r\n")
            empty = False
            yield text
    except UnicodeDecodeError as error:
        raise UserError(f"standard input is not UTF-8: {error.reason}") from None
    if empty:
        raise UserError("no text given: name texts as arguments or send one a line to stdin")


def text_pairs(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of texts, each one JSON object with `text` and `text_pair`, or with a tab between.

    Raises:
        UserError: a line is neither.
    """
    for number, line in enumerate(lines, start=1):
        found = _from_object(line) if line.lstrip().startswith("{") else None
        texts = found or line.split("\t")
        if len(texts) != 2:
            raise UserError(
                f"text {number} is no pair: {line!r:.50}; give "
                '{"text": "...", "text_pair": "..."} or two texts with a tab between'
            )
        yield texts[0], texts[1]


def _from_object(line: str) -> list[str] | None:
    """Both texts of a JSON object; None if it is none of that form, or its text is no Unicode."""
    try:
        found = json.loads(line)
        pair = [found["text"], found["text_pair"]]
        "".join(pair).encode("utf-8")
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return pair


def print_prediction(answer: Prediction, as_json: bool) -> None:
    """One classified text or pair: JSON, or label, probability, texts and, where it was asked for,
    what was corrected, separated by tabs."""
    from rosearch.types import parts

    if as_json:
        line = json.dumps(answer.to_json(), ensure_ascii=False)
        print(line if can_print(line) else json.dumps(answer.to_json()), flush=True)
    else:
        read = [f"{written} -> {seen}" for written, seen in answer.read_as or ()]
        column = () if answer.read_as is None else (", ".join(read),)
        said = (answer.label, f"{answer.probability:.3f}", *parts(answer.text), *column)
        print(*said, sep="\t", flush=True)

"""Groups of options that several commands share, each written down once.

A command takes a group as one parameter; `with_groups` shows typer the group's fields instead.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer


@dataclass(frozen=True)
class TaskOptions:
    """Where the texts come from."""

    task: Annotated[
        str | None,
        typer.Option(
            help="mr, bbc_news, or a Hugging Face data set id (id:config).", show_default="mr"
        ),
    ] = None
    train: Annotated[
        str | None,
        typer.Option(help="Your own data: CSV, TSV, JSONL or Parquet.", metavar="FILE"),
    ] = None
    validation: Annotated[
        str | None,
        typer.Option(
            help="Validation file.", metavar="FILE", show_default="10 % of the train file"
        ),
    ] = None
    test: Annotated[
        str | None,
        typer.Option(help="Test file.", metavar="FILE", show_default="10 % of the train file"),
    ] = None
    text_column: Annotated[
        str | None, typer.Option(help="Column with the text.", show_default="text")
    ] = None
    text_pair_column: Annotated[
        str | None,
        typer.Option(
            help="Column with the second text, where texts come in pairs; attacks change only it.",
            show_default="single texts",
        ),
    ] = None
    label_column: Annotated[
        str | None, typer.Option(help="Column with the label.", show_default="label")
    ] = None

    def settings(self) -> dict[str, Any]:
        """The given ones, as a configuration has them."""
        named = {"name" if key == "task" else key: value for key, value in asdict(self).items()}
        return {"task": given(**named)}


@dataclass(frozen=True)
class OptionalTaskOptions(TaskOptions):
    """The same for a command that can do without texts."""

    task: Annotated[
        str | None,
        typer.Option(
            help="mr, bbc_news, or a Hugging Face data set id (id:config).", show_default="none"
        ),
    ] = None


@dataclass(frozen=True)
class TeacherOptions:
    """The pre-trained model that students learn from."""

    teacher: Annotated[
        str | None,
        typer.Option(help="minilm, a Hugging Face id, or a folder.", show_default="minilm"),
    ] = None
    fine_tune: Annotated[
        bool | None,
        typer.Option(
            "--fine-tune/--no-fine-tune",
            help="Fine-tune the teacher, or use it as it is.",
            show_default="fine-tune",
        ),
    ] = None

    def settings(self) -> dict[str, Any]:
        """The given ones, as a configuration has them."""
        return {"teacher": given(name=self.teacher, fine_tune=self.fine_tune)}


def given(**values: Any) -> dict[str, Any]:
    """The options that a user gave: those that are not None."""
    return {key: value for key, value in values.items() if value is not None}


def with_groups(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command whose parameters of a dataclass type are shown as the options in that dataclass."""
    types = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in types.items() if is_dataclass(kind)}
    shown: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        if parameter.name in groups:
            shown += _options_of(groups[parameter.name])
        else:
            kind = inspect.Parameter.KEYWORD_ONLY
            shown.append(parameter.replace(kind=kind, annotation=types[parameter.name]))

    @wraps(command)
    def flat(**values: Any) -> Any:
        for name, group in groups.items():
            values[name] = group(**{f.name: values.pop(f.name) for f in fields(group)})
        return command(**values)

    flat.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    flat.__annotations__ = {p.name: p.annotation for p in shown}
    del flat.__wrapped__  # typer would look through to the groups
    return flat


def _options_of(group: Any) -> list[inspect.Parameter]:
    types = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=types[f.name]
        )
        for f in fields(group)
    ]

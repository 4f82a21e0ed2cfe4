"""Options that several commands share, each written down once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from rosearch.cli.groups import given
from rosearch.cli.setting_options import option_of
from rosearch.config import PRESET_NAMES, import_plugins

if TYPE_CHECKING:
    from rosearch.config import RunConfig
    from rosearch.run.lifecycle import Executors

Preset = Annotated[str, typer.Option(help=f"Starting point: {', '.join(PRESET_NAMES)}.")]
Seed = Annotated[int | None, option_of("seed")]
Attacks = Annotated[
    list[str] | None,
    typer.Option(
        "--attack",
        help="An attack of --list, NAME:FILE with a lexicon of your own, or a suite A+B; may "
        "be repeated.",
        show_default="wordnet",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Any setting, such as search.epochs=4; may be repeated.",
        metavar="SECTION.NAME=VALUE",
    ),
]


def _load(plugins: list[str] | None) -> list[str] | None:
    import_plugins({"plugins": plugins or []})
    return plugins


Plugins = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        help="Module of your own, by name or as a .py file, that adds attacks, strategies, ...; "
        "may be repeated.",
        metavar="MODULE",
        callback=_load,
        is_eager=True,  # before the help lists names
        show_default="none; a run: its own",
    ),
]
Track = Annotated[
    list[str] | None,
    typer.Option(
        help="Where to follow the run besides: {callback}; may be repeated.",
        show_default="none; a resumed run: as before",
    ),
]
NewFolder = Annotated[Path, typer.Option(help="Folder to write; must not exist.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")]
RunPath = Annotated[Path, typer.Argument(help="Folder of a run.", metavar="RUN")]
Model = Annotated[
    str,
    typer.Argument(
        help="RUN (its best student), RUN:ID, the folder of a student or of any Hugging Face "
        "classifier, or a hub id.",
        metavar="MODEL",
    ),
]


def with_plugins(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command with the option `--plugin`, unless it has it and wants to know more."""
    types = get_type_hints(command, include_extras=True)
    if "plugin" in types:
        return command
    kind = inspect.Parameter.KEYWORD_ONLY
    found = inspect.signature(command).parameters.values()
    shown = [p.replace(kind=kind, annotation=types[p.name]) for p in found]
    shown.append(inspect.Parameter("plugin", kind, default=None, annotation=Plugins))

    @wraps(command)
    def with_option(*, plugin: list[str] | None = None, **values: Any) -> Any:
        return command(**values)

    with_option.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    with_option.__annotations__ = {**types, "plugin": Plugins}
    del with_option.__wrapped__
    return with_option


@dataclass(frozen=True)
class TaskOptions:
    """Where the texts come from."""

    task: Annotated[str | None, option_of("task.name")] = None
    train: Annotated[str | None, option_of("task.train", metavar="FILE")] = None
    validation: Annotated[str | None, option_of("task.validation", metavar="FILE")] = None
    test: Annotated[str | None, option_of("task.test", metavar="FILE")] = None
    unlabelled: Annotated[str | None, option_of("task.unlabelled", metavar="FILE")] = None
    text_column: Annotated[str | None, option_of("task.text_column")] = None
    text_pair_column: Annotated[str | None, option_of("task.text_pair_column")] = None
    label_column: Annotated[str | None, option_of("task.label_column")] = None
    delimiter: Annotated[str | None, option_of("task.delimiter", metavar="CHARACTER")] = None
    encoding: Annotated[str | None, option_of("task.encoding", metavar="NAME")] = None
    repeated: Annotated[str | None, option_of("task.repeated", metavar="keep")] = None
    max_words: Annotated[int | None, option_of("task.max_words")] = None
    label_map: Annotated[str | None, option_of("task.label_map", metavar="MODEL=TASK,...")] = None

    def settings(self) -> dict[str, object]:
        """The given ones, as a configuration has them."""
        named = {"name" if key == "task" else key: value for key, value in asdict(self).items()}
        return {"task": given(**named)}


@dataclass(frozen=True)
class OptionalTaskOptions(TaskOptions):
    """The same for a command that can do without texts."""

    task: Annotated[str | None, option_of("task.name", default="none")] = None


@dataclass(frozen=True)
class TeacherOptions:
    """The pre-trained model that students learn from."""

    teacher: Annotated[str | None, option_of("teacher.name")] = None
    fine_tune: Annotated[
        bool | None, option_of("teacher.fine_tune", "--fine-tune/--no-fine-tune")
    ] = None

    def settings(self) -> dict[str, object]:
        """The given ones, as a configuration has them."""
        return {"teacher": given(name=self.teacher, fine_tune=self.fine_tune)}


def _place(what: str, metavar: str) -> Any:
    help_ = f"New place of the {what}, if it was moved; its content must be the same."
    return typer.Option(help=help_, metavar=metavar, show_default="as before")


@dataclass(frozen=True)
class PlaceOptions:
    """Where the data and the teacher of a run are now."""

    task: Annotated[str | None, _place("folder of the task", "FOLDER")] = None
    train: Annotated[str | None, _place("train file", "FILE")] = None
    validation: Annotated[str | None, _place("validation file", "FILE")] = None
    test: Annotated[str | None, _place("test file", "FILE")] = None
    unlabelled: Annotated[str | None, _place("file of texts without labels", "FILE")] = None
    teacher: Annotated[str | None, _place("teacher", "FOLDER")] = None

    def given(self) -> dict[str, str]:
        """Those that were given, see `rosearch.run.lifecycle.resume`."""
        named = {"name" if key == "task" else key: value for key, value in asdict(self).items()}
        return {key: value for key, value in named.items() if value is not None}


@dataclass(frozen=True)
class ExecutorOptions:
    """Where evaluations run."""

    executor: Annotated[
        str, typer.Option(help="{executor}; local are processes on this machine.")
    ] = "local"
    workers: Annotated[
        int | None,
        typer.Option(
            help="Worker processes, one thread each.",
            min=1,
            max=1024,
            show_default="2; with Ray: all that fit",
        ),
    ] = None
    address: Annotated[
        str | None,
        typer.Option(
            help="Ray cluster: auto, HOST:PORT or ray://HOST:PORT.",
            show_default="starts one on this machine",
        ),
    ] = None
    per_device: Annotated[
        int | None,
        typer.Option(help="Ray: workers that share one accelerator.", min=1, show_default="none"),
    ] = None
    task_minutes: Annotated[
        float, typer.Option(help="Longest time of one evaluation; 0 means no limit.", min=0)
    ] = 60.0
    memory: Annotated[
        float | None,
        typer.Option(
            help="Most resident memory of one worker.",
            metavar="GB",
            min=0.1,
            show_default="no limit",
        ),
    ] = None
    recycle: Annotated[
        int, typer.Option(help="Evaluations after which a worker is replaced.", min=1)
    ] = 100

    def maker(self) -> Executors:
        """What `rosearch.run.lifecycle.search` makes its executor with.

        Raises:
            UserError: no such executor, or a limit that nothing could keep.
        """
        from rosearch.executors import check_executor, make_executor
        from rosearch.executors.faults import Limits

        check_executor(self.executor, self.address, self.per_device)
        limits = Limits(self.task_minutes * 60 or None, self.memory, self.recycle)
        return lambda context, _workers: make_executor(
            self.executor,
            context,
            self.workers,
            limits,
            address=self.address,
            per_device=self.per_device,
        )


def with_settings(flags: dict[str, object], settings: list[str] | None) -> dict[str, object]:
    from rosearch.config import merged, setting

    for text in settings or []:
        flags = merged(flags, setting(text))
    return flags


def task_label(config: RunConfig) -> str:
    from rosearch.tasks import task_name

    name = Path(config.task.train).stem if config.task.train else str(config.task.name)
    return task_name("".join(c if c.isalnum() or c in "-_" else "-" for c in name))

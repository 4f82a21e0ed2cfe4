"""The command line: one function a command, no logic. Heavy imports happen inside commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from rosearch.__about__ import __version__
from rosearch.cli.executor_options import ExecutorOptions
from rosearch.cli.options import (
    OptionalTaskOptions,
    TaskOptions,
    TeacherOptions,
    given,
    with_groups,
)
from rosearch.errors import UserError

app = typer.Typer(
    name="rosearch",
    help="Search for small text classifiers that are accurate and robust to adversarial attacks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
FROM_PRESET = "from the preset"

ConfigFile = Annotated[
    Path | None, typer.Argument(help="TOML file with settings; flags win over it.", metavar="FILE")
]
Preset = Annotated[str, typer.Option(help="Starting point: smoke, quick or standard.")]
Seed = Annotated[
    int | None, typer.Option(help="Seed of everything random.", min=0, show_default="0")
]
Workers = Annotated[int, typer.Option(help="Worker processes, one thread each.", min=1, max=1024)]
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
Track = Annotated[
    list[str] | None,
    typer.Option(
        help="Where to follow the run besides: tensorboard, mlflow; may be repeated.",
        show_default="none; a resumed run: as before",
    ),
]
NewFolder = Annotated[Path, typer.Option(help="Folder to write; must not exist.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")]
RunFolder = Annotated[Path, typer.Argument(help="Folder of a run.", metavar="RUN")]
More = Annotated[
    str | None,
    typer.Option(
        help="A larger limit: a number, or + and a number.",
        metavar="N|+N",
        show_default="as before",
    ),
]
Model = Annotated[
    str,
    typer.Argument(
        help="Folder of a student or of any Hugging Face classifier, or a hub id.", metavar="MODEL"
    ),
]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"rosearch {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Search for small text classifiers that are accurate and robust to adversarial attacks."""


@app.command()
@with_groups
def search(
    *,
    config: ConfigFile = None,
    preset: Preset = "quick",
    data: TaskOptions,
    teacher: TeacherOptions,
    candidates: Annotated[
        int | None,
        typer.Option(
            help="Most architectures to evaluate.",
            min=1,
            show_default=f"{FROM_PRESET}; no limit with --minutes or --queries",
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="Most minutes to search.", min=0, show_default="no limit"),
    ] = None,
    queries: Annotated[
        int | None,
        typer.Option(help="Most queries of attacks to students.", min=1, show_default="no limit"),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            help="Where candidates come from: surrogate, rosearch, nsga2, local or random.",
            show_default="the preset's: rosearch in quick, else surrogate",
        ),
    ] = None,
    random_sample: Annotated[
        int | None,
        typer.Option(
            help="Further architectures, drawn at random and evaluated for the statistics only.",
            min=0,
            show_default="0",
        ),
    ] = None,
    attack: Annotated[
        str | None,
        typer.Option(
            help="Attack or suite inside the fitness.",
            show_default="wordnet; standard: wordnet+relatives",
        ),
    ] = None,
    held_out: Annotated[
        list[str] | None,
        typer.Option(
            help="Attack for the final evaluation only; may be repeated.",
            show_default="relatives, characters; standard: characters, bert-attack",
        ),
    ] = None,
    max_params: Annotated[
        int | None,
        typer.Option(
            help="Most parameters of a student.", min=1, show_default="a fifth of the teacher's"
        ),
    ] = None,
    seed: Seed = None,
    settings: Settings = None,
    where: ExecutorOptions,
    track: Track = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the run; must not exist.", show_default="runs/TASK-TIME"),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Estimate time and memory from two candidates; start no run."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Search robust students for a task, and evaluate the best ones on its test split.

    Without any flag: movie review sentiment (mr), the teacher MiniLM, about a quarter of an hour
    on two cores. The run folder gets config.toml, run.db, summary.json, report.html and
    students/.
    """
    from rosearch.callbacks import make_callbacks
    from rosearch.config.sections import MOST_CANDIDATES, make_config
    from rosearch.run import lifecycle as run

    flags = {**data.settings(), **teacher.settings(), **given(seed=seed)}
    if candidates is None and (minutes is not None or queries is not None):
        candidates = MOST_CANDIDATES
    flags["search"] = given(
        strategy=strategy,
        candidates=candidates,
        minutes=minutes,
        queries=queries,
        attack=attack,
        random_sample=random_sample,
    )
    flags["final"] = given(held_out=held_out)
    flags["space"] = given(max_params=max_params)
    made = make_config(preset, config, _with_settings(flags, settings))
    if dry_run:
        from rosearch.cli.output import print_estimate

        print_estimate(made, where.workers or 2, as_json)
        return
    folder = out or Path("runs") / f"{_task_label(made)}-{datetime.now():%Y%m%d-%H%M%S}"
    make, callbacks = where.maker(), make_callbacks(track or (), folder)
    _finish_run(
        lambda: run.search(made, folder, executor=make, callbacks=callbacks), folder, as_json
    )


@app.command()
@with_groups
def resume(
    *,
    run: RunFolder,
    candidates: More = None,
    minutes: More = None,
    queries: More = None,
    where: ExecutorOptions,
    track: Track = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a run that was stopped or killed, or extend a finished one.

    Nothing evaluated is lost or done again.
    """
    from rosearch.callbacks import make_callbacks
    from rosearch.run.lifecycle import resume as go_on

    make, callbacks = where.maker(), make_callbacks(track or (), run)
    more: dict[str, Any] = {"candidates": candidates, "minutes": minutes, "queries": queries}
    _finish_run(lambda: go_on(run, **more, executor=make, callbacks=callbacks), run, as_json)


@app.command()
def runs(
    folder: Annotated[Path, typer.Argument(help="Folder that runs are in.")] = Path("runs"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the runs of a folder, newest first: their state, progress and results."""
    from rosearch.cli import output
    from rosearch.results.listing import list_runs

    output.print_runs(list_runs(folder), folder, as_json)


@app.command()
@with_groups
def fetch(
    *,
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Resources by name.", show_default="what the task and teacher need"),
    ] = None,
    data: TaskOptions,
    teacher: TeacherOptions,
    preset: Preset = "quick",
) -> None:
    """Download what a task and a teacher need, so that all else runs offline."""
    from rosearch.config.sections import make_config
    from rosearch.evaluation.needs import needed_resources
    from rosearch.io import resources
    from rosearch.models.load import model_source
    from rosearch.tasks.named import task_of

    made = make_config(preset, None, {**data.settings(), **teacher.settings()})
    for name in names or needed_resources(made):
        print(f"{name}: {resources.fetch(name)}")
    if not names:
        task = task_of(made.task, made.seed)
        print(f"task {task.name}: {len(task.train)} / {len(task.validation)} / {len(task.test)}")
        print(f"teacher {made.teacher.name}: {model_source(made.teacher.name)}")


@app.command()
def report(
    runs: Annotated[
        list[Path], typer.Argument(help="Folder of a run, or of several.", metavar="RUN...")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write it here.",
            metavar="FILE",
            show_default="report.html or, of several runs, compare-RUN_B.html in the first folder",
        ),
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
) -> None:
    """Write the report of a run anew: one file, no network needed. Works while a search runs, too.

    With several runs, write one page that compares them: models side by side, the fronts in one
    figure, what differs in the configuration.
    """
    from rosearch.report.compare import write_comparison
    from rosearch.report.page import write_report

    path = write_report(runs[0], out) if len(runs) == 1 else write_comparison(runs, out)
    print(path)
    if open_it:
        typer.launch(str(path))


@app.command()
def watch(
    run: RunFolder,
    port: Annotated[int, typer.Option(help="0 takes any free one.", min=0, max=65535)] = 8421,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than the default are seen by others.")
    ] = "127.0.0.1",
    open_it: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
) -> None:
    """Serve the report of a run, refreshed while the search goes on. Ctrl-C ends it."""
    from rosearch.report.watch import watch as serve

    def ready(address: str) -> None:
        print(f"{address} (Ctrl-C ends)", flush=True)
        if open_it:
            typer.launch(address)

    try:
        serve(run, host, port, ready)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@app.command()
@with_groups
def attack(
    *,
    model: Annotated[
        str | None,
        typer.Argument(
            help="Folder of a student or of any Hugging Face classifier, or a hub id.",
            metavar="MODEL",
            show_default=False,
        ),
    ] = None,
    more: Annotated[
        list[str] | None, typer.Argument(help="Further models for --transfer-to.", hidden=True)
    ] = None,
    data: TaskOptions,
    attacks: Attacks = None,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    n: Annotated[int, typer.Option("--n", help="Texts to attack.", min=1)] = 200,
    max_queries: Annotated[
        int | None, typer.Option(help="Query budget per text.", min=1, show_default="no limit")
    ] = None,
    total_queries: Annotated[
        int | None,
        typer.Option(
            help="Query budget per attack, shared equally by the texts.",
            min=1,
            show_default="no limit",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="Label to reach.", metavar="LABEL", show_default="any wrong one"),
    ] = None,
    transfer_to: Annotated[
        list[str] | None,
        typer.Option(help="Replay the texts that were found against these.", metavar="MODEL..."),
    ] = None,
    seed: Seed = None,
    masked_lm: Annotated[
        str | None,
        typer.Option(
            help="Folder or hub id of the masked language model that bae and bert-attack ask.",
            metavar="MODEL",
            show_default="minilm with a head fitted to the train texts",
        ),
    ] = None,
    similarity: Annotated[
        bool,
        typer.Option(
            "--similarity/--no-similarity",
            help="Measure how alike flipped texts are to the original ones, with MiniLM.",
        ),
    ] = True,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    listed: Annotated[
        bool, typer.Option("--list", help="Describe every attack, and attack nothing.")
    ] = False,
    jsonl: Annotated[
        Path | None,
        typer.Option(
            help="Every result, as soon as it is there; given again, the attack goes on there.",
            metavar="FILE",
        ),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(help="Every result as a table.", metavar="FILE")
    ] = None,
    as_json: AsJson = False,
    shown: Annotated[int, typer.Option("--show", help="Attacked texts to show.", min=0)] = 3,
) -> None:
    """Attack any Hugging Face classifier or student, and report how robust it is."""
    from rosearch.cli import output

    if listed:
        output.print_attacks(as_json)
        return
    if model is None or (more and not transfer_to):
        raise UserError("give one MODEL to attack; `rosearch attack --list` describes the attacks")
    from rosearch.cli import show_attack as attack_output
    from rosearch.config.sections import make_config
    from rosearch.io.files import write_text
    from rosearch.robustness import evaluate as assess
    from rosearch.tasks.named import task_of

    for file in (jsonl, csv):
        output.check_writable(file)
    made = make_config("quick", None, {**data.settings(), **given(seed=seed)})
    task = task_of(made.task, made.seed)
    settings = assess.Settings(
        tuple(attacks or ["wordnet"]),
        split,
        n,
        max_queries,
        total_queries,
        target,
        masked_lm,
        similarity,
        device,
    )
    found = assess.attack(model, task, settings, jsonl)
    replayed = assess.transfer(found, [*(transfer_to or ()), *(more or ())], task, device)
    attack_output.print_assessment(found, replayed, shown, as_json)
    if csv:
        write_text(csv, attack_output.results_table(found))


@app.command()
@with_groups
def export(
    *,
    what: Annotated[
        str,
        typer.Argument(
            help="RUN (its best student), RUN:ID, or the folder of a student or of any Hugging "
            "Face classifier, or a hub id.",
            metavar="RUN|MODEL",
        ),
    ],
    form: Annotated[str, typer.Option("--format", help="hf, onnx or int8.")],
    out: NewFolder,
    data: TaskOptions,
    teacher: Annotated[
        str | None,
        typer.Option(
            help="Compare latency with this folder or hub id.", show_default="that of the run"
        ),
    ] = None,
    attacks: Attacks = None,
    n: Annotated[int, typer.Option("--n", help="Texts to attack.", min=1)] = 200,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """Export a model to ship: checked against the original, measured, with a model card.

    The task options say which data a MODEL is checked with; a RUN has its own.
    """
    from rosearch.cli.show_export import print_export
    from rosearch.export import bundle

    flags = {**data.settings(), **given(seed=seed)}
    try:
        with _nothing_left():
            found = bundle.export(what, form, out, flags, teacher, tuple(attacks or ["wordnet"]), n)
    except bundle.ParityError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    print_export(found, as_json)


@app.command()
@with_groups
def quantize(
    *,
    model: Model,
    bits: Annotated[
        int,
        typer.Option(help="8: weights and products in int8. 4: weights only, products in float."),
    ] = 8,
    out: NewFolder,
    data: OptionalTaskOptions,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """Quantise a classifier as it is, without training: an ONNX folder and what it takes.

    With a task, its answers are compared with those of the original.
    """
    from rosearch.cli.show_compress import print_compressed
    from rosearch.export.compress import quantized

    with _nothing_left():
        found = quantized(model, bits, out, _task_if_given(data, seed))
    print_compressed(found, as_json)


@app.command()
@with_groups
def prune(
    *,
    model: Model,
    sparsity: Annotated[float, typer.Option(help="Share of the weights that become 0.")],
    out: NewFolder,
    scope: Annotated[
        str,
        typer.Option(
            help="global: the least weights of the whole model; layer: the same share of each."
        ),
    ] = "global",
    epochs: Annotated[
        int, typer.Option(help="Passes over the train split afterwards, zeros staying 0.")
    ] = 0,
    data: OptionalTaskOptions,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """Set the weights of least magnitude of a classifier to 0, and say what that would save.

    With a task, its answers are compared with those of the original.
    """
    from rosearch.cli.show_compress import print_compressed
    from rosearch.export.compress import pruned

    with _nothing_left():
        task = _task_if_given(data, seed)
        found = pruned(model, sparsity, out, task, epochs, scope, seed or 0)
    print_compressed(found, as_json)


@app.command()
@with_groups
def compare(
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of students and results; given again, the comparison goes on there.",
            show_default="RUN/comparison, or comparisons/TASK",
        ),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            help="A finished run on the same task: its best student is compared, and its report "
            "gets the table.",
            metavar="RUN",
            show_default="none",
        ),
    ] = None,
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            help="hinton, bilstm, distilbert, pkd, tinybert, mobilebert, xtremedistil or ard; may "
            "be repeated.",
            show_default="all",
        ),
    ] = None,
    compressed: Annotated[
        bool,
        typer.Option(
            "--compressed/--no-compressed", help="Also the teacher, quantised and pruned."
        ),
    ] = True,
    data: TaskOptions,
    teacher: TeacherOptions,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the train split.", min=1, show_default="4")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Trainings of each student.", min=1, show_default="3")
    ] = None,
    n: Annotated[
        int | None, typer.Option("--n", help="Test texts to attack.", min=1, show_default="200")
    ] = None,
    seed: Seed = None,
    workers: Workers = 2,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Classic students of the literature and the best of a run, under one protocol: one table."""
    from rosearch.baselines.compare import FOLDER, compare_into
    from rosearch.cli import output
    from rosearch.config.sections import make_config

    flags = {**data.settings(), **teacher.settings(), **given(seed=seed)}
    flags["final"] = given(epochs=epochs, seeds=seeds, attacked=n)
    config = make_config("quick", None, _with_settings(flags, settings))
    folder = out or (run / FOLDER if run else Path("comparisons") / _task_label(config))
    try:
        table = compare_into(folder, config, recipe, run, compressed, workers)
    except KeyboardInterrupt:
        print(f"stopped; the same command with --out {folder} goes on", file=sys.stderr)
        raise typer.Exit(130) from None
    output.print_comparison(table, folder, as_json)


@app.command()
@with_groups
def distill(
    *,
    genotype: Annotated[
        str,
        typer.Argument(help="A preset, a genotype file, a student folder, or RUN:ID."),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the student; must not exist.")],
    recipe: Annotated[
        str | None,
        typer.Option(
            help="The loss and training of a paper: hinton, bilstm, distilbert, pkd, tinybert, "
            "mobilebert, xtremedistil or ard.",
            show_default="that of a search",
        ),
    ] = None,
    data: TaskOptions,
    teacher: TeacherOptions,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the train split.", min=1, show_default="3")
    ] = None,
    seed: Seed = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Train one architecture on the teacher's outputs, save it, evaluate it on the test split."""
    from rosearch.baselines.one_student import distill as train_one
    from rosearch.cli import output
    from rosearch.config.sections import make_config
    from rosearch.results.genotypes import find_genotype

    flags = {**data.settings(), **teacher.settings(), **given(seed=seed)}
    flags["final"] = given(epochs=epochs)
    found, _ = find_genotype(genotype)
    config = make_config("quick", None, _with_settings(flags, settings))
    entry = train_one(found, config, out, recipe)
    output.print_entry(entry, out, as_json)


@app.command()
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
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Classify texts, or pairs of texts."""
    from rosearch.cli import output
    from rosearch.models.predict import predict as classify

    given = output.stdin_lines() if not texts or texts == ["-"] else texts
    for answer in classify(model, output.text_pairs(given) if pairs else given):
        output.print_prediction(answer, as_json)


@app.command()
def show(
    what: Annotated[
        str | None,
        typer.Argument(
            help="A preset, a genotype file, a student folder, or RUN:ID.",
            show_default="lists the presets",
        ),
    ] = None,
    svg: Annotated[
        Path | None, typer.Option(help="Draw it into this file.", metavar="FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the genotype as JSON.")] = False,
) -> None:
    """Draw an architecture."""
    from rosearch.cli import output
    from rosearch.results.genotypes import find_genotype
    from rosearch.space.presets import PRESETS

    if what is None:
        print("\n".join(PRESETS))
        return
    output.check_writable(svg)
    output.print_genotype(*find_genotype(what), svg, as_json)


def main() -> None:
    """Entry point: no traceback reaches a user."""
    # Set before torch is loaded: OpenMP threads that wait by spinning make it several times slower
    # as soon as another process uses a core (4.5 s against 0.6 s per training step of a teacher).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:
        if os.environ.get("ROSEARCH_DEBUG"):
            raise
        from rosearch.errors import one_line

        print(
            f"internal error: {type(error).__name__}: {one_line(error)}; please report it "
            "(ROSEARCH_DEBUG=1 shows the traceback)",
            file=sys.stderr,
        )
        sys.exit(1)


def _finish_run(work: Any, folder: Path, as_json: bool) -> None:
    from rosearch.cli import output

    try:
        summary = work()
    except KeyboardInterrupt:
        kept = folder if folder.exists() else None
        hint = f"; go on with: rosearch resume {kept}" if kept else "; nothing was written"
        print(f"stopped{hint}", file=sys.stderr)
        raise typer.Exit(130) from None
    output.print_summary(summary, folder, as_json)


@contextmanager
def _nothing_left() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        print("stopped; nothing was written", file=sys.stderr)
        raise typer.Exit(130) from None


def _task_if_given(data: TaskOptions, seed: int | None) -> Any:
    from rosearch.config.sections import make_config
    from rosearch.tasks.named import task_of

    if not data.settings()["task"]:
        return None
    made = make_config("quick", None, {**data.settings(), **given(seed=seed)})
    return task_of(made.task, made.seed)


def _with_settings(flags: dict[str, Any], settings: list[str] | None) -> dict[str, Any]:
    from rosearch.config.sections import merged, setting

    for text in settings or []:
        flags = merged(flags, setting(text))
    return flags


def _task_label(config: Any) -> str:
    name = Path(config.task.train).stem if config.task.train else str(config.task.name)
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in name)


if __name__ == "__main__":
    main()

"""What the commands do, as functions: distil and use a model; find a genotype."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from rosearch.config import RunConfig
from rosearch.errors import UserError
from rosearch.space.cost import Sizes
from rosearch.space.genotype import Genotype, from_dict, load
from rosearch.space.presets import PRESETS, preset
from rosearch.types import Json, Text, parts


def distill(g: Genotype, config: RunConfig, out: Path, recipe: str | None = None) -> Json:
    """Train one student at the final fidelity, save it, evaluate it once on the test split.

    Args:
        recipe: name of a recipe of the literature, see `rosearch.distill.recipes`: how to
            train, in place of the configuration's defaults.

    Raises:
        UserError: bad configuration or data; `out` exists; a recipe and settings of training.
    """
    from rosearch.distill.recipes import find_recipe, trained_by
    from rosearch.executors.local import one_thread
    from rosearch.fitness import FinalJob, evaluate_final
    from rosearch.plan import all_attacks, check, final_fidelity, task_of
    from rosearch.prepare import prepare
    from rosearch.progress import stage
    from rosearch.summary import model_entry

    if g.encoding == "synonym":
        config = replace(config, encoding=replace(config.encoding, lexicons=g.lexicons))
    if recipe is not None:
        config = trained_by(find_recipe(recipe), g, config)
    check(config)
    if out.exists():
        raise UserError(f"{out} exists; choose another --out")
    task = task_of(config.task, config.seed)
    dims = (*config.space.embedding_dims, g.embedding_dim)
    config = replace(config, space=replace(config.space, embedding_dims=dims))
    wanted = [] if g.encoding == "plain" else [g.clustering]
    context = prepare(config, task, wanted, [g]).context
    if g.encoding_key not in context.encoded:
        raise UserError(f"the teacher's tokenizer does not allow the encoding {g.encoding!r}")
    fidelity = final_fidelity(config)
    attacked = config.final.attacked
    with one_thread():
        job = FinalJob(g.hash, config.seed, g, out, fidelity, all_attacks(config), attacked)
        with stage(f"training {g.hash}", 100) as advance:  # in per cent of the batches

            def on_batch(done: int, total: int, loss: float) -> None:
                advance(100 * done // total - 100 * (done - 1) // total, f"loss {loss:.3f}")

            final, _ = evaluate_final(job, context, on_batch)
    return model_entry([final], config.search.attack, context.teacher_params)


def predict(model: str | Path, texts: Iterable[Text], batch: int = 256) -> Iterable[Json]:
    """Label and probabilities of each text or pair, lazily and in order."""
    from rosearch.attacks.text import segment
    from rosearch.attacks.victim import ModelVictim
    from rosearch.teacher.fit import load_classifier, model_source

    network, tokenizer = load_classifier(model_source(str(model)))
    victim = ModelVictim(network, tokenizer)
    names = network.config.id2label
    waiting: list[Text] = []

    def answers() -> Iterable[Json]:
        for text, row in zip(
            waiting, victim.probabilities([segment(t) for t in waiting]), strict=True
        ):
            best = int(np.argmax(row))
            yield {
                **dict(zip(("text", "text_pair"), parts(text), strict=False)),
                "label": str(names[best]),
                "probability": round(float(row[best]), 6),
                "probabilities": {str(names[i]): round(float(p), 6) for i, p in enumerate(row)},
            }

    for text in texts:
        waiting.append(text)
        if len(waiting) == batch:
            yield from answers()
            waiting = []
    if waiting:
        yield from answers()


def find_genotype(name: str) -> tuple[Genotype, Sizes]:
    """The genotype of a preset, a JSON file, a student folder, or `RUN:ID` (ID may be shortened).

    Raises:
        UserError: nothing of that name.
    """
    path = Path(name)
    if name in PRESETS:
        return _without_run(preset(name))
    if (path / "config.json").is_file():
        return _genotype_of_student(path)
    if path.is_file():
        return _without_run(load(path))
    run, _, wanted = name.rpartition(":")
    if run and (Path(run) / "run.db").is_file():
        return _genotype_of_run(Path(run), wanted)
    raise UserError(
        f"no genotype {name!r}: give a preset ({', '.join(PRESETS)}), a genotype file, "
        "a student folder, or RUN:ID"
    )


def _without_run(g: Genotype) -> tuple[Genotype, Sizes]:
    rows = 30_522 if g.encoding == "plain" else 19_300  # of minilm on mr
    return g, Sizes({g.encoding_key: rows}, 2)


def _genotype_of_student(folder: Path) -> tuple[Genotype, Sizes]:
    import json

    try:
        saved = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        spec = saved["genotype"]
        for node in spec["nodes"]:
            node.pop("family", None), node.pop("argument", None)
        genotype = from_dict(spec)
        rows = {genotype.encoding_key: int(saved["embedding_rows"])}
        trimmed = {genotype.encoding_key: int(saved.get("trimmed_rows", 0))}
        return genotype, Sizes(rows, len(saved["id2label"]), trimmed=trimmed)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{folder} is no saved student") from None


def _genotype_of_run(run: Path, wanted: str) -> tuple[Genotype, Sizes]:
    from rosearch.store import Store

    store = Store(run / "run.db")
    trials = [t for t in store.trials() if t.candidate.id.startswith(wanted)]
    found = list({t.candidate.id: t.candidate.genotype for t in trials}.values())
    if len(found) != 1 or not wanted:
        raise UserError(f"{run} has {len(found)} candidates whose id starts with {wanted!r}")
    meta = store.meta()
    trimmed = meta.get("trimmed_rows", {})
    return found[0], Sizes(meta["rows"], len(meta["label_names"]), trimmed=trimmed)

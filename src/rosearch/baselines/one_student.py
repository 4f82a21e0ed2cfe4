"""One student: trained at the final fidelity, saved, evaluated once on the test split."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from rosearch.config import RunConfig
from rosearch.errors import UserError
from rosearch.results.entries import ModelEntry, model_entry
from rosearch.space.genotype import Genotype


def distill(g: Genotype, config: RunConfig, out: Path, recipe: str | None = None) -> ModelEntry:
    """Train one student at the final fidelity, save it, evaluate it once on the test split.

    Args:
        recipe: name of a recipe of the literature, see `rosearch.baselines.recipes`: how to
            train, in place of the configuration's defaults.

    Raises:
        UserError: bad configuration or data; `out` exists; a recipe and settings of training.
    """
    from rosearch.baselines.recipes import find_recipe, left_aside, trained_by
    from rosearch.config import final_plan
    from rosearch.evaluation.final import FinalJob, evaluate_final
    from rosearch.evaluation.held_out import check, knowledge, without_known
    from rosearch.io.files import check_new
    from rosearch.io.progress import per_cent, stage
    from rosearch.io.threads import one_thread
    from rosearch.run.prepare import prepare
    from rosearch.tasks.named import task_of

    lexicons = g.coding.lexicons_read(config.encoding.lexicons)
    config = replace(config, encoding=replace(config.encoding, lexicons=lexicons))
    if recipe is not None:
        if aside := left_aside(config.distill):
            print(aside, file=sys.stderr)
        config = trained_by(find_recipe(recipe), g, config)
    config = without_known(config, g)
    check(config)
    check_new(out)
    task = task_of(config.task, config.seed)
    dims = (*config.space.embedding_dims, g.embedding_dim)
    config = replace(config, space=replace(config.space, embedding_dims=dims))
    alone = replace(config, space=replace(config.space, defences=()))  # what `g` has, no others
    context = prepare(alone, task, [g.coding], [g]).context
    if g.encoding_key not in context.train.encoded:
        raise UserError(f"the teacher's tokenizer does not allow the encoding {g.encoding!r}")
    with one_thread():
        knows = tuple(knowledge(config))
        job = FinalJob(g.hash, config.seed, g, out, final_plan(config), knows=knows)
        with stage(f"training {g.hash}", 100) as advance:
            final, _ = evaluate_final(job, context, per_cent(advance))
    return model_entry([final], config.search.suites, context.train.teacher_params)

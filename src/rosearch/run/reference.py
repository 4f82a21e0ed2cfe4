"""The plain reference, trained before the search: its accuracy is what students are held to.

How much of its teacher's accuracy a small student keeps without any hardening depends on the task:
a share that is right for one lets another's best student be worse than what needs no search.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rosearch.config import RunConfig
from rosearch.errors import UserError
from rosearch.io.progress import per_cent, stage
from rosearch.io.threads import one_thread
from rosearch.results.store import Store
from rosearch.space.presets import REFERENCE, preset

if TYPE_CHECKING:
    from rosearch.evaluation.context import Context


def with_reference(context: Context, config: RunConfig, store: Store) -> Context:
    """The context with the reference's accuracy, which is measured once in a run."""
    known = store.meta().reference_accuracy
    if known is None:
        known = reference_accuracy(context, config)
        store.set_meta(reference_accuracy=known)
    return replace(context, reference_accuracy=known)


def reference_accuracy(context: Context, config: RunConfig) -> float:
    """Clean accuracy of the reference on the validation split, in the metric of the run.

    Trained as long as candidates are. Where finalists are, too, this is its first final training.

    Raises:
        UserError: its training diverged.
    """
    from rosearch.distill.train import TrainingDiverged, train_student
    from rosearch.evaluation.candidate import validation_loss
    from rosearch.evaluation.fitness import accuracy_in
    from rosearch.models.classifier import Classifier

    g, seed = preset(REFERENCE), config.seed + 1
    with one_thread(), stage("training the plain reference", 100) as advance:
        try:
            model = train_student(
                g,
                context.train,
                config.distill.plain(),
                context.fidelities[-1],
                seed,
                on_batch=per_cent(advance),
                validate=validation_loss(g, context),
                checkpoint=context.checkpoint(g.hash, seed),
            )
        except TrainingDiverged as error:
            rate = f"distill.learning_rate={config.distill.learning_rate:g}"
            raise UserError(f"the plain reference: {error}; {rate} may be too high") from None
        student = Classifier.of(model, context.train.tokenizer(g))
        return accuracy_in(config.fitness.metric, student.counts(context.validation))

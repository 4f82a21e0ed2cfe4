"""What evaluations of a run share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rosearch.attacks.attack import AnyAttack
from rosearch.attacks.attack_resources import AttackResources
from rosearch.attacks.methods import load_attacks, resources_for
from rosearch.attacks.precompute import judge_in_advance
from rosearch.config import DistillConfig, FitnessConfig
from rosearch.distill.data import TrainData
from rosearch.distill.inherit import Lineage
from rosearch.io.progress import stage
from rosearch.models.classifier import Classifier
from rosearch.models.labels import LabelMap
from rosearch.space.cost import LATENCY_TOKENS, Sizes
from rosearch.tasks import Split, Task
from rosearch.types import Fidelity


@dataclass(frozen=True)
class Context:
    """Everything that evaluations share, made once per run and sent to each worker once.

    Attributes:
        train: what students are trained on.
        validation, test: the splits that scores and final results are measured on.
        attack_resources: what the attacks read on validation and test texts.
        teacher_accuracy: clean accuracy of the teacher on the validation split, in the metric of
            the fitness.
        reference_accuracy: that of the plain reference; where none was trained, what is expected.
        fidelities: how much work an evaluation on each rung may be.
        objectives: names of what the search optimises, some of which have to be measured.
        checkpoints: folder of trainings, unfinished and finished; None keeps none.
        lineage: where candidates of the search inherit weights from; None lets none inherit.
        label_map: what saved models call the labels of `train`, where they call them otherwise.
    """

    train: TrainData
    validation: Split
    test: Split
    attack_resources: AttackResources
    teacher_accuracy: float
    reference_accuracy: float
    distill: DistillConfig
    fitness: FitnessConfig
    fidelities: tuple[Fidelity, ...]
    objectives: tuple[str, ...] = ()
    checkpoints: Path | None = None
    lineage: Lineage | None = None
    label_map: LabelMap = ()

    def checkpoint(self, candidate: str, seed: int) -> Path | None:
        """Where a candidate's training with a seed lies, if trainings are kept."""
        kept = self.checkpoints
        return None if kept is None else kept / f"{candidate}-{seed}.safetensors"

    @property
    def sizes(self) -> Sizes:
        """What the cost of a genotype depends on besides the genotype."""
        rows = {name: data.vocabulary.n_rows for name, data in self.train.encoded.items()}
        trimmed = {name: data.vocabulary.trimmed_rows for name, data in self.train.encoded.items()}
        pairs = any(data.separator is not None for data in self.train.encoded.values())
        labels = len(self.train.label_names)
        return Sizes(rows, labels, LATENCY_TOKENS, pairs=pairs, trimmed=trimmed)

    def attacks(
        self, suite: str, max_queries: int | None = None, exact: bool = True
    ) -> tuple[AnyAttack, ...]:
        """The attacks of a suite, on validation and test texts."""
        return load_attacks(suite, self.attack_resources, max_queries=max_queries, exact=exact)

    def opened(self, folder: Path) -> Classifier:
        """A saved model, with probabilities in the order of the labels."""
        from rosearch.models.open import open_classifier

        return open_classifier(folder).in_order(self.train.label_names, self.label_map)

    def judge_in_advance(self) -> None:
        """Have what the search's attacks may try judged, so that no student waits for it."""
        full = self.fidelities[-1]
        texts = self.validation.sample(full.attacked).texts
        for suite in full.attacks:
            for attack in self.attacks(suite, exact=False):
                judge_in_advance(attack, texts)


def resources_on(task: Task, suites: Sequence[str], folders: Mapping[str, Path]) -> AttackResources:
    """What attacks read on the validation and test texts of a task.

    Args:
        folders: what a model is for -> its folder, where it is not the default one.
    """
    with stage("preparing attacks", 1) as advance:
        found = resources_for(suites, (*task.validation.texts, *task.test.texts), folders)
        advance(1, "")
    return found

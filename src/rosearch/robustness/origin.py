"""Where a model comes from: what it may know of attacks, and what it defends itself by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from rosearch.errors import UserError
from rosearch.evaluation.held_out import (
    Knowledge,
    knowledge,
    knowledge_of_student,
    mechanisms_of,
    trained_against,
)
from rosearch.results.folder import RunFolder, run_of
from rosearch.results.genotypes import find_genotype


@dataclass(frozen=True)
class Origin:
    """What is known of a model besides its answers.

    Attributes:
        known: what it knows of attacks.
        complete: whether that is all; if not, nothing tells what an attack is to it.
        mechanisms: what it defends itself by; see `mechanisms_of`.
        others: models of its task by what they are, such as `teacher` and `reference`: folders.
        body: of the teacher, before it was fine-tuned.
    """

    known: tuple[Knowledge, ...] = ()
    complete: bool = False
    mechanisms: frozenset[str] = frozenset()
    others: Mapping[str, Path] = field(default_factory=dict)
    body: str = "minilm"

    @property
    def settings(self) -> tuple[str, ...]:
        """Those by which it knows attacks, in words."""
        telling = [seen.setting for seen in self.known if seen.families != frozenset()]
        return tuple(dict.fromkeys(telling))


def origin_of(folder: Path, teacher: Path | None = None) -> Origin:
    """What the folder of a model tells, and the run that it lies in, if it does.

    Args:
        teacher: that of its task.

    Raises:
        UserError: its run can't be read.
    """
    others = {} if teacher is None else {"teacher": teacher}
    found = run_of(folder)
    body = "minilm"
    if found is not None:
        run, name = found
        with closing(run.open()) as store:
            body = store.meta().run_config.teacher.name
        if name != "reference" and (run.student("reference") / "config.json").is_file():
            others["reference"] = run.student("reference")
    saved = known_of(folder)
    told = saved if saved is not None or found is None else _known_of_run(*found)
    try:
        genotype, _ = find_genotype(str(folder))
    except UserError:
        return Origin(told or (), told is not None, others=others, body=body)
    own = tuple(knowledge_of_student(genotype))
    mechanisms = mechanisms_of(genotype)
    return Origin((*own, *(told or ())), told is not None, mechanisms, others, body)


def known_of(folder: Path) -> tuple[Knowledge, ...] | None:
    """What a saved student says that its training and search knew; None where it does not say."""
    try:
        saved = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return tuple(map(Knowledge.from_json, saved["known_attacks"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _known_of_run(run: RunFolder, name: str) -> tuple[Knowledge, ...]:
    """Of a student of a run that was made before students told it themselves."""
    with closing(run.open()) as store:
        config = store.meta().run_config
    if name == "reference":
        return tuple(trained_against(config.distill.plain()))
    return tuple(knowledge(config))

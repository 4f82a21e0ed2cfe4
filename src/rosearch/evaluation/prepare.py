"""From a configuration to the `Context` that all evaluations share: the first half of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rosearch.attacks.constraints.words import not_a_stop_word
from rosearch.attacks.lexicon import cached_table
from rosearch.attacks.methods import load_attacks, resources_for
from rosearch.attacks.precompute import judge_in_advance
from rosearch.config.plan import attacks_read
from rosearch.config.sections import RunConfig, clusterings_of
from rosearch.distill.augment import AugmentConfig, augmented
from rosearch.distill.data import EncodedTrain, TrainData, encode_train
from rosearch.distill.defences.characters import misspellings
from rosearch.distill.defences.substitution import substitutes
from rosearch.distill.match_schemes import layers_for
from rosearch.encodings.clustering import PLAIN, Clustering
from rosearch.encodings.clusters import Evidence, Lexicon, growing_clusters, word_evidence
from rosearch.encodings.vocabulary import (
    occurring_tokens,
    plain_vocabulary,
    student_tokenizer,
    supports_synonyms,
    synonym_vocabulary,
    tokenizer_settings,
    trimmed,
)
from rosearch.evaluation.context import Context
from rosearch.io import resources
from rosearch.io.progress import stage
from rosearch.models.load import load_classifier
from rosearch.space.genotype import Genotype, Node
from rosearch.space.ops import OPS
from rosearch.student.build import principal_embedding
from rosearch.tasks import Task
from rosearch.tasks.words import segment
from rosearch.teacher.fit import fit_teacher
from rosearch.teacher.masked_lm import attack_folders, masked_lm_folder
from rosearch.teacher.outputs import TeacherOutputs
from rosearch.teacher.targets import cache_outputs, cache_targets, layers_in, load_targets
from rosearch.types import parts


@dataclass(frozen=True)
class Prepared:
    """A run's context, and the folder of the teacher it was made with."""

    context: Context
    teacher_folder: Path


def prepare(
    config: RunConfig,
    task: Task,
    wanted: Sequence[Clustering] | None = None,
    students: Sequence[Genotype] | None = None,
) -> Prepared:
    """Teacher, targets, encodings and attack tables; what takes long is made once and reused.

    Args:
        wanted: synonym encodings to prepare besides the plain one; by default all of the run.
        students: those that will be matched with the teacher's layers; by default any of the run.
    """
    wanted = clusterings_of(config) if wanted is None else wanted
    folder = fit_teacher(task, config.teacher, config.seed)
    how = (config.teacher.precision, config.teacher.max_length)
    answers = load_targets(cache_targets(task, folder, "validation", *how)).argmax(1)
    attacks = attacks_read(config)
    # Before texts are added: what attacks ask must not depend on how students are trained.
    folders = attack_folders(attacks, None, task, config.teacher.name)
    model, tokenizer = load_classifier(folder)
    own = len(task.train.texts)
    task = with_copies(task, config, tokenizer.mask_token)
    targets = load_targets(cache_targets(task, folder, "train", *how))
    outputs = _outputs(config, task, folder, students)
    with stage("preparing encodings and attacks", 3) as advance:
        encoded = _encodings(config, wanted, task, own, targets, model, tokenizer)
        advance(2, "")
        found = resources_for(attacks, (*task.validation.texts, *task.test.texts), folders)
        advance(1, "")
    for attack in load_attacks(config.search.attack, found, exact=False):
        judge_in_advance(attack, task.validation.texts[: config.search.attacked])
    train = TrainData(
        encoded=encoded,
        labels=task.train.labels,
        targets=np.asarray(targets),
        label_names=task.label_names,
        teacher_params=sum(p.numel() for p in model.parameters()),
        outputs=outputs,
    )
    context = Context(
        train=train,
        validation=task.validation,
        test=task.test,
        attack_resources=found,
        teacher_accuracy=float((answers == np.asarray(task.validation.labels)).mean()),
        distill=config.distill,
        fitness=config.fitness,
    )
    return Prepared(context, folder)


def with_copies(task: Task, config: RunConfig, mask_token: str) -> Task:
    """The task with augmented copies of its train texts after its own, if any are wanted."""
    d = config.distill
    if d.augment == "none":
        return task
    how = AugmentConfig(d.augment, d.augment_copies, lexicons=config.encoding.lexicons)  # type: ignore[arg-type]
    body = config.teacher.name
    masked_lm = masked_lm_folder(None, task, body) if d.augment == "masked_lm" else None
    return augmented(task, how, config.seed, masked_lm, mask_token).extended(task)


def any_student(config: RunConfig) -> list[Genotype]:
    """Genotypes that are matched with every layer of the teacher that any of a run may be."""
    attention = Node((0,), next(op for op in OPS if op.startswith("attention")))
    dims, width = config.space.embedding_dims[0], config.space.widths[0]
    return [
        Genotype(dims, width, (attention,), repeat=repeat)
        for repeat in range(1, config.space.max_repeat + 1)
    ]


def _outputs(
    config: RunConfig, task: Task, folder: Path, students: Sequence[Genotype] | None
) -> TeacherOutputs | None:
    """The layers of the teacher that students are matched with on the train texts, if any are."""
    if config.distill.matching == "none":
        return None
    how = (config.teacher.precision, config.teacher.max_length)
    students = any_student(config) if students is None else students
    layers = layers_for(config.distill.matching, students, layers_in(folder))
    return cache_outputs(task, folder, "train", *how, *layers)


def _encodings(
    config: RunConfig,
    wanted: Sequence[Clustering],
    task: Task,
    own: int,
    targets: np.ndarray,
    model: Any,
    tokenizer: Any,
) -> dict[str, EncodedTrain]:
    """The train split under every encoding; validation and test texts play no part in it.

    What a word is evidence of is counted in the first `own` texts: those after them are copies.
    """
    texts = [
        [w.lower() for part in parts(text) for w in segment(part).words]
        for text in task.train.texts
    ]
    names = dict.fromkeys([*config.encoding.lexicons, *(n for c in wanted for n in c.lexicons)])
    tables = {name: _lexicon(name, texts, tokenizer) for name in names}
    vocabularies = {PLAIN: plain_vocabulary(tokenizer)}
    lexicons = {PLAIN: united(tables, config.encoding.lexicons)}
    if wanted and supports_synonyms(tokenizer):
        evidence = word_evidence(texts[:own], np.asarray(targets[:own], dtype=np.float32))
        for clustering, clusters in clusters_of(wanted, tables, evidence).items():
            vocabularies[clustering.key] = synonym_vocabulary(tokenizer, clusters)
            lexicons[clustering.key] = united(tables, clustering.lexicons)
    table = model.get_input_embeddings().weight.detach().numpy()
    dims = max(config.space.embedding_dims)
    encoded = {}
    for key, vocabulary in vocabularies.items():
        student = student_tokenizer(tokenizer, vocabulary)
        length = config.teacher.max_length
        misspelt = None
        if config.distill.characters:
            misspelt = misspellings(student, task.train.texts, length, config.seed)
        if config.encoding.trim:
            words = {s for text in texts for w in text for s in lexicons[key].get(w, ())}
            written = [part for text in task.train.texts for part in parts(text)]
            occur = occurring_tokens(student, [*written, *(f" {w}" for w in words)])
            if misspelt is not None:
                occur |= {int(i) for i in misspelt.pieces}
            vocabulary = trimmed(vocabulary, occur, student.unk_token_id)
        may_change = {w: found for w, found in lexicons[key].items() if not_a_stop_word(w)}
        encoded[key] = encode_train(
            vocabulary,
            student,
            tokenizer_settings(student),
            task.train.texts,
            principal_embedding(table, vocabulary)[:, :dims],
            length,
            substitutes(vocabulary, may_change) if config.distill.substitution else None,
            misspelt,
        )
    return encoded


def clusters_of(
    wanted: Sequence[Clustering], tables: Mapping[str, Lexicon], evidence: Evidence
) -> dict[Clustering, dict[str, str]]:
    """Clusters of every encoding; those that differ in the tolerance only grow in one go."""
    alike: dict[tuple[tuple[str, ...], int], list[Clustering]] = defaultdict(list)
    for clustering in wanted:
        alike[clustering.lexicons, clustering.max_cluster].append(clustering)
    found = {}
    for (names, cap), group in alike.items():
        tolerances = [c.tolerance for c in group]
        grown = growing_clusters(united(tables, names), evidence, tolerances, cap)
        found.update({c: grown[c.tolerance] for c in group})
    return found


def united(tables: Mapping[str, Lexicon], names: Iterable[str]) -> dict[str, list[str]]:
    """Substitutions of several lexicons, in their order, each once."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for name in names:
        for word, others in tables[name].items():
            found[word].update(dict.fromkeys(others))
    return {word: list(others) for word, others in found.items()}


def _lexicon(name: str, texts: Sequence[Sequence[str]], tokenizer: Any) -> dict[str, list[str]]:
    """Substitutions, lower case, of the words of the vocabulary and of the train split."""
    words = {w for w in tokenizer.get_vocab() if w.isalpha()} | {w for t in texts for w in t}
    table = cached_table(name, words, resources.cache_dir() / "lexicons")
    return {word: [s.lower() for s in found] for word, found in table.items()}

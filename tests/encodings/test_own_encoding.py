"""An encoding that a user registers, from its genes to a student's vocabulary and the report."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from rosearch.attacks import LEXICONS, NamedLexicon
from rosearch.config import codings_of, from_dict
from rosearch.distill.encode import encoded_texts, material_of
from rosearch.encodings import ENCODINGS, PLAIN, Encoding, gene
from rosearch.encodings.material import Material
from rosearch.encodings.synonym import Synonym
from rosearch.encodings.vocabulary import Vocabulary, plain_vocabulary
from rosearch.errors import UserError
from rosearch.evaluation.held_out import check
from rosearch.report.features import columns_of, features
from rosearch.run.prepare import encode_settings
from rosearch.run.space import check_space, space_of
from rosearch.space.cost import Sizes
from rosearch.space.genotype import Genotype, Node, from_json, to_dict
from rosearch.space.genotype import from_dict as genotype_of
from rosearch.space.variation import Space, crossover, mutate, sample
from rosearch.space.vector import vector
from rosearch.student.build import build_student

pytestmark = pytest.mark.usefixtures("scratch_registries")


@dataclass(frozen=True)
class Prefix(Encoding):
    """Word pieces that begin alike share a row."""

    name = "prefix"
    families = ()

    letters: int = gene([4, 3, 5])
    marks: tuple[str, ...] = gene([("##",), ("##", "@")])

    def problems(self) -> list[str]:
        return [] if self.letters > 0 else [f"letters: expected 1 or more, found {self.letters}"]

    def vocabulary(self, material: Material) -> Vocabulary:
        plain = plain_vocabulary(material.tokenizer)
        _, rows = np.unique([t[: self.letters] for t in plain.tokens], return_inverse=True)
        return replace(plain, rows=rows.astype(np.int64))


@pytest.fixture(autouse=True)
def registered(scratch_registries: None) -> None:
    ENCODINGS.register(Prefix)


SETTINGS = {"space": {"encodings": ["plain", "prefix"]}}
OFFERED = Prefix.offered(from_dict({}).encoding)
CODINGS = (PLAIN, Synonym(), *OFFERED)
SPACE = Space(Sizes({c.key: 1000 for c in CODINGS}, 2), codings=CODINGS)
CNN = Genotype(32, 32, (Node((0,), "conv3"),), coding=Prefix(5))


def test_a_run_may_choose_every_combination_of_genes():
    assert {(c.letters, c.marks) for c in OFFERED} == {
        (n, m) for n in (4, 3, 5) for m in (("##",), ("##", "@"))
    }
    config = from_dict(SETTINGS)
    check_space(config.space, codings_of(config))
    space = space_of(
        config.space, codings_of(config), Sizes({c.key: 10 for c in CODINGS}, 2), 10**7
    )
    assert list(space.encodings) == ["plain", "prefix"] and space.encodings["prefix"] == OFFERED


def test_genes_are_part_of_json_key_and_hash():
    assert CNN.encoding_key == "prefix:5:##"
    assert to_dict(CNN)["letters"] == 5 and from_json(CNN.to_json()) == CNN
    assert CNN.hash != replace(CNN, coding=Prefix(4)).hash != replace(CNN, coding=PLAIN).hash
    bare = {name: v for name, v in to_dict(CNN).items() if name not in ("letters", "marks")}
    assert genotype_of(bare) == replace(CNN, coding=Prefix())
    turned = Prefix(5, ("@", "##"))
    assert turned.key == Prefix(5, ("##", "@")).key == "prefix:5:##+@"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"letters": "five"}, r"letters: .*integer \(found 'five'\)"),
        ({"letters": 0}, "letters: expected 1 or more, found 0"),
        ({"tolerance": 0.1}, "genes of the synonym encoding; leave them out for the prefix one"),
        ({"encoding": "plain"}, "letters"),
        ({"encoding": "nope"}, "encoding: expected one of plain, synonym, words, prefix, found"),
        ({"coding": {}}, "coding: there is no such field"),
    ],
)
def test_wrong_genes_are_named(change: dict[str, object], message: str):
    with pytest.raises(UserError, match=message):
        genotype_of({**to_dict(CNN), **change})


def test_gene_names_of_a_genotype_are_refused():
    @dataclass(frozen=True)
    class Wide(Encoding):
        name = "wide"
        width: int = 3

    with pytest.raises(UserError, match="wide: its genes need other names than width"):
        replace(CNN, coding=Wide())


def test_evolution_changes_the_genes_one_at_a_time_and_switches_encodings():
    rng = np.random.default_rng(0)
    found = [sample(SPACE, rng) for _ in range(60)]
    assert {g.encoding for g in found} == {"plain", "synonym", "prefix"}
    g, keys, switched = CNN, set(), set()
    for _ in range(800):
        child = mutate(g, SPACE, rng)
        if child.encoding == g.encoding == "prefix":
            old, new = vars(g.coding), vars(child.coding)
            assert sum(old[name] != new[name] for name in old) <= 1
            keys.add(child.encoding_key)
        elif child.encoding != g.encoding:
            switched.add((g.encoding, child.encoding))
        g = child
    assert keys == {c.key for c in OFFERED}
    assert len(switched) == 6
    children = {crossover(CNN, found[0], SPACE, rng).encoding_key for _ in range(50)}
    assert children == {CNN.encoding_key, found[0].encoding_key}


def test_models_and_report_see_the_genes():
    rng = np.random.default_rng(0)
    genotypes = [CNN, *(sample(SPACE, rng) for _ in range(60))]
    vectors = np.stack([vector(g, SPACE) for g in genotypes])
    other = vector(replace(CNN, coding=Prefix(4)), SPACE)
    assert vectors.shape[1] == len(other) and (other != vectors[0]).sum() == 1
    columns = {c.label: c for f in features(genotypes) for c in columns_of(f, genotypes)}
    letters = columns["prefix letters"].values
    assert letters[0] == 5.0 and "encoding prefix" in columns
    own = [i for i, g in enumerate(genotypes) if g.encoding == "prefix"]
    others = [i for i in range(len(genotypes)) if i not in own]
    assert letters[others] == pytest.approx(letters[own].mean())


def test_a_student_reads_its_vocabulary(bert_tokenizer):
    texts = ["Good films are goods.", "Bad film."]
    material = material_of(texts, 2, np.eye(2), bert_tokenizer)
    table = np.random.default_rng(0).normal(size=(len(bert_tokenizer), 64))
    config = from_dict({**SETTINGS, "distill": {"substitution": 0}})
    encoded = encoded_texts(encode_settings(config), OFFERED[:2], texts, material, table)
    assert list(encoded) == ["plain", *(c.key for c in OFFERED[:2])]
    data = encoded["prefix:4:##"]
    assert data.vocabulary.n_rows < 0.5 * encoded["plain"].vocabulary.n_rows
    student = build_student(
        replace(CNN, coding=Prefix(4)), data.vocabulary, ("a", "b"), 0, data.embedding
    )
    ids = bert_tokenizer(["films", "film"], return_tensors="pt")["input_ids"]
    vectors = student.input.embed(ids)
    assert (vectors[0] == vectors[1]).all()


def test_what_it_does_not_state_is_never_held_out():
    final = {"final": {"held_out": ["fgsm"]}}
    check(from_dict({**SETTINGS, **final}))

    @ENCODINGS.register
    @dataclass(frozen=True)
    class Silent(Prefix):
        name = "silent"
        families = None

    with pytest.raises(UserError, match=r"space\.encodings = \['silent'\] does not state what"):
        check(from_dict({"space": {"encodings": ["plain", "silent"]}, **final}))


def test_a_lexicon_that_a_user_registers_may_make_clusters():
    wrong = {"encoding": {"lexicons": ["mine"]}}
    with pytest.raises(UserError, match=r"encoding\.lexicons: expected one of wordnet, relatives"):
        from_dict(wrong)
    for name, clusters in (("mine", True), ("typos", False)):
        make = lambda: lambda word: (word + "s",)  # noqa: E731
        LEXICONS.register(NamedLexicon(name, "", make, families=(name,), clusters=clusters))
    (made,) = Synonym.offered(from_dict(wrong).encoding)[:1]
    assert made.problems() == [] and len(made.numbers()) == len(Synonym().numbers()) == 8
    with pytest.raises(
        UserError, match=r"one of wordnet, relatives, roget, webster, encoder, mine, found 'typos'"
    ):
        from_dict({"encoding": {"lexicons": ["typos"]}})

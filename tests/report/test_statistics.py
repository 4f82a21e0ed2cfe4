"""The statistics, on made-up trials of real genotypes whose true effects are known."""

from __future__ import annotations

import gc
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from made_scores import made_score, with_numbers
from scipy.stats import pearsonr

from rosearch.encodings.plain import PLAIN
from rosearch.encodings.reading import Reading
from rosearch.errors import MissingExtra
from rosearch.report.features import columns_of, density, features
from rosearch.report.findings import forest, section, words
from rosearch.report.page import write_report
from rosearch.report.regression import holm
from rosearch.report.statistics import Analysis, Effect, Statistics, analyse, statistics
from rosearch.results.store import Store
from rosearch.space.cost import Limits, Sizes, params
from rosearch.space.genotype import Genotype, Node
from rosearch.space.ops import OPS
from rosearch.space.presets import bilstm, text_cnn, transformer
from rosearch.space.variation import Space, sample
from rosearch.space.vector import depth
from rosearch.space.votes import Votes
from rosearch.types import Candidate, ClassCounts, Fidelity, Trial

SIZES = Sizes({"plain": 30522, "synonym:wordnet:0.015:0": 28000}, 2)
FIDELITY = Fidelity(1, 1.0, 150, ("wordnet",))
Truth = Callable[[Genotype, float, float], float]  # genotype, log2 of its parameters, clean


@pytest.fixture(autouse=True, scope="module")
def few_objects_to_collect():
    """statsmodels collects garbage at every correction: slow where a test run holds millions."""
    gc.freeze()
    yield
    gc.unfreeze()


@cache
def pool() -> tuple[Genotype, ...]:
    """Genotypes within the limits of a real run."""
    space = Space(SIZES, Limits(4_500_000, 50_000_000))
    return tuple(sample(space, np.random.default_rng(k)) for k in range(1000))


def made(genotypes: Sequence[Genotype], truth: Truth, seed: int, noise: float = 0.04):
    """Trials whose after-attack accuracy is the truth and noise."""
    rng = np.random.default_rng(seed)
    found = []
    for k, g in enumerate(genotypes):
        size, clean = params(g, SIZES), 0.75 + 0.03 * rng.standard_normal()
        after = truth(g, float(np.log2(size / 1e6)), clean) + noise * rng.standard_normal()
        score = made_score(clean, 1000, after, 0.5, 150, size, 1, 1.0, 1, 1.0, 1.0, 1.0, FIDELITY)
        found.append(Trial(Candidate(k, g, 0), score))
    return found


def drawn(n: int, truth: Truth, seed: int, noise: float = 0.04) -> list[Trial]:
    chosen = np.random.default_rng(seed).choice(len(pool()), n, replace=False)
    return made([pool()[k] for k in chosen], truth, seed, noise)


def has(g: Genotype, family: str) -> bool:
    return any(OPS[node.op].family == family for node in g.nodes)


def effect(found: Statistics | Analysis, label: str) -> Effect:
    analysis = found.analyses[0] if isinstance(found, Statistics) else found
    return next(e for e in analysis.effects if e.label == label)


def nothing(g: Genotype, size: float, clean: float) -> float:
    return 0.3


def planted(g: Genotype, size: float, clean: float) -> float:
    """Attention 0.1 up, twice the depth 0.05 down, synonyms 0.25 up; size and accuracy as well."""
    own = 0.1 * has(g, "attention") - 0.05 * float(np.log2(depth(g)))
    return 0.2 + own + 0.25 * (g.encoding == "synonym") + 0.06 * size + 0.8 * (clean - 0.75)


TRUE = {"attention nodes": 0.1, "depth": -0.05, "encoding synonym": 0.25}


def test_planted_effects_are_found_with_sign_and_interval():
    covered = []
    for seed in range(8):
        found = statistics(drawn(200, planted, seed))
        for label, true in TRUE.items():
            e = effect(found, label)
            assert e.significant and e.controlled.effect * true > 0
            covered.append(e.controlled.low <= true <= e.controlled.high)
    assert np.mean(covered) >= 0.9


def test_what_mechanisms_do_together_and_with_the_shape_is_told_apart():
    offered = {"votes": (None, Votes(1.0, 4.0, 0.5)), "readings": (None, Reading())}
    space = Space(SIZES, Limits(4_500_000, 50_000_000), **offered)
    genotypes = [sample(space, np.random.default_rng(k)) for k in range(200)]

    def truth(g: Genotype, size: float, clean: float) -> float:
        voting, reading = g.votes is not None, g.reading is not None
        return 0.2 + 0.1 * voting + 0.05 * voting * float(np.log2(depth(g))) - 0.02 * reading

    found = statistics(made(genotypes, truth, 0))
    deep = effect(found, "votes with depth")
    assert deep.significant and deep.controlled.low <= 0.05 <= deep.controlled.high
    assert not effect(found, "votes with reading").significant
    mean = np.mean([np.log2(depth(g)) for g in genotypes])
    alone = effect(found, "votes votes").controlled
    assert alone.low <= 0.1 + 0.05 * mean <= alone.high, "of the average student"
    assert not any("with" in f.name for f in features(pool()[:60])), "no mechanism, nothing to tell"


def test_size_does_not_pass_for_an_effect_of_width():
    """Where embeddings are small, wider students are larger; only the size matters here."""

    def by_size(g: Genotype, size: float, clean: float) -> float:
        return 0.3 + 0.15 * size

    small = [g for g in pool() if g.embedding_dim <= 48][:200]
    covered = []
    for seed in range(6):
        trials = made(small, by_size, seed)
        after = [t.score.after_attack for t in trials if t.score]
        naive = pearsonr([float(np.log2(g.width)) for g in small], after)
        assert naive.pvalue < 0.01, "without the control it would seem to matter"
        e = effect(statistics(trials), "width")
        assert not e.significant
        covered.append(e.controlled.low <= 0 <= e.controlled.high)
    assert np.mean(covered) >= 0.8


def test_noise_yields_findings_in_at_most_five_percent_of_the_repetitions():
    false = 0
    for seed in range(40):
        found = statistics(drawn(60, nothing, seed))
        assert found.tests == len(found.analyses[0].effects) >= 8
        false += any(e.significant for e in found.analyses[0].effects)
    assert false <= 2


def test_the_effect_by_way_of_clean_accuracy_is_shown_apart():
    """Attention makes students more accurate, and robust only thereby."""
    trials = []
    for t in drawn(200, nothing, 5, noise=0.0):
        assert t.score is not None
        clean = t.score.clean + 0.08 * has(t.candidate.genotype, "attention")
        trials.append(Trial(t.candidate, with_numbers(t.score, clean, clean / 2)))
    noisy = np.random.default_rng(0).normal(0, 0.01, len(trials))
    trials = [
        replace(t, score=with_numbers(t.score, None, t.score.after_attack + e))
        for t, e in zip(trials, noisy, strict=True)
        if t.score
    ]
    e = effect(statistics(trials), "attention nodes")
    assert not e.significant
    assert e.total.low <= 0.04 <= e.total.high and e.total.low > 0.02


def test_fidelity_is_controlled_for_where_it_varies():
    trials = drawn(120, planted, 1)
    assert "fidelity 1" not in analyse(trials, "evolved").controls
    cheaper = replace(FIDELITY, epochs=3)
    mixed = [
        replace(
            t,
            score=replace(with_numbers(t.score, None, t.score.after_attack + 1), fidelity=cheaper),
        )
        if k % 3 == 0 and t.score
        else t
        for k, t in enumerate(trials)
    ]
    found = analyse(mixed, "evolved")
    assert found.controls == ("log-parameters", "clean accuracy", "fidelity 1")
    e = effect(found, "encoding synonym")
    assert e.controlled.low <= 0.25 <= e.controlled.high
    alone = analyse(mixed[:1] + [t for k, t in enumerate(mixed) if k % 3], "evolved")
    assert alone.n == 80 and "fidelity 1" not in alone.controls
    assert alone.left_out[0].reason == "alone would determine an effect"


def test_rare_features_are_left_out_with_the_reason():
    without = [g for g in pool() if not has(g, "lstm") and g.pooling != "first"][:200]
    rare = [g for g in pool() if has(g, "lstm") and g.pooling != "first"][:5]
    first = [g for g in pool() if g.pooling == "first" and not has(g, "lstm")][:3]
    found = analyse(made([*without, *rare, *first], planted, 0), "evolved")
    reasons = {o.label: o.reason for o in found.left_out}
    assert "5 of 208 candidates have it" in reasons["lstm nodes"]
    assert "3 of 208 candidates have it" in reasons["pooling first"]
    assert reasons["relatives as synonyms"] == "the same in all candidates"
    assert found.n == 208
    assert not {"lstm nodes", "pooling first"} & {e.label for e in found.effects}


def test_collinear_features_are_left_out_with_the_reason():
    """Position tells in this sample just what pooling tells."""
    linked = [
        replace(g, position={"max": "learned", "attention": "sinusoidal"}.get(g.pooling, "none"))
        for g in pool()[:200]
    ]
    found = analyse(made(linked, planted, 0), "evolved")
    reasons = {o.label: o.reason for o in found.left_out}
    assert reasons["position"].startswith("moves together with other features, most of all pooling")
    assert {"pooling max", "pooling attention"} <= {e.label for e in found.effects}
    assert all(np.isfinite([e.controlled.low, e.controlled.high]).all() for e in found.effects)


def test_a_candidate_that_alone_determines_an_effect_is_left_out():
    """Nodes with gru stand together with gelu in all but one candidate: no error can be told."""
    rest = [g for g in pool() if not has(g, "gru") and not has(g, "maxpool")][:150]
    both = (Node((0,), "gru"), Node((1,), "maxpool3"))
    linked = [replace(g, nodes=(*both, *g.nodes[:0])) for g in rest[:9]]
    odd = replace(rest[9], nodes=(Node((0,), "gru"), Node((1,), "identity")))
    found = analyse(made([*rest, *linked, odd], planted, 0), "evolved")
    values = [v for e in found.effects for v in (e.controlled.low, e.controlled.high)]
    assert np.isfinite(values).all() and np.abs(values).max() < 10


@pytest.mark.parametrize("n", [0, 1, 29])
def test_few_candidates_cannot_tell(n: int):
    found = statistics(drawn(n, planted, 0))
    assert found.tests == 0 and found.analyses[0].effects == ()
    assert forest(found) == {} and section(found).table is None
    text = " ".join(words(found)[0].sentences)
    assert "The data cannot tell" in text and "30 are the least" in text
    assert "points" not in text


def test_a_model_takes_no_more_columns_than_its_candidates_allow():
    found = analyse(drawn(60, planted, 0), "evolved")
    assert 5 * (len(found.effects) + len(found.controls)) <= 60 < found.needed
    assert {e.group for e in found.effects} >= {"encoding", "pooling", "depth"}
    told = " ".join(words(Statistics((found,), 1))[0].sentences)
    assert f"would take {found.needed} candidates" in told
    assert "60 candidates are too few to tell it besides those before it" in told


def test_equal_outcomes_cannot_tell_anything():
    found = statistics(drawn(60, nothing, 0, noise=0.0))
    assert found.analyses[0].unclear == "all candidates have the same after-attack accuracy"


def test_failed_candidates_are_counted_and_left_out():
    trials = drawn(60, planted, 0)
    broken = [*trials, replace(trials[0], score=None, error="ValueError: no")]
    found = analyse(broken, "evolved")
    assert (found.n, found.failed) == (60, 1)
    assert "1 failed candidate is left out." in words(Statistics((found,), 1))[0].sentences


def test_who_always_says_the_same_tells_nothing_of_robustness():
    trials = drawn(100, planted, 0)
    constant = (ClassCounts(50, 0, 0), ClassCounts(50, 50, 100))
    same = [t for t in trials if has(t.candidate.genotype, "conv")][:20]
    stuck = [
        replace(t, score=replace(with_numbers(t.score, 0.5, 0.5), classes=constant)) for t in same
    ]
    others = [t for t in trials if t not in same]
    found = analyse([*others, *stuck], "uniform")
    assert found.n == 80 and found.effects == analyse(others, "uniform").effects
    assert found.left_out[0].label == "20 candidates"


def test_words_tell_direction_size_and_how_sure():
    found = statistics(drawn(200, planted, 0))
    holds = next(s for s in words(found)[0].sentences if s.startswith("What holds"))
    said = {label: part for label in TRUE for part in holds.split("; ") if part.count(label)}
    assert " raises after-attack accuracy by" in said["attention nodes"]
    assert " lowers after-attack accuracy by" in said["depth"] and "per doubling" in said["depth"]
    e = effect(found, "depth")
    assert f"{100 * abs(e.controlled.effect):.1f} points" in said["depth"]
    assert f"{100 * e.controlled.low:+.1f} to {100 * e.controlled.high:+.1f}" in said["depth"]
    assert words(found)[0].title == "Evolved candidates (n = 200)"
    swapped = statistics(drawn(200, lambda g, s, c: 1 - planted(g, s, c), 0))
    holds = next(s for s in words(swapped)[0].sentences if s.startswith("What holds"))
    assert "depth raises" in holds and "attention nodes lowers" in holds


def test_what_is_no_effect_and_what_is_unknown_are_told_apart():
    sure, unsure = drawn(400, nothing, 0, noise=0.02), drawn(150, nothing, 0, noise=0.3)
    sentences = words(statistics(sure))[0].sentences
    assert any(s.startswith("None of the") for s in sentences)
    assert any(s.startswith("No effect shown, and none beyond 5 points") for s in sentences)
    assert not any("reaches further" in s for s in sentences)
    assert any("reaches further" in s for s in words(statistics(unsure))[0].sentences)


def test_importance_ranks_what_matters_and_is_silent_without_a_model():
    e = {e.label: e for e in statistics(drawn(200, planted, 0)).analyses[0].effects}
    best = max(e, key=lambda label: e[label].importance or 0)
    assert best == "encoding synonym"
    assert (e["attention nodes"].importance or 0) > (e["glu nodes"].importance or 0)
    noise = statistics(drawn(150, nothing, 0)).analyses[0]
    assert noise.unseen_r2 is not None and noise.unseen_r2 < 0
    assert all(one.importance is None for one in noise.effects)
    assert any(
        "no better than their mean" in s for s in words(Statistics((noise,), 1))[0].sentences
    )


def test_both_samples_stand_side_by_side():
    def without_depth(g: Genotype, size: float, clean: float) -> float:
        return planted(g, size, clean) + 0.05 * float(np.log2(depth(g)))

    found = statistics(drawn(200, planted, 0), drawn(200, without_depth, 1))
    assert [a.sample for a in found.analyses] == ["evolved", "uniform"]
    told = words(found)[-1]
    assert told.title == "Both samples"
    assert "encoding synonym" in told.sentences[0] and "attention nodes" in told.sentences[0]
    assert "depth (evolved candidates)" in told.sentences[-1]
    table = section(found).table
    assert table is not None and len(table.columns) == 1 + 2 * 3
    assert all(len(row.cells) == 6 for row in table.rows)
    drawn_effects = forest(found)["effects"]["data"]
    for trace, analysis in zip(drawn_effects, found.analyses, strict=True):
        assert len(trace["x"]) == len(analysis.effects) == len(trace["error_x"]["array"])
        assert f"n = {analysis.n}" in trace["name"]


def test_the_same_trials_give_the_same_json():
    trials = drawn(100, planted, 0)
    first = json.dumps(statistics(trials, trials).to_json())
    assert first == json.dumps(statistics(trials, trials).to_json())
    assert json.loads(first)["tests"] > 10


def test_holm_against_known_values():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_depth_and_density():
    block = transformer(2)
    assert depth(block) == 2 * 3 and density(block) == 1.0
    assert depth(bilstm()) == 1 and density(bilstm()) == 1.0
    assert depth(text_cnn()) == 1 and density(text_cnn()) == pytest.approx(3 / 6)
    twice = Genotype(64, 64, (Node((0,), "lstm"), Node((1, 1), "identity")))
    assert density(twice) == pytest.approx(2 / 3), "an edge that stands twice is one edge"


def test_tolerance_counts_among_synonym_encodings_only():
    first = next(g for g in pool() if g.encoding == "synonym")
    loose = replace(first, coding=replace(first.coding, tolerance=0.06))
    plain = replace(first, coding=PLAIN)
    genotypes = [first, loose, plain]
    tolerance = next(f for f in features(genotypes) if f.name.startswith("tolerance"))
    values = columns_of(tolerance, genotypes)[0].values
    assert values[1] - values[0] == pytest.approx(2) and values[2] == pytest.approx(values.mean())
    assert (
        columns_of(tolerance, genotypes)
        != []
        == columns_of(
            next(f for f in features([first, plain]) if f.name == tolerance.name), [first, plain]
        )
    )


def test_without_statsmodels_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    from rosearch.run.lifecycle import related

    monkeypatch.setitem(sys.modules, "statsmodels.regression.linear_model", None)
    trials = drawn(60, planted, 0)
    with pytest.raises(MissingExtra, match=r"statsmodels.*rosearch\[report\]"):
        statistics(trials)
    assert "rosearch[report]" in related(trials, [])["missing"]
    few = related(trials[:5], [])
    assert few["analyses"][0]["n"] == 5
    assert "The data cannot tell" in few["words"][0]["sentences"][0]


def test_the_page_shows_both_samples(tmp_path: Path):
    store = Store(tmp_path / "run.db", create=True)
    store.set_meta(task="mr", label_names=["no", "yes"])
    evolved, uniform = drawn(60, planted, 0), drawn(70, planted, 1)
    for k, trial in enumerate(evolved):
        store.add_trial(replace(trial, candidate=replace(trial.candidate, index=k)))
    for trial in uniform:
        store.add_sampled(trial)
    page = write_report(tmp_path).read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert found
    data = json.loads(found[1])
    traces = data["figures"]["effects"]["data"]
    wanted = statistics(evolved, uniform)
    assert [len(t["x"]) for t in traces] == [len(a.effects) for a in wanted.analyses]
    assert page.count('id="plot-effects"') == 1
    assert "Uniform random sample (n = 70)" in page and "Evolved candidates (n = 60)" in page
    section_text = page[page.index('<section id="statistics">') :]
    rows = section_text[: section_text.index("</section>")].count("<tr") - 1
    assert rows == len({e.label for a in wanted.analyses for e in a.effects})
    assert len(data["runs"][0]["id"]) == 60, "the sample is not part of the front's plot"


def test_the_page_says_when_the_data_cannot_tell(tmp_path: Path):
    store = Store(tmp_path / "run.db", create=True)
    store.set_meta(task="mr", label_names=["no", "yes"])
    store.add_trial(drawn(1, planted, 0)[0])
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert "The data cannot tell: 1 candidate, and 30 are the least" in page
    assert 'id="plot-effects"' not in page

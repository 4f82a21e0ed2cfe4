"""A search that begins with the best candidates of earlier runs."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_scores import made_score

from rosearch.config import make_config, to_toml
from rosearch.errors import UserError
from rosearch.results.store import Store
from rosearch.run.lifecycle import config_meta
from rosearch.run.places import settled
from rosearch.run.space import space_of, warm_seeds
from rosearch.run.warm import BEST, warm_genotypes
from rosearch.space.cost import Sizes
from rosearch.space.genotype import Genotype
from rosearch.space.presets import PRESETS
from rosearch.space.variation import Space, sample
from rosearch.types import Candidate, Fidelity, Trial

ROWS = {"plain": 3000, "synonym:wordnet:0.015:0": 2000}
FIDELITY = Fidelity(1, 1.0, 100, ("wordnet",))


def run_with(folder: Path, fitnesses: dict[Genotype, float | None]) -> Path:
    """A run whose candidates have these fitnesses; None failed."""
    folder.mkdir()
    with closing(Store(folder / "run.db", create=True)) as store:
        store.set_meta(**config_meta(make_config("smoke")))
        for i, (genotype, fitness) in enumerate(fitnesses.items()):
            score = fitness and made_score(
                0.8, 100, 0.3, 0.5, 100, 9, 1, 1.0, 50, 4.0, 2.0, fitness, FIDELITY
            )
            error = None if score else "ValueError: x"
            store.add_trial(Trial(Candidate(i, genotype, i), score or None, error))
    return folder


@pytest.fixture
def genotypes() -> list[Genotype]:
    rng, space = np.random.default_rng(0), Space(Sizes(ROWS, 2))
    return list({g.hash: g for g in (sample(space, rng) for _ in range(20))}.values())[:8]


def test_the_fittest_of_each_run_come_first_and_no_network_twice(tmp_path, genotypes):
    order = [3, 0, 6, 1, 7, 2, 5]
    fitnesses = {genotypes[k]: 2.0 - i / 10 for i, k in enumerate(order)}
    one = run_with(tmp_path / "one", {**fitnesses, genotypes[4]: None})
    two = run_with(tmp_path / "two", {genotypes[4]: 0.1, genotypes[3]: 0.2})
    best = [genotypes[k].hash for k in order[:BEST]]
    assert [g.hash for g in warm_genotypes([str(one)])] == best
    assert [g.hash for g in warm_genotypes([str(one), str(two)])] == [*best, genotypes[4].hash]


def test_the_settings_of_a_run_hold_the_genotypes_themselves(tmp_path, genotypes):
    run = run_with(tmp_path / "run", {genotypes[0]: 1.0, genotypes[1]: 1.5})
    asked = make_config("smoke", overrides={"search": {"warm_start": [str(run)]}})
    config = settled(asked)
    shutil.rmtree(run)
    (tmp_path / "config.toml").write_text(to_toml(config), encoding="utf-8")
    again = make_config("smoke", tmp_path / "config.toml")
    assert again == config == settled(again)
    assert warm_genotypes(again.search.warm_start) == [genotypes[1], genotypes[0]]
    assert settled(make_config("smoke")).search.warm_start == ()


def test_they_are_as_near_as_the_space_allows_and_the_rest_is_left_out_aloud(capsys):
    config = make_config("quick", overrides={"space": {"widths": [64], "embedding_dims": [32]}})
    plain = replace(config.space, encodings=("plain",), defences=())
    space = space_of(plain, (), Sizes(ROWS, 2), 20_000_000)
    large = replace(PRESETS["textcnn"](), width=256, embedding_dim=128)
    votes = PRESETS["votes"]()  # no such student here
    assert warm_seeds([votes, large], space) == [replace(large, width=64, embedding_dim=32)]
    assert "note: 1 of the 2 candidates of the warm start have no like" in capsys.readouterr().err
    assert warm_seeds([], space) == [] and capsys.readouterr().err == ""


def test_what_is_no_run_or_has_no_result_is_told(tmp_path, genotypes):
    with pytest.raises(UserError, match=r"warm start: .*nothing is no folder of a run"):
        warm_genotypes([str(tmp_path / "nothing")])
    failed = run_with(tmp_path / "failed", {genotypes[0]: None})
    with pytest.raises(UserError, match="has no candidate that succeeded"):
        warm_genotypes([str(failed)])
    with pytest.raises(UserError, match="invalid genotype"):
        warm_genotypes(["{}"])

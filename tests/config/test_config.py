"""Configuration: presets, files, flags; every wrong setting is named."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosearch.config import (
    PRESET_NAMES,
    codings_of,
    defences_of,
    from_dict,
    make_config,
    merged,
    readings_of,
    setting,
    to_dict,
    to_toml,
    votes_of,
)
from rosearch.encodings.plain import PLAIN
from rosearch.errors import UserError
from rosearch.strategies import STRATEGIES


@pytest.mark.parametrize("preset", PRESET_NAMES)
def test_toml_round_trip(preset: str, tmp_path: Path):
    config = make_config(preset, overrides={"seed": 3, "task": {"train": 'a "b".csv'}})
    file = tmp_path / "config.toml"
    file.write_text(to_toml(config), encoding="utf-8")
    assert make_config("standard", file) == config
    assert from_dict(to_dict(config)) == config


def test_the_preset_paper_searches_the_architecture_alone():
    config = make_config("paper")
    assert config.distill == config.distill.plain()
    assert not config.distill.phrases and config.distill.augment == "none"
    assert codings_of(config) == (PLAIN,)
    for offered in (defences_of, readings_of, votes_of):
        assert offered(config.space) == (None,)


def test_flags_win_over_the_file_and_the_file_over_the_preset(tmp_path: Path):
    file = tmp_path / "c.toml"
    file.write_text("[search]\ncandidates = 7\nepochs = 9\n")
    config = make_config("quick", file, {"search": {"epochs": 11}})
    assert (config.search.candidates, config.search.epochs) == (7, 11)
    assert config.search.attacked == make_config("quick").search.attacked


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"serach": {}}, "there is no setting 'serach'"),
        ({"search": {"candidate": 3}}, r"there is no setting 'search\.candidate'"),
        ({"search": {"candidates": "many"}}, r"search\.candidates: .* \(found 'many'\)"),
        ({"search": {"candidates": 0}}, r"search\.candidates: expected 1 to .*, found 0"),
        ({"search": {"train_share": math.nan}}, r"search\.train_share: expected"),
        ({"distill": {"dropout": 1}}, r"distill\.dropout: expected 0 to 0\.99, found 1"),
        ({"teacher": {"precision": "fp8"}}, r"teacher\.precision: expected one of auto, float32"),
        ({"search": 3}, "config: search"),
        (
            {"search": {"strategy": "bayes"}},
            r"search\.strategy: expected one of aging_evolution, ns",
        ),
        ({"search": {"rungs": [0.5, 0.2, 1]}}, r"search\.rungs: expected shares that grow and end"),
        ({"search": {"rungs": [0.1, 0.5]}}, r"end with 1, such as .* found \[0\.1, 0\.5\]"),
        ({"search": {"rungs": []}}, r"search\.rungs: expected one or more different values"),
        ({"search": {"minutes": math.nan}}, r"search\.minutes: expected"),
        ({"search": {"minutes": 0}}, r"search\.minutes: expected 1e-06 to"),
        ({"search": {"rungs": [1], "inherit": True}}, r"search\.inherit needs several"),
        ({"distill": {"device": "tpu"}}, r"distill\.device: expected auto, cpu, cuda or cuda:N"),
    ],
)
def test_wrong_settings_are_named(data: dict[str, object], message: str):
    with pytest.raises(UserError, match=message):
        from_dict(data)


def test_unknown_preset_and_bad_files(tmp_path: Path):
    with pytest.raises(
        UserError, match="no preset 'huge'; the presets are smoke, quick, standard, paper"
    ):
        make_config("huge")
    with pytest.raises(UserError, match=r"cannot read the config .*No such file"):
        make_config("quick", tmp_path / "none.toml")
    bad = tmp_path / "bad.toml"
    bad.write_text("[search\n")
    with pytest.raises(UserError, match="is not valid TOML"):
        make_config("quick", bad)
    bad.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="is not valid TOML"):
        make_config("quick", bad)


def test_files_of_the_time_before_rungs_mean_what_they_meant(tmp_path: Path):
    file = tmp_path / "c.toml"
    file.write_text("[search]\nlag = 3\n")
    for found in (make_config("standard", file).search, from_dict({"search": {"lag": 3}}).search):
        assert (found.slots, found.rungs) == (3, (1.0,))
    file.write_text("[search]\nlag = 3\nrungs = [0.5, 1.0]\n")
    assert make_config("quick", file).search.rungs == (0.5, 1.0)


def test_a_strategy_may_be_asked_for_by_its_former_name(tmp_path: Path):
    file = tmp_path / "c.toml"
    file.write_text('[search]\nstrategy = "rosearch"\n')
    stored = from_dict({"search": {"strategy": "rosearch"}})
    for found in (make_config("standard", file), stored):
        assert found.search.strategy == "aging_evolution"


def test_every_strategy_may_be_asked_for():
    for name in STRATEGIES:
        assert from_dict({"search": {"strategy": name}}).search.strategy == name


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("search.epochs=4", {"search": {"epochs": 4}}),
        ("task.name = mr", {"task": {"name": "mr"}}),
        ("space.ops=['conv3']", {"space": {"ops": ["conv3"]}}),
        ("seed=1", {"seed": 1}),
    ],
)
def test_single_settings(text: str, value: dict[str, object]):
    assert setting(text) == value


def test_single_setting_of_a_wrong_form():
    with pytest.raises(UserError, match=r"expected SECTION\.NAME=VALUE"):
        setting("search.epochs")


nested = st.recursive(
    st.integers(), lambda x: st.dictionaries(st.sampled_from("abc"), x, max_size=3), max_leaves=6
).filter(lambda x: isinstance(x, dict))


@given(nested, nested)
def test_merging_keeps_both_and_changes_neither(base, over):
    before = repr((base, over))
    both = merged(base, over)
    assert repr((base, over)) == before
    assert merged(both, over) == both
    assert set(both) == set(base) | set(over)


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        ({"search": {"epoch": 3}}, r"did you mean search\.epochs\?"),
        ({"taecher": {"epochs": 3}}, r"did you mean teacher\?"),
        ({"xyz": 1}, r"docs/settings\.md lists them"),
    ],
)
def test_unknown_settings_come_with_advice(data: dict[str, object], advice: str):
    with pytest.raises(UserError, match=advice):
        from_dict(data)


def test_plugins_of_file_and_option_are_imported_together(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("rosearch.io.plugins.loading._loaded", {})  # else later workers want them
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    file = tmp_path / "c.toml"
    file.write_text('plugins = ["config_plugin_a"]\n')
    for name in ("config_plugin_a", "config_plugin_b"):
        (tmp_path / f"{name}.py").write_text("")
    config = make_config("quick", file, {"plugins": ["config_plugin_b", "config_plugin_a"]})
    assert config.plugins == ("config_plugin_a", "config_plugin_b")
    assert {"config_plugin_a", "config_plugin_b"} <= set(sys.modules)
    assert from_dict(to_dict(config)) == config
    with pytest.raises(UserError, match="plugin 'config_plugin_c' cannot be imported"):
        from_dict({"plugins": ["config_plugin_c"]})
    with pytest.raises(UserError, match=r"config: plugins: .*valid tuple"):
        from_dict({"plugins": "config_plugin_a"})


def test_settings_without_plugins_keep_the_checksum_that_they_had():
    assert "plugins" not in to_dict(make_config("standard"))

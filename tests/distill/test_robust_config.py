"""Settings of robust distillation, and that what is trained against is never held out."""

from __future__ import annotations

import pytest

from rosearch.config import DistillConfig, from_dict, make_config
from rosearch.errors import UserError
from rosearch.evaluation.held_out import check


def test_settings_of_earlier_runs_mean_what_they_did():
    config = from_dict({"distill": {"substitution": 0.3, "temperature": 2.0}}).distill
    assert config == DistillConfig()
    assert (config.substitution_choice, config.characters) == ("random", 0.0)
    assert (config.adversarial, config.clean_weight) == ("none", 0.0)


def test_plain_distillation_has_no_robust_part():
    config = DistillConfig(characters=0.2, adversarial="pgd", dropout=0.3)
    plain = config.plain()
    assert (plain.substitution, plain.characters, plain.adversarial) == (0.0, 0.0, "none")
    assert plain.dropout == 0.3


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"adversarial": "free"}, r"adversarial: expected one of none, fgsm, pgd, freelb, found"),
        ({"substitution_choice": "best"}, r"substitution_choice: expected one of random, first-o"),
        ({"characters": 1.5}, r"characters: expected 0 to 1, found 1\.5"),
        ({"adversarial_radius": float("nan")}, r"adversarial_radius: expected 0 to 100, found nan"),
        ({"adversarial_steps": 0}, r"adversarial_steps: expected 1 to 1000, found 0"),
        ({"clean_weight": 1.0}, r"clean_weight: expected 0 to 0\.99, found 1"),
    ],
)
def test_wrong_settings_are_named(setting: dict[str, object], message: str):
    with pytest.raises(UserError, match=message):
        from_dict({"distill": setting})


@pytest.mark.parametrize("name", ["characters", "deepwordbug", "textbugger", "pwws+deepwordbug"])
def test_who_trains_on_misspellings_holds_out_no_attack_on_characters(name: str):
    trained: dict[str, object] = {"distill": {"characters": 0.2}, "search": {"attack": "fgsm"}}
    trained |= {"encoding": {"lexicons": ["encoder"]}}
    with pytest.raises(
        UserError, match=r"kind, distill\.characters = 0\.2; change final\.held_out"
    ):
        check(from_dict({**trained, "final": {"held_out": [name]}}))
    check(from_dict({**trained, "final": {"held_out": ["wordnet"]}}))
    check(from_dict({**trained, "distill": {}, "final": {"held_out": [name]}}))


@pytest.mark.parametrize("name", ["fgsm", "pgd"])
@pytest.mark.parametrize("method", ["fgsm", "pgd", "freelb"])
def test_who_trains_on_embeddings_holds_out_no_attack_on_them(method: str, name: str):
    trained = {"distill": {"adversarial": method}}
    with pytest.raises(
        UserError, match=rf"'{name}' cannot be held out: .*adversarial = '{method}'"
    ):
        check(from_dict({**trained, "final": {"held_out": [name]}}))
    check(from_dict({**trained, "final": {"held_out": ["characters"]}}))
    check(from_dict({"final": {"held_out": [name]}}))


def test_substitutes_come_from_lexicons_that_count_as_used():
    for choice in ("random", "first-order"):
        distill = {"substitution_choice": choice, "substitution": 0.5}
        config = {"distill": distill, "search": {"attack": "characters"}}
        with pytest.raises(UserError, match="cannot be held out"):
            check(from_dict({**config, "final": {"held_out": ["wordnet"]}}))


def test_lexicons_of_training_cannot_be_held_out():
    config = {"search": {"attack": "characters"}, "encoding": {"lexicons": ["encoder"]}}
    held_out = config | {"final": {"held_out": ["relatives"]}}
    check(from_dict(held_out))
    with pytest.raises(UserError, match=r"trained against wordnet, its kind, distill\.lexicons"):
        check(from_dict(held_out | {"distill": {"lexicons": ["relatives"]}}))
    assert from_dict({"distill": {"lexicons": ["relatives"]}}).distill.plain().lexicons == ()


def test_presets_pass():
    for name in ("smoke", "quick", "standard"):
        check(make_config(name))

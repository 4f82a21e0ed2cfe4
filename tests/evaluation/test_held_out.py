"""What counts as unseen: attacks of other families than anything that a run's students know."""

from __future__ import annotations

from itertools import product

import pytest

from rosearch.attacks.methods import ATTACKS, families_of
from rosearch.attacks.named_attack import NamedAttack
from rosearch.attacks.sources import LEXICONS
from rosearch.attacks.white_box import Ball, EmbeddingAttack
from rosearch.config import from_dict, make_config
from rosearch.config.reading import PRESET_NAMES
from rosearch.errors import UserError
from rosearch.evaluation.held_out import check

EDITS = ("first-letter", "two-edits", "repeats", "phonetic", "leet", "splits", "look-alikes",
         "real-words", "joins")  # fmt: skip
# What was compared before attacks had families: the lexicons that each one reads, by their kind.
READS = {
    "wordnet": "wordnet", "pwws": "wordnet", "random": "wordnet", "beam": "wordnet",
    "genetic": "wordnet", "textfooler": "wordnet", "relatives": "wordnet",
    "characters": "characters", "deepwordbug": "deepwordbug", "textbugger": "textbugger",
    "bae": "masked_lm", "bert-attack": "masked_lm", "fgsm": "embeddings", "pgd": "embeddings",
    "encoder": "encoder", "thesaurus": "moby", "roget": "roget",
    "webster": "webster", "disguises": "disguises", **{name: name for name in EDITS},
}  # fmt: skip
# Attacks by letters that share a kind of edit.
SPELLING = (
    {"characters", "deepwordbug", "textbugger"},
    {"first-letter", "deepwordbug"},
    {"splits", "textbugger"},
    {"look-alikes", "textbugger"},
    *(
        {"disguises", one}
        for one in ("look-alikes", "leet", "splits", "joins", "repeats", "textbugger")
    ),
)
TRAINED: tuple[tuple[dict[str, object], set[str]], ...] = (
    ({}, set()),
    ({"characters": 0.2}, SPELLING[0]),
    ({"adversarial": "pgd"}, {"embeddings"}),
    ({"augment": "masked_lm"}, {"masked_lm"}),
)


def config(held_out: str, attack: str = "wordnet", **distill: object) -> dict[str, object]:
    return {
        "search": {"attack": attack},
        "final": {"held_out": [held_out]},
        "distill": distill,
    }


def refused(settings: dict[str, object]) -> bool:
    try:
        check(from_dict(settings))
    except UserError as error:
        assert "cannot be held out" in str(error)
        return True
    return False


def test_the_table_above_is_of_all_built_in_attacks():
    assert {*READS, "neighbours", "worst-edit", "worst-frame", "worst-vote"} == set(ATTACKS)


@pytest.mark.parametrize("lexicons", [["wordnet"], ["relatives"], ["encoder"]])
def test_what_was_refused_by_names_is_refused_by_families(lexicons: list[str]):
    """The one addition: attacks by letters know each other when the search uses one of them."""
    for attack, held_out, (distill, trained) in product(READS, READS, TRAINED):
        known = {READS[attack], *map(READS.__getitem__, lexicons), *trained}
        same_edits = any({attack, held_out} <= kind for kind in SPELLING)
        settings = config(held_out, attack, **distill) | {"encoding": {"lexicons": lexicons}}
        assert refused(settings) == (READS[held_out] in known or same_edits), settings


def test_an_embedding_attack_of_a_user_is_no_secret_to_pgd_training(scratch_registries):
    ball = Ball("l2", 0.2, 3, 0.1, random_start=False)
    mine = NamedAttack(
        "mine", "an attack", "nowhere", lambda resources, lexicons: EmbeddingAttack("mine", ball),
        white_box=True, families=("embeddings",),
    )  # fmt: skip
    ATTACKS.register(mine)
    check(from_dict(config("mine")))
    with pytest.raises(
        UserError,
        match=r"'mine' cannot be held out: .* embeddings, its kind, distill\.adversarial = 'pgd'",
    ):
        check(from_dict(config("mine", adversarial="pgd")))
    with pytest.raises(UserError, match=r"\(embeddings\), search\.attack = 'fgsm'"):
        check(from_dict(config("mine", "fgsm")))


def test_who_states_no_families_is_not_held_out_and_lets_nothing_be(scratch_registries):
    ATTACKS.register(NamedAttack("mine", "an attack", "nowhere", wire=lambda r, lexicons: None))  # type: ignore[arg-type,return-value]
    try:
        assert families_of("mine") is None
        with pytest.raises(UserError, match="'mine' cannot be held out: it does not state its fam"):
            check(from_dict(config("mine")))
        with pytest.raises(UserError, match=r"search\.attack = 'mine' does not state what"):
            check(from_dict(config("characters", "mine")))
        check(from_dict({"search": {"attack": "mine"}, "final": {"held_out": []}}))
    finally:
        ATTACKS.remove("mine")


def test_a_file_takes_the_place_of_the_lexicon_and_is_a_family_of_its_own(tmp_path):
    file = tmp_path / "words.json"
    file.write_text('{"good": ["fine"]}')
    assert families_of("pwws") == {"wordnet"}
    assert families_of(f"pwws:{file}") == families_of(f"neighbours:{file}") == {f"file:{file}"}
    assert families_of(f"textbugger:{file}") > {"splits", f"file:{file}"}  # reads both
    check(from_dict(config(f"pwws:{file}")))
    assert refused(config(f"pwws:{file}", f"neighbours:{tmp_path}/../{tmp_path.name}/words.json"))


def test_every_entry_states_the_families_of_what_it_reads():
    for name, attack in ATTACKS.items():
        assert attack.families is not None and (attack.families or name == "neighbours"), name
        read = {f for lexicon in attack.lexicons for f in LEXICONS[lexicon].families}
        assert read - {"wordnet-antonyms"} <= set(attack.families), name


def test_default_held_out_attacks_stay_allowed():
    for preset in PRESET_NAMES:
        check(make_config(preset))

"""Words from a masked language model: filters, combinations of pieces, windows, errors."""

from __future__ import annotations

import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
import torch

from rosearch.attacks.constraints.words import not_a_stop_word
from rosearch.attacks.engine import attacked
from rosearch.attacks.goals import UNTARGETED
from rosearch.attacks.methods import load_attacks, models_of, resources_for
from rosearch.attacks.sources import LEXICONS
from rosearch.attacks.sources.masked_lm import Guesses, MaskedLMSource
from rosearch.attacks.sources.masked_lm_model import MOST_PIECES, _Vocabulary, loaded, logits_at
from rosearch.errors import UserError
from rosearch.models.classifier import Classifier
from rosearch.tasks.words import segment

ATTACKS = ("bae", "bert-attack")
TEXTS = ("a gorgeous, witty and unforgettable film", "Dull story; badly acted.")
VICTIM = Classifier.function(lambda texts: [[0.3, 0.7] for _ in texts])


def loads(name, texts, folder):
    return load_attacks(name, resources_for([name], texts, {"masked_lm": folder}))[0]


def options(source, text, position):
    step = source.options(segment(text), position)
    request = next(step)
    with pytest.raises(StopIteration) as stop:
        step.send(request.model(request.items))
    return stop.value.value


@pytest.mark.parametrize("masked", [True, False])
def test_candidates_are_whole_words_of_meaning(tiny_masked_lm, masked):
    source = MaskedLMSource(Guesses(tiny_masked_lm, masked))
    for text in TEXTS:
        words = segment(text).words
        for position in range(len(words)):
            found = options(source, text, position)
            assert len(found) == len(set(found)) <= 50
            for word in found:
                assert segment(word).words == (word,) and not_a_stop_word(word)
                assert word.isalpha() and word.lower() != words[position].lower()
    assert options(source, TEXTS[0], 5)  # "film": a word of one piece always has some


def test_the_masked_word_is_not_seen_and_the_unmasked_one_is(tiny_masked_lm):
    one, other = "a good film", "a awful film"
    hidden, seen = (Guesses(tiny_masked_lm, m) for m in (True, False))
    texts = [(segment(t), 1) for t in (one, other)]
    a, b = hidden(texts)
    assert a == b
    a, b = seen(texts)
    assert a != b


def test_antonyms_are_never_offered(tiny_masked_lm):
    guesses = Guesses(tiny_masked_lm)
    found = options(MaskedLMSource(guesses), "a good film", 1)
    refused = found[:3]
    source = MaskedLMSource(guesses, {"good": refused})
    assert options(source, "a Good film", 1) == found[3:]
    antonyms = LEXICONS["antonyms"].make()
    assert {"bad", "awful"} <= set(antonyms("good")) and "good" not in antonyms("good")
    assert "bad" in antonyms("great")  # through its head "good"
    assert antonyms("film") == ()


def test_combinations_of_pieces_are_capped_and_the_best(tiny_masked_lm):
    model = loaded(tiny_masked_lm)
    how = Guesses(tiny_masked_lm, masked=False, top=10, top_pieces=3)
    logits = torch.randn(MOST_PIECES, len(model.starts), generator=torch.manual_seed(0))
    found = model._joined(logits, how)  # 3 ** 12 combinations, never built
    assert 0 < len(found) <= 10
    # all combinations of two pieces, by hand
    logp, text = logits[:2].log_softmax(-1), model.vocabulary.pieces
    first = logp[0].masked_fill(~model.starts, -torch.inf).topk(3)
    second = logp[1].masked_fill(~model.continues, -torch.inf).topk(3)
    made = [
        (float(a + b), text[i] + text[j])
        for a, i in zip(first.values, first.indices.tolist(), strict=True)
        for b, j in zip(second.values, second.indices.tolist(), strict=True)
    ]
    best = [word for _, word in sorted(made, key=lambda m: -m[0]) if not_a_stop_word(word)]
    assert list(model._joined(logits[:2], how)) == best
    longer = segment("a " + "unforgettable" * 7 + " film")  # one word of many pieces
    assert how([(longer, 1)]) == [()]


def test_logits_at_places_are_those_of_the_whole_model(tiny_masked_lm):
    model = loaded(tiny_masked_lm).model
    ids = torch.randint(1000, 2000, (3, 9), generator=torch.manual_seed(0))
    mask = torch.ones_like(ids)
    rows, positions = torch.tensor([0, 2, 2]), torch.tensor([4, 1, 8])
    with torch.inference_mode():
        whole = model(input_ids=ids, attention_mask=mask).logits
        torch.testing.assert_close(
            logits_at(model, ids, mask, rows, positions), whole[rows, positions]
        )
        torch.testing.assert_close(model(input_ids=ids, attention_mask=mask).logits, whole)


def test_long_texts_are_read_through_a_window(tiny_masked_lm):
    model = loaded(tiny_masked_lm)
    words = ["plot", "good", "film", "bad"] * 2500
    text = segment(" ".join(words))
    for position in (0, 5000, len(words) - 1):
        asked = model._asked(text, position, masked=True)
        assert len(asked.ids) == model.max_length == 64
        assert asked.ids[asked.start] == model.mask_id
        assert asked.ids.count(model.mask_id) == 1
    assert model._asked(text, 5000, True).start == pytest.approx(32, abs=1)
    # a window in the middle reads like the same words alone, without what is far away
    near = segment(" ".join(words[4900:5100]))
    assert model._asked(near, 100, True) == model._asked(text, 5000, True)


STRANGE = ["", "?!", "😀 😀", "שלום עולם", "word " * 2000, "\x00\u200b", "a" * 300, "١٢ 12 x1"]


@pytest.mark.parametrize("name", ATTACKS)
def test_strange_texts_are_handled(name, tiny_masked_lm):
    attack = loads(name, STRANGE, tiny_masked_lm).limited(name, UNTARGETED, 20)
    results = attacked(attack, VICTIM, STRANGE, [1] * len(STRANGE))
    for text, result in zip(STRANGE, results, strict=True):
        assert result.original == text and result.status == "survived"
        assert result.queries <= 20


def test_at_most_40_per_cent_of_the_words_change(tiny_masked_lm):
    text = "gorgeous witty film story actors music plot ending scenes humor"
    # each word that is still there counts a little: every swap helps, none flips
    victim = Classifier.function(
        lambda texts: [
            [1 - p, p]
            for t in texts
            for p in [0.6 + 0.03 * sum(w in t.split() for w in text.split())]
        ]
    )
    changed = {}
    for name in ATTACKS:
        result = attacked(loads(name, [text], tiny_masked_lm), victim, [text], [1])[0]
        changed[name] = len(result.changed)
    assert changed["bert-attack"] == 4 < changed["bae"]


def _attack_in_a_worker(name, resources, text):
    torch.set_num_threads(1)
    (attack,) = load_attacks(name, resources, max_queries=60)
    result = attacked(attack, VICTIM, [text], [1])[0]
    return result.queries, result.perturbed


@pytest.mark.parametrize("name", ATTACKS)
def test_a_kit_is_plain_data_for_workers(name, tiny_masked_lm):
    resources = resources_for([name], TEXTS, {"masked_lm": tiny_masked_lm})
    assert len(pickle.dumps(resources)) < 100_000  # no weights
    source = load_attacks(name, pickle.loads(pickle.dumps(resources)))[0].source
    assert source == load_attacks(name, resources)[0].source  # equal: asked in one batch


@pytest.mark.slow
def test_a_worker_process_runs_the_attacks(tiny_masked_lm):
    resources = resources_for(ATTACKS, TEXTS, {"masked_lm": tiny_masked_lm})
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        for name in ATTACKS:
            there = pool.submit(_attack_in_a_worker, name, resources, TEXTS[0]).result()
            assert there == _attack_in_a_worker(name, resources, TEXTS[0])


def test_a_missing_model_is_named(tiny_body, tmp_path):
    assert "masked_lm" in models_of("wordnet+bae")
    assert models_of("wordnet+characters") == ()
    with pytest.raises(UserError, match="needs a masked language model; give --masked-lm MODEL"):
        resources_for(["wordnet+bae"], TEXTS)
    with pytest.raises(UserError, match="has no masked-language-model head; give a folder or hub"):
        loaded(tiny_body)
    with pytest.raises(UserError, match="cannot load a masked language model from") as error:
        loaded(tmp_path)
    assert "\n" not in str(error.value)


def test_pickled_weights_are_not_read(tiny_masked_lm, tmp_path):
    folder = tmp_path / "pickled"
    shutil.copytree(tiny_masked_lm, folder)
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(UserError, match="are no safetensors but pickles"):
        loaded(folder)


class Tokens:
    """What `_Vocabulary` reads of a tokenizer."""

    def __init__(self, names):
        self.names = names
        self.all_special_tokens = ["<mask>"]

    def __len__(self):
        return len(self.names)

    def get_vocab(self):
        return {name: i for i, name in enumerate(self.names)}

    def convert_ids_to_tokens(self, ids):
        return [self.names[i] for i in ids]

    def convert_tokens_to_string(self, names):
        return "".join(names).replace("Ġ", " ").replace("Ã©", "é")


def test_tokens_are_read_in_every_notation():
    piece = _Vocabulary.of(Tokens(["film", "##s", "the", "##9", ",", "<mask>", "x"]), 9)
    assert piece.words == ("film", "", "", "", "", "", "", "", "")  # two rows without a token
    assert piece.starts.tolist() == [True, False, True, *[False] * 3, True, False, False]
    assert piece.continues.tolist() == [False, True, *[False] * 7]
    bpe = _Vocabulary.of(Tokens(["Ġfilm", "s", "Ġcoupé".replace("é", "Ã©"), "Ġ", "<mask>"]), 5)
    assert bpe.words == ("film", "", "coupé", "", "")
    assert bpe.continues.tolist() == [False, True, False, False, False]

"""Models of many families answer as they do in transformers, whatever they are asked beside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from rosearch.config import TeacherConfig
from rosearch.errors import UserError
from rosearch.export.onnx_model import write_onnx
from rosearch.models.batches import Encoded, model_inputs
from rosearch.models.load import load_classifier
from rosearch.models.onnx_folder import graph_classifier
from rosearch.models.open import open_classifier
from rosearch.models.timing import forward, latency_ms, rows_of_tokens
from rosearch.robustness.evaluate import attack
from rosearch.student.saving import save_student
from rosearch.tasks import Split, Task
from rosearch.teacher.fit import train_classifier
from rosearch.teacher.targets import predict_logits

TEXTS = (
    "good",
    "the film was very good and the plot felt awful and we will return soon",
    "the room was cold",
    "awful " * 14,
    "",
    "good film and good plot",
    "the plot was good",
)
LONG = "good film " * 100
WORDS = sorted({word for text in (*TEXTS, LONG) for word in text.split()})
SIZE = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16,
    "initializer_range": 0.5,
}  # fmt: skip
POSITIONS = 64
LABELS = {"id2label": {0: "neg", 1: "pos"}, "label2id": {"neg": 0, "pos": 1}}
TYPES = ["input_ids", "token_type_ids", "attention_mask"]
BERT, ROBERTA, PLAIN = "[CLS] $A [SEP]", "<s> $A </s>", "$A"
# Model -> what its tokenizer puts around a text, its special tokens with their ids, its config.
BERT_TOKENS = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
}
ROBERTA_TOKENS = {
    "bos_token": "<s>",
    "pad_token": "<pad>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
}
GPT_TOKENS = {"bos_token": "<e>", "eos_token": "<e>", "unk_token": "<e>"}
TWO = {
       "d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2,
       "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "init_std": 0.5,
       "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2,
}  # fmt: skip
AFTER = {
         **SIZE, "max_position_embeddings": POSITIONS + 2, "pad_token_id": 1, "bos_token_id": 0,
         "eos_token_id": 2,
}  # fmt: skip
GPT = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": POSITIONS, "initializer_range": 0.5,
       "bos_token_id": 0, "eos_token_id": 0}  # fmt: skip
FAMILIES = {
    "Bert": (BERT, BERT_TOKENS, SIZE),
    "DistilBert": (BERT, BERT_TOKENS, {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 16,
                                       "initializer_range": 0.5}),
    "Electra": (BERT, BERT_TOKENS, {**SIZE, "embedding_size": 16}),
    "Albert": (BERT, BERT_TOKENS, {**SIZE, "embedding_size": 16, "pad_token_id": 0}),
    "MobileBert": (BERT, BERT_TOKENS, {**SIZE, "embedding_size": 16, "intra_bottleneck_size": 16,
                                       "true_hidden_size": 16, "num_feedforward_networks": 1}),
    "DebertaV2": (BERT, BERT_TOKENS, {**SIZE, "relative_attention": True, "type_vocab_size": 0,
                                      "position_biased_input": False,
                                      "pos_att_type": ["p2c", "c2p"]}),
    "Roberta": (ROBERTA, ROBERTA_TOKENS, {**AFTER, "type_vocab_size": 1}),
    "XLMRoberta": (ROBERTA, ROBERTA_TOKENS, {**AFTER, "type_vocab_size": 1}),
    "MPNet": (ROBERTA, ROBERTA_TOKENS, AFTER),
    "ModernBert": (ROBERTA, ROBERTA_TOKENS, {**SIZE, "pad_token_id": 1, "bos_token_id": 0,
                                             "eos_token_id": 2, "cls_token_id": 0,
                                             "sep_token_id": 2, "initializer_cutoff_factor": 2.0}),
    "XLNet": ("$A:0 [SEP]:0 [CLS]:2", BERT_TOKENS, {
        "d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 16, "initializer_range": 0.5,
        "pad_token_id": 0}),
    "GPT2": (PLAIN, GPT_TOKENS, GPT),
    "Bart": (ROBERTA, ROBERTA_TOKENS, TWO),
    "T5": ("$A </s>", ROBERTA_TOKENS, {
        "d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 2, "num_heads": 2, "pad_token_id": 1,
        "eos_token_id": 2, "decoder_start_token_id": 1, "initializer_factor": 2.0}),
}  # fmt: skip


def tokenizer_of(frame: str, special: dict[str, str], left: bool):
    tokens = list(dict.fromkeys([*special.values(), *WORDS]))
    numbers = {token: i for i, token in enumerate(tokens)}
    made = Tokenizer(models.WordLevel(numbers, unk_token=special["unk_token"]))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    if frame != PLAIN:
        used = [(t, i) for t, i in numbers.items() if t in frame]
        made.post_processor = processors.TemplateProcessing(
            single=frame, pair=frame.replace(":2", ":0") + " $B", special_tokens=used
        )
    names = TYPES if special is BERT_TOKENS else TYPES[::2]
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, model_input_names=names, **special,
        padding_side="left" if left else "right",
    )  # fmt: skip


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request, tmp_path_factory) -> Path:
    return saved(request.param, tmp_path_factory)


def saved(name: str, tmp_path_factory) -> Path:
    """A folder of a tiny model of random weights."""
    frame, special, config = FAMILIES[name]
    tokenizer = tokenizer_of(frame, special, left=name == "XLNet")
    limit = {"max_position_embeddings": POSITIONS} if name in ("Bert", "DistilBert", "Bart") else {}
    made = getattr(transformers, f"{name}Config")(
        vocab_size=len(tokenizer), **LABELS, **limit, **config
    )
    made_in = tmp_path_factory.mktemp(name)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = getattr(transformers, f"{name}ForSequenceClassification")(made)
    model.save_pretrained(made_in)
    tokenizer.save_pretrained(made_in)
    return made_in


def plain(folder: Path, texts: tuple[str, ...]) -> np.ndarray:
    """By transformers alone, one text at a time."""
    auto = transformers.AutoModelForSequenceClassification
    model = auto.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        said = [model(**tokenizer(t, return_tensors="pt")).logits.softmax(-1)[0] for t in texts]
    return torch.stack(said).numpy()


def test_answers_are_those_of_transformers(folder):
    texts = tuple(t for t in TEXTS if t or not folder.name.startswith("GPT2"))
    want = plain(folder, texts)
    assert np.ptp(want[:, 0]) > 0.01, "texts differ"
    found = open_classifier(folder).probabilities(texts)
    assert np.abs(found - want).max() < 1e-4
    one_by_one = [open_classifier(folder).probabilities([text])[0] for text in texts]
    assert np.abs(np.array(one_by_one) - want).max() < 1e-4
    opened = open_classifier(folder)
    logits = predict_logits(opened.module, opened.tokenizer, texts, "float32", 128)
    assert np.abs(torch.tensor(logits).softmax(-1).numpy() - want).max() < 1e-4


def test_long_texts_are_cut_to_what_the_model_takes(folder):
    classifier = open_classifier(folder)
    assert np.isfinite(classifier.probabilities([LONG])).all()
    assert np.isfinite(
        predict_logits(classifier.module, classifier.tokenizer, [LONG], "float32", 512)
    ).all()


def test_everything_else_of_a_run_takes_it(folder):
    classifier = open_classifier(folder)
    assert latency_ms(classifier.model) > 0
    split = Split(TEXTS[:4], (0, 1, 0, 1))
    task = Task("toy", ("neg", "pos"), split, split, split)
    assert attack(folder, task, attacks=("characters",), similarity=False).counts
    try:
        attack(folder, task, attacks=("fgsm",), similarity=False)
    except UserError as error:
        assert "choose an attack on words" in str(error)


@pytest.mark.parametrize("name", ["GPT2", "XLNet"])
def test_what_is_trained_in_batches_answers_alike_alone(name, tmp_path_factory, tmp_path):
    folder = saved(name, tmp_path_factory)
    split = Split(("good film", "awful awful plot", "good", "the room was awful") * 8, (1, 0) * 16)
    task = Task("toy", ("neg", "pos"), split, split, split)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model, tokenizer = load_classifier(folder, 2)
        config = TeacherConfig(epochs=6, learning_rate=1e-2, batch_size=8, precision="float32")
        train_classifier(model, tokenizer, task, config, 0)
    save_student(model, tokenizer, tmp_path / "trained")
    trained = open_classifier(tmp_path / "trained")
    assert trained.correct(split.texts, split.labels).all(), "as it is read when it is asked"
    assert trained.tokenizer.pad_token_id == trained.module.config.pad_token_id is not None


@pytest.mark.parametrize("name", ["Bart", "XLNet"])
def test_graphs_answer_alike(name, tmp_path_factory, tmp_path):
    folder = saved(name, tmp_path_factory)
    original = open_classifier(folder)
    write_onnx(original.module, tmp_path / "model.onnx", original.reads_types("good"))
    graph = graph_classifier(tmp_path / "model.onnx", original.tokenizer, original.module.config)
    assert np.abs(graph.probabilities(TEXTS) - plain(folder, TEXTS)).max() < 1e-4
    assert forward(graph, rows_of_tokens(graph.tokenizer, TEXTS, 2))() is not None


def test_padding_on_the_left():
    batch = [Encoded([5, 6, 7], [0, 0, 2]), Encoded([8], [2])]
    inputs = model_inputs(batch, 9, left=True)
    assert inputs["input_ids"].tolist() == [[5, 6, 7], [9, 9, 8]]
    assert inputs["attention_mask"].tolist() == [[1, 1, 1], [0, 0, 1]]
    assert inputs["token_type_ids"].tolist() == [[0, 0, 2], [0, 0, 2]]

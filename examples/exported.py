"""A folder of `rosearch export --format onnx` or `int8` without RoSearch and torch.

pip install numpy onnxruntime tokenizers
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer


class Exported:
    """Texts, or pairs of texts, to probabilities; the model reads as RoSearch has it read.

    Attributes:
        labels: names in the order of the probabilities.
    """

    def __init__(self, folder: str) -> None:
        self.tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
        self.tokenizer.enable_truncation(512)
        config = json.loads(Path(folder, "config.json").read_text(encoding="utf-8"))
        self.labels = [config["id2label"][str(i)] for i in range(len(config["id2label"]))]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(f"{folder}/model.onnx", options)
        self.read = str  # of students that read, the code and the words lie beside the model
        if Path(folder, "reader.json").is_file():
            sys.path.insert(0, folder)
            from reader import Reader

            self.read = Reader.load(f"{folder}/reader.json")

    def __call__(self, texts: Sequence[str | tuple[str, str]]) -> np.ndarray:
        """Probabilities (N, C): one text at a time, as int8 depends on the texts beside it."""
        return np.stack([self._one(text) for text in texts])

    def _one(self, text: str | tuple[str, str]) -> np.ndarray:
        parts = (text,) if isinstance(text, str) else text
        encoded = self.tokenizer.encode(*map(self.read, parts))
        known = (encoded.ids, encoded.attention_mask, encoded.type_ids)
        names = ("input_ids", "attention_mask", "token_type_ids")
        feed = {n: np.array([ids], dtype=np.int64) for n, ids in zip(names, known, strict=True)}
        asked = [taken.name for taken in self.session.get_inputs()]
        logits = self.session.run(["logits"], {name: feed[name] for name in asked})[0][0]
        shifted = np.exp(logits - logits.max())
        return shifted / shifted.sum()

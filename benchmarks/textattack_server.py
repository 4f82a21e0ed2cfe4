"""TextAttack's attacks, run by attack_speed.py and textattack_protocol.py under an interpreter of
its own.

Reads one JSON request a line from stdin, and answers each with one line of JSON:

    {"victim": FOLDER, "padding": "shipped" | "length 64" | "batch", "texts": [...],
     "labels": [...], "stop_words": [...], "recipe": "wordnet" | "pwws" | "deepwordbug"}
    {"seconds": WALL, "cpu": CPU SECONDS, "results": [{"status", "perturbed", "queries"}, ...]}

Models are loaded and WordNet is opened before the clock starts. NLTK_DATA must name a folder with
WordNet in it. Nothing of rosearch is imported here but the code that a saved student carries: its
model, and the reader of students that read.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import nltk
import numpy as np
import torch
import transformers

nltk.download = lambda *a, **k: False  # on import, TextAttack asks a site that may not be reachable

from textattack import Attack  # noqa: E402
from textattack.attack_recipes import DeepWordBugGao2018, PWWSRen2019  # noqa: E402
from textattack.constraints.pre_transformation import (  # noqa: E402
    RepeatModification,
    StopwordModification,
)
from textattack.goal_functions import UntargetedClassification  # noqa: E402
from textattack.models.wrappers import HuggingFaceModelWrapper  # noqa: E402
from textattack.search_methods import GreedyWordSwapWIR  # noqa: E402
from textattack.transformations import WordSwapWordNet  # noqa: E402

# Saved students are code for transformers 5, which renamed this class.
sys.modules["transformers"].PreTrainedConfig = transformers.PretrainedConfig

STATUS = {"Skipped": "skipped", "Successful": "flipped", "Failed": "survived"}


class PaddedPerBatch(HuggingFaceModelWrapper):
    """TextAttack's wrapper, but texts are read first where the student reads, and a batch is padded
    to its longest text."""

    read = staticmethod(str)

    def __call__(self, text_input_list: list[str]) -> torch.Tensor:
        texts = [self.read(text) for text in text_input_list]
        inputs = self.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        with torch.no_grad():
            return self.model(**inputs).logits


@lru_cache(maxsize=4)
def classifier(folder: str) -> Any:
    """The model of a folder."""
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        folder, trust_remote_code=True, local_files_only=True
    )
    return model.eval()


def wrapped(folder: str, padding: str) -> HuggingFaceModelWrapper:
    """A victim as TextAttack ships it (padded to the tokenizer's maximum), or with less padding."""
    settings = json.loads((Path(folder) / "tokenizer_config.json").read_text(encoding="utf-8"))
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(Path(folder) / "tokenizer.json"),
        pad_token=settings["pad_token"],
        model_max_length=64 if padding == "length 64" else settings["model_max_length"],
        model_input_names=["input_ids", "attention_mask"],
    )
    kind = PaddedPerBatch if padding == "batch" else HuggingFaceModelWrapper
    made = kind(classifier(folder), tokenizer)
    if (Path(folder) / "reader.json").exists():
        if padding != "batch":
            raise SystemExit(f"{folder} reads its texts: ask with padding per batch")
        sys.path.insert(0, folder)  # transformers 4 can't load its tokenizer; its reader needs none
        made.read = import_module("reader").Reader.load(Path(folder) / "reader.json")
    return made


def attack_of(request: dict[str, Any]) -> Attack:
    """The attack of a request; the recipes of TextAttack get the request's stop words, too."""
    victim = wrapped(request["victim"], request["padding"])
    stop = StopwordModification(stopwords=request["stop_words"])
    if request.get("recipe", "wordnet") == "wordnet":
        goal, search = UntargetedClassification(victim), GreedyWordSwapWIR(wir_method="delete")
        return Attack(goal, [RepeatModification(), stop], WordSwapWordNet(), search)
    recipe = {"pwws": PWWSRen2019, "deepwordbug": DeepWordBugGao2018}[request["recipe"]]
    made = recipe.build(victim)
    own = [c for c in made.pre_transformation_constraints if not isinstance(c, type(stop))]
    made.pre_transformation_constraints = [*own, stop]
    return made


def run(request: dict[str, Any]) -> dict[str, Any]:
    """Attack the texts of a request, one after the other."""
    attack = attack_of(request)
    random.seed(0)  # of deepwordbug: which letter, and which other
    np.random.seed(0)
    results = []
    wall, cpu = time.perf_counter(), time.process_time()
    for text, label in zip(request["texts"], request["labels"], strict=True):
        result = attack.attack(text, label)
        name = type(result).__name__.removesuffix("AttackResult")
        results.append(
            {
                "status": STATUS[name],
                "perturbed": result.perturbed_text(),
                "queries": int(result.num_queries),
            }
        )
    return {
        "seconds": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "results": results,
    }


def main() -> None:
    """Answer requests until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    sys.stdout = sys.stderr  # libraries print, too
    torch.set_num_threads(1)
    WordSwapWordNet()._get_replacement_words("film")  # opens WordNet
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()

"""Whether a student that reads says the same wherever it is loaded, attacked texts included.

    python benchmarks/agreement.py runs/mr-.../students/ID --task mr --json agreement.json

The texts are `--clean` of the test split and as many that attacks on the student have changed, each
way of changing them having an equal share where it has as many. The folder is asked in four ways,
the latter three in processes of their own that cannot import what they must do without: by
rosearch; by `pipeline` of transformers with `trust_remote_code=True`, without rosearch; and the
ONNX and int8 exports by onnxruntime, tokenizers and the exported reader alone. Token ids have to be
equal, probabilities of all but int8, too, but for rounding; exits with 1 where they are not.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from common import commit
from results_search import call

from rosearch.config import TaskConfig
from rosearch.models.batches import takes_types, tokenized
from rosearch.models.classifier import Classifier
from rosearch.models.open import open_classifier
from rosearch.results.summary import versions
from rosearch.tasks.named import task_of
from rosearch.types import Json

ATTACKS = (
    *("characters", "first-letter", "two-edits", "phonetic", "leet", "splits", "repeats"),
    *("look-alikes", "real-words", "wordnet"),
)
MAX_TOKENS = 512
APART = 1e-5  # of probabilities in float32

START = """import json, sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ImportError(f"{name} has to be done without")
folder, texts = sys.argv[1], json.load(open(sys.argv[2], encoding="utf-8"))
"""
BY_TRANSFORMERS = """BLOCKED = {"rosearch"}
sys.meta_path.insert(0, Without())
from transformers import pipeline
ask = pipeline("text-classification", model=folder, trust_remote_code=True, top_k=None)
names, found = ask.model.config.id2label, {"ids": [], "probabilities": []}
for text in texts:
    found["ids"].append(ask.tokenizer(text, truncation=True)["input_ids"])
    said = {one["label"]: one["score"] for one in ask([text], truncation=True)[0]}
    found["probabilities"].append([said[names[i]] for i in range(len(names))])
"""
BY_ONNXRUNTIME = """BLOCKED = {"rosearch", "transformers", "torch"}
sys.meta_path.insert(0, Without())
import numpy as np
import onnxruntime
from tokenizers import Tokenizer
sys.path.insert(0, folder)
from reader import Reader
read = Reader.load(f"{folder}/reader.json")
tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
tokenizer.enable_truncation(MAX_TOKENS)
session = onnxruntime.InferenceSession(f"{folder}/model.onnx", providers=["CPUExecutionProvider"])
asked, found = [taken.name for taken in session.get_inputs()], {"ids": [], "probabilities": []}
for text in texts:
    one = tokenizer.encode(read(text))
    known = {"input_ids": one.ids, "attention_mask": one.attention_mask,
             "token_type_ids": one.type_ids}
    feed = {name: np.array([known[name]], dtype=np.int64) for name in asked}
    logits = session.run(["logits"], feed)[0][0].astype(float)
    odds = np.exp(logits - logits.max())
    found["ids"].append(one.ids)
    found["probabilities"].append((odds / odds.sum()).tolist())
""".replace("MAX_TOKENS", str(MAX_TOKENS))
END = 'json.dump(found, open(sys.argv[3], "w"))\n'


def changed_texts(student: Path, task: str, n: int, folder: Path) -> list[str]:
    """Texts that attacks on the student have changed, flipped or not."""
    found: list[str] = []
    more: list[str] = []  # where an attack has few texts, of those that have many
    share = -(-n // len(ATTACKS))
    for attack in ATTACKS:
        out = folder / f"{attack}.jsonl"
        words = ["--task", task, "--attack", attack, "--n", 3 * share, "--no-similarity"]
        call("attack", student, *words, "--json", "--jsonl", out)
        lines = map(json.loads, out.read_text(encoding="utf-8").splitlines())
        changed = [one["perturbed"] for one in lines if one["perturbed"] != one["original"]]
        found, more = found + changed[:share], more + changed[share:]
        print(f"{attack}: {len(changed[:share])} texts", file=sys.stderr)
    return [*found, *more][:n]


def elsewhere(code: str, model: Path, texts: Path, folder: Path) -> Json:
    """What a process of its own finds: token ids and probabilities."""
    out = folder / "said.json"
    env = {**os.environ, "HF_MODULES_CACHE": str(folder / "modules"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", START + code + END, str(model), str(texts), str(out)]
    subprocess.run(command, check=True, env=env, stdout=subprocess.DEVNULL)
    found: Json = json.loads(out.read_text(encoding="utf-8"))
    return found


def here(student: Classifier, texts: Sequence[str]) -> Json:
    """The same by rosearch."""
    types = takes_types(student.model, student.tokenizer)
    encoded = tokenized(student.tokenizer, texts, MAX_TOKENS, types)
    return {
        "ids": [list(ids) for ids, _ in encoded],
        "probabilities": student.probabilities(texts),
    }


def compared(found: Json, ours: Json) -> Json:
    """How many texts have equal token ids and labels, and how far probabilities are apart."""
    mine, theirs = (np.array(one["probabilities"]) for one in (ours, found))
    same = sum(a == b for a, b in zip(found["ids"], ours["ids"], strict=True))
    return {
        "same_ids": same,
        "same_labels": int((mine.argmax(1) == theirs.argmax(1)).sum()),
        "apart": float(np.abs(mine - theirs).max()),
    }


def main() -> None:
    """Ask in all ways, print and write how they agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("student", type=Path, help="folder of a student that reads")
    parser.add_argument("--task", default="mr", help="a built-in task")
    parser.add_argument("--clean", type=int, default=1000, help="texts; as many attacked ones")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if not (arguments.student / "reader.json").exists():
        parser.error(f"{arguments.student} is no student that reads: it has no reader.json")
    task = task_of(TaskConfig(arguments.task), 0, aloud=False)
    clean = [str(text) for text in task.test.sample(arguments.clean).texts]
    with tempfile.TemporaryDirectory() as place:
        folder, student = Path(place), open_classifier(arguments.student)
        changed = changed_texts(arguments.student, arguments.task, len(clean), folder)
        texts = [*clean, *changed]
        (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
        ours, ways = here(student, texts), {"pipeline, without rosearch": arguments.student}
        for form in ("onnx", "int8"):
            ways[form] = folder / form
            call("export", arguments.student, "--format", form, "--out", folder / form)
        found = {}
        for way, model in ways.items():
            code = BY_ONNXRUNTIME if way in ("onnx", "int8") else BY_TRANSFORMERS
            said = elsewhere(code, model, folder / "texts.json", folder)
            found[way] = compared(said, ours)
            print(f"{way}: {json.dumps(found[way])}, of {len(texts)} texts", flush=True)
    result = {
        "commit": commit(), "versions": versions(), "clean": len(clean),
        "attacked": len(changed), "ways": found,
    }  # fmt: skip
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    right = all(one["same_ids"] == len(texts) for one in found.values())
    close = all(one["apart"] < APART for way, one in found.items() if way != "int8")
    if not (right and close):
        raise SystemExit("they do not agree")


if __name__ == "__main__":
    main()

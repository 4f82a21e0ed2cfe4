"""An exported student as a victim of OpenAttack: `Student("model/")` is the victim, and

python examples/openattack_model.py model/ texts.jsonl      # lines {"text": ..., "label": NUMBER}

attacks the texts. pip install OpenAttack onnxruntime; of its attackers, some fetch data of their
own, and AttackEval does.
"""

import json
import sys
from pathlib import Path

import OpenAttack
from exported import Exported


class Student(OpenAttack.Classifier):
    """What OpenAttack asks: texts to labels and to probabilities (N, C)."""

    def __init__(self, folder):
        self.model = Exported(folder)

    def get_pred(self, texts):
        return self.get_prob(texts).argmax(axis=1)

    def get_prob(self, texts):
        return self.model(texts)


if __name__ == "__main__":
    victim, attacker = Student(sys.argv[1]), OpenAttack.attackers.VIPERAttacker()
    for line in Path(sys.argv[2]).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        right = victim.get_pred([row["text"]])[0] == row["label"]
        found = (
            attacker(victim, {"x": row["text"]}) if right else None
        )  # a text that fools it, or None
        print("fell" if found else "stands" if right else "was wrong", found or "", sep="\t")

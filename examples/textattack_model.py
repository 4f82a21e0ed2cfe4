"""An exported student as a victim of TextAttack: `Student("model/")` is the wrapper, and

python examples/textattack_model.py model/ texts.jsonl      # lines {"text": ..., "label": NUMBER}

attacks the texts. In TextAttack's own environment (benchmarks/textattack-requirements.txt) with
onnxruntime; of its recipes, some fetch data of their own.
"""

import json
import sys
from pathlib import Path

from exported import Exported
from textattack import Attack
from textattack.constraints.pre_transformation import RepeatModification
from textattack.goal_functions import UntargetedClassification
from textattack.models.wrappers import ModelWrapper
from textattack.search_methods import GreedyWordSwapWIR
from textattack.transformations import WordSwapNeighboringCharacterSwap


class Student(ModelWrapper):
    """What TextAttack asks: texts, or tuples of texts, to scores (N, C)."""

    def __init__(self, folder):
        self.model = Exported(folder)

    def __call__(self, texts, **_):
        return self.model(texts)


if __name__ == "__main__":
    goal, search = UntargetedClassification(Student(sys.argv[1])), GreedyWordSwapWIR()
    attack = Attack(goal, [RepeatModification()], WordSwapNeighboringCharacterSwap(), search)
    for line in Path(sys.argv[2]).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found = attack.attack(row["text"], row["label"])
        print(type(found).__name__, found.perturbed_text(), sep="\t")

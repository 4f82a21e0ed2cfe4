"""An exported student as a model of MLflow (flavour `pyfunc`), with signature and example:

python examples/mlflow_model.py model/ mlflow-model/     # rosearch[mlflow] or mlflow; onnxruntime
mlflow models predict -m mlflow-model/ -i rows.json      # rows with a column `text`
"""

import sys
from importlib.metadata import version
from pathlib import Path

import mlflow
import pandas as pd
from exported import Exported
from mlflow.models import infer_signature, set_model

EXAMPLE = pd.DataFrame({"text": ["A gorgeous, witty film.", "Dull and slow."]})


class Student(mlflow.pyfunc.PythonModel):
    """Rows of a table to their label and the probability of each; a pair has `text_pair`, too."""

    def load_context(self, context):
        self.model = Exported(context.artifacts["folder"])

    def predict(self, context, model_input, params=None):
        columns = [name for name in ("text", "text_pair") if name in model_input]
        rows = model_input[columns].itertuples(index=False, name=None)
        texts = [row if len(row) == 2 else row[0] for row in rows]
        found = pd.DataFrame(self.model(texts), columns=self.model.labels)
        return found.assign(label=found.idxmax(axis=1))


set_model(Student())  # the code is what MLflow keeps: nothing is pickled

if __name__ == "__main__":
    folder, out = sys.argv[1:]
    found = pd.DataFrame(Exported(folder)(list(EXAMPLE["text"])), columns=Exported(folder).labels)
    mlflow.pyfunc.save_model(
        out,
        python_model=__file__,
        artifacts={"folder": folder},
        code_paths=[str(Path(__file__).with_name("exported.py"))],
        signature=infer_signature(EXAMPLE, found.assign(label=found.idxmax(axis=1))),
        input_example=EXAMPLE,
        pip_requirements=[f"{name}=={version(name)}" for name in ("onnxruntime", "tokenizers")],
    )

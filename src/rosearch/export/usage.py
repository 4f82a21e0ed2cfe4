"""How an exported folder is loaded: code for its model card that runs as it stands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rosearch.types import Text, parts

if TYPE_CHECKING:
    from rosearch.models.classifier import Classifier

EXAMPLES = ("A gorgeous, witty film.", "Dull and slow.")
PAIRS = (
    ("A man plays the guitar on a stage.", "Somebody makes music."),
    ("A man plays the guitar on a stage.", "Nobody is there."),
)

HF_SNIPPET = """{first}from transformers import pipeline

classify = pipeline("text-classification", model=".")  # the folder of this file
print(classify({example}))
"""
ONNX_SNIPPET = """import json{system}

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

folder = "."  # of this file
tokenizer = Tokenizer.from_file(f"{{folder}}/tokenizer.json")
tokenizer.enable_truncation({max_tokens})
tokenizer.enable_padding(pad_id={pad_id}, pad_token={pad_token})
{reader}with open(f"{{folder}}/config.json", encoding="utf-8") as file:
    labels = json.load(file)["id2label"]
session = onnxruntime.InferenceSession(
    f"{{folder}}/model.onnx", providers=["CPUExecutionProvider"]
)

for text in [
    {first},
    {second},
]:
    encoded = tokenizer.encode_batch([{read}])
    known = {{
        "input_ids": [e.ids for e in encoded],
        "attention_mask": [e.attention_mask for e in encoded],
        "token_type_ids": [e.type_ids for e in encoded],
    }}
    asked = [taken.name for taken in session.get_inputs()]
    feed = {{name: np.array(known[name], dtype=np.int64) for name in asked}}
    logits = session.run(["logits"], feed)[0]
    print(labels[str(logits[0].argmax())], logits[0])
"""

# Of students that read texts before their tokens; `reader*.py` need only the standard library.
READER = """sys.path.insert(0, folder)
from reader import Reader

read = Reader.load(f"{folder}/reader.json")  # corrects words: the model never sees a text as it is
"""


def usage(form: str, pairs: bool, original: Classifier) -> str:
    """The section of the card.

    Args:
        form: `hf`, or else the folder has an ONNX file.
        pairs: whether the model reads pairs of texts.
    """
    tokenizer = original.tokenizer
    examples = PAIRS if pairs else EXAMPLES
    if form == "hf":
        student = original.module.config.model_type == "rosearch-student"
        first = "import rosearch  # or leave it out and add trust_remote_code=True below\n"
        code = HF_SNIPPET.format(first=first if student else "", example=_for_pipeline(examples[0]))
        needs = "transformers >= 5.12" + (" and rosearch" if student else "")
    else:
        reads = hasattr(tokenizer, "reader")
        text = "tuple(map(read, text))" if pairs else "read(text)"
        code = ONNX_SNIPPET.format(
            system="\nimport sys" if reads else "",
            reader=READER if reads else "",
            read=text if reads else "text",
            max_tokens=min(512, tokenizer.model_max_length),
            pad_id=tokenizer.pad_token_id or 0,
            pad_token=json.dumps(tokenizer.pad_token or "[PAD]"),
            first=_literal(examples[0]),
            second=_literal(examples[1]),
        )
        needs = "onnxruntime, tokenizers and numpy"
    return f"""
## How to load

Needs {needs}.

```python
{code.strip()}
```
"""


def _literal(text: Text) -> str:
    """A text, or a pair, as Python writes it; `json` for double quotes."""
    listed = ", ".join(map(json.dumps, parts(text)))
    return listed if isinstance(text, str) else f"({listed})"


def _for_pipeline(text: Text) -> str:
    if isinstance(text, str):
        return _literal(text)
    return json.dumps(dict(zip(("text", "text_pair"), text, strict=True)))

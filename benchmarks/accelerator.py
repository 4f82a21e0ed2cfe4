"""What an accelerator changes: no answer, and how long everything takes.

    python benchmarks/accelerator.py --json accelerator.json        # CUDA; three minutes or so
    python benchmarks/accelerator.py --device cpu --quick           # the same steps, anywhere

Equality: logits of students of every kind and of the teacher in float32, on the CPU and on the
device, at most `APART` apart relative to the largest; an attack on both finds the same. Speed: the
teacher's training in bf16 and its outputs, eight students trained and attacked at once by eight
workers that share the device, attacks; `pytest -m gpu` ends it. Every ratio is the CPU's seconds by
the device's, on one machine: the teacher has all of its cores, a student one, as a worker of a
search has. The file is written after every step; a step that fails is told and does not keep others
from running, and one that the time does not allow is left out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import commit

from rosearch.attacks.engine import attacked
from rosearch.attacks.result import AttackResult
from rosearch.config import RunConfig, TeacherConfig, make_config
from rosearch.distill.train import train_student
from rosearch.encodings.reading import Reading
from rosearch.encodings.synonym import Synonym
from rosearch.encodings.words import WORDS
from rosearch.evaluation.context import Context
from rosearch.executors import make_executor
from rosearch.io import resources
from rosearch.io.threads import one_thread
from rosearch.models.batches import model_inputs, tokenized
from rosearch.models.classifier import Classifier
from rosearch.models.device import to_device
from rosearch.models.load import load_classifier
from rosearch.results.summary import machine, versions
from rosearch.run.prepare import prepare
from rosearch.space.defences import INFERENCE_DEFENCES
from rosearch.space.genotype import POOLINGS, POSITIONS, Genotype, Node
from rosearch.space.ops import OPS
from rosearch.space.presets import preset
from rosearch.student.build import build_student
from rosearch.student.model import StudentForSequenceClassification
from rosearch.tasks import Task, load_task
from rosearch.teacher.fit import train_classifier
from rosearch.teacher.targets import predict_logits
from rosearch.types import Candidate, Fidelity, Job, Text

ROOT = Path(__file__).parents[1]
APART = 1e-4  # of logits, relative to the largest
TEST_SECONDS = 100  # of the tests that need an accelerator, which come last
ALIKE = 0.98  # share of attacked texts of which both devices have to find the same
SYNONYM = Synonym()  # that of the presets
STUDENTS = (
    "textcnn", "bilstm", "transformer1", "sepconv",
    "bag-synonym", "textcnn-synonym", "votes", "frame-conv",
)  # fmt: skip
MISSPELT = ("a gr8 fi1m with b e a u t i f u l pictures", "Thє actinggg is aw-ful , teh plot wrose")
Json = dict[str, Any]


@dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    train: int  # texts; teacher and students read each once
    measured: int  # texts of the other splits, at most
    steps: int  # of the teacher on the CPU
    outputs: int  # texts that the teacher is asked about
    students: int
    attacked: int  # texts, of students; of the teacher a quarter


WHOLE, QUICK = Sizes(100_000, 100_000, 12, 2000, 8, 400), Sizes(200, 60, 1, 30, 2, 8)


def kinds() -> Iterator[tuple[str, Genotype]]:
    """Students of every kind: operations, poolings, positions, encodings, votes, frames, readings
    step by step, inference-time defences."""
    for i, op in enumerate(OPS):
        node = Node((0,), op, norm="layer", activation="gelu")
        pooling, position = POOLINGS[i % len(POOLINGS)], POSITIONS[i % len(POSITIONS)]
        yield op, Genotype(32, 64, (node,), position=position, pooling=pooling)
    bag, cnn = preset("bag"), preset("textcnn")
    yield "synonym", replace(cnn, coding=SYNONYM)
    yield "words", replace(bag, coding=WORDS, embedding_dim=64)
    for name in ("votes", "frame-conv", "frame-bilstm"):
        yield name, preset(name)
    steps = Reading().steps
    for step in steps:
        yield f"reading {step}", replace(bag, reading=Reading(**{s: s == step for s in steps}))
    yield "reading", replace(cnn, coding=SYNONYM, reading=Reading())
    for name in INFERENCE_DEFENCES:
        yield name, replace(cnn, defence=INFERENCE_DEFENCES[name]())


class Bench:
    """What the steps share; each is a method that returns its part of the file."""

    def __init__(self, device: str, sizes: Sizes, scratch: Path, seed: int) -> None:
        self.device, self.sizes, self.scratch, self.seed = device, sizes, scratch, seed
        self.task = cut(load_task("mr"), sizes)
        self.folder = scratch / "teacher"

    def teacher_training(self) -> Json:
        """Seconds a text of fine-tuning: bf16 on the device, what is fastest on the CPU."""
        config = TeacherConfig(epochs=1, precision="bf16")
        few = replace(config, train_share=64 / len(self.task.train))
        self._fine_tuned(few, self.device)  # libraries are loaded, kernels chosen
        seconds, model, tokenizer = self._fine_tuned(config, self.device)
        model.cpu().save_pretrained(self.folder)
        tokenizer.save_pretrained(self.folder)
        share = self.sizes.steps * config.batch_size / len(self.task.train)
        short = replace(config, train_share=share, precision="auto")
        here = self._fine_tuned(short, "cpu")[0] / self._texts(short)
        there = seconds / self._texts(config)
        split = self.task.test
        said = predict_logits(to_device(model, self.device), tokenizer, split.texts, "bf16", 128)
        return {
            "texts": self._texts(config), "seconds": seconds,
            "test_accuracy": float(np.mean(said.argmax(1) == np.asarray(split.labels))),
            **ratio(here, there, "texts_per_second"),
        }  # fmt: skip

    def teacher_logits(self) -> Json:
        """The teacher in float32 on both, and its outputs in bf16 on the device."""
        texts = self.task.train.texts[: self.sizes.outputs]
        model, tokenizer = load_classifier(self.folder)
        here, seconds = timed(lambda: predict_logits(model, tokenizer, texts, "float32", 128))
        to_device(model, self.device)
        there = predict_logits(model, tokenizer, texts, "float32", 128)
        found = {"texts": len(texts), "apart": apart(here, there)}
        found["wrong"] = not found["apart"] <= APART
        predict_logits(model, tokenizer, texts, "bf16", 128)
        rough, fast = timed(lambda: predict_logits(model, tokenizer, texts, "bf16", 128))
        agree = float(np.mean(rough.argmax(1) == here.argmax(1)))
        rates = ratio(seconds / len(texts), fast / len(texts), "texts_per_second")
        return {**found, "bf16_agrees": agree, **rates}

    @cached_property
    def context(self) -> Context:
        """Of a search on the device, with the teacher of this script."""
        config = self._config()
        students = [*(g for _, g in kinds()), *map(preset, STUDENTS)]
        codings = list({g.encoding_key: g.coding for g in students}.values())
        return prepare(config, self.task, codings, students).context

    def preparation(self) -> Json:
        """Seconds until students can be trained, beside the teacher's."""
        return {"seconds": timed(lambda: self.context)[1]}

    def student_logits(self) -> Json:
        """How far logits of each kind lie apart, relative to the largest."""
        texts = [*MISSPELT, *self.task.validation.texts[:62], ""]
        rng = torch.Generator().manual_seed(self.seed)
        found = {name: self._logits_apart(g, texts, rng) for name, g in kinds()}
        wrong = [name for name, value in found.items() if not value <= APART]
        most = max(found.values())
        return {"students": len(found), "most_apart": most, "wrong": wrong, "apart": found}

    def eight_students(self) -> Json:
        """Students trained and attacked at once, one worker each, and one of them alone."""
        count = self.sizes.students
        context = self.context
        there = self._all_at_once(context, count)
        alone = self._all_at_once(context, 1)
        cpu = replace(context, distill=replace(context.distill, device="cpu"))
        here = self._all_at_once(cpu, count)
        one_by_one = count * alone["seconds"]
        return {
            "students": list(STUDENTS[:count]), "device": there, "one_alone": alone, "cpu": here,
            "together": one_by_one / there["seconds"], "ratio": here["seconds"] / there["seconds"],
        }  # fmt: skip

    def attack(self) -> Json:
        """Attacks on a student and on the teacher: the same results, and queries a second."""
        plan = Fidelity(1, 1.0, 0, ())
        context, cnn = self.context, preset("textcnn")
        student = train_student(cnn, context.train, context.distill, plan, self.seed)
        victims = {
            "textcnn": (student, context.train.tokenizer(cnn), self.sizes.attacked),
            "teacher": (*load_classifier(self.folder), max(4, self.sizes.attacked // 4)),
        }
        found = {name: self._attacked(*victim, name) for name, victim in victims.items()}
        return {**found, "wrong": [name for name, one in found.items() if not one["same"] >= ALIKE]}

    def _attacked(self, model: Any, tokenizer: Any, n: int, name: str) -> Json:
        split = self.task.validation.sample(n)
        (attack,) = self.context.attacks("wordnet")

        def run(device: str) -> tuple[list[AttackResult], float, int]:
            victim = Classifier.of(to_device(model, device), tokenizer)
            attacked(attack, victim, split.texts[:2], split.labels[:2])
            victim = Classifier.of(model, tokenizer)
            results, seconds = timed(lambda: attacked(attack, victim, split.texts, split.labels))
            return results, seconds, victim.network.passes

        there, fast, passes = run(self.device)
        if name == "teacher":
            here, slow, _ = run("cpu")
        else:
            with one_thread():
                here, slow, _ = run("cpu")
        same = np.mean([a.status == b.status and a.perturbed == b.perturbed
                        for a, b in zip(here, there, strict=True)])  # fmt: skip
        queries = sum(r.queries for r in there)
        found = {"texts": n, "queries": queries, "passes": passes, "same": float(same)}
        return found | ratio(slow / queries, fast / queries, "queries_per_second")

    def _fine_tuned(self, config: TeacherConfig, device: str) -> tuple[float, Any, Any]:
        """Seconds of training a teacher, and the teacher with its tokenizer."""
        torch.manual_seed(self.seed)
        model, tokenizer = load_classifier(resources.fetch("minilm"), self.task.classes)
        model.config.id2label = dict(enumerate(self.task.label_names))
        model.config.label2id = {name: i for i, name in enumerate(self.task.label_names)}
        model.get_input_embeddings().weight.requires_grad = False
        to_device(model, device)
        train = lambda: train_classifier(model, tokenizer, self.task, config, self.seed)  # noqa: E731
        return timed(train)[1], model, tokenizer

    def _texts(self, config: TeacherConfig) -> int:
        return round(config.train_share * len(self.task.train))

    def _config(self) -> RunConfig:
        return make_config(
            "quick",
            overrides={
                "teacher": {"name": str(self.folder), "fine_tune": False, "weak": "keep",
                            "device": self.device},
                "encoding": {"lexicons": ["wordnet"], "tolerances": [SYNONYM.tolerance]},
                "distill": {"device": self.device},
                "search": {"attack": "wordnet", "attacked": self.sizes.attacked // 4},
                "final": {"held_out": []},
            },
        )  # fmt: skip

    def gpu_tests(self) -> Json:
        """The tests that need an accelerator, as far as they get."""
        if self.device == "cpu":
            return {"left_out": "no accelerator"}
        command = [sys.executable, "-m", "pytest", "-m", "gpu", "-p", "no:cacheprovider"]
        try:
            done = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, timeout=TEST_SECONDS
            )
        except subprocess.TimeoutExpired:
            return {"left_out": f"not through after {TEST_SECONDS} s"}
        last = done.stdout.strip().splitlines()[-1:]
        return {"told": last, **({"wrong": done.stdout[-2000:]} if done.returncode else {})}

    def _student(self, g: Genotype, rng: torch.Generator) -> StudentForSequenceClassification:
        """A student all of whose weights say something."""
        data = self.context.train
        own = data.read_by(g)
        model = build_student(g, own.vocabulary, data.label_names, self.seed, own.embedding)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 0.05 * torch.randn(parameter.shape, generator=rng)
        return model.eval()

    def _logits_apart(self, g: Genotype, texts: Sequence[Text], rng: torch.Generator) -> float:
        model, tokenizer = self._student(g, rng), self.context.train.tokenizer(g)
        inputs = model_inputs(tokenized(tokenizer, texts, 128), tokenizer.pad_token_id)

        def logits(device: str) -> np.ndarray:
            moved = to_device(model, device)
            with torch.inference_mode():
                given = {name: x.to(moved.device) for name, x in inputs.items()}
                return moved(**given).logits.float().cpu().numpy()

        return apart(logits("cpu"), logits(self.device))

    def _all_at_once(self, context: Context, count: int) -> Json:
        """Seconds of evaluations by as many workers, all of them started before."""
        jobs = [Job(i, Candidate(i, preset(name), self.seed)) for i, name in enumerate(STUDENTS)]
        with make_executor("local", context, workers=count) as executor:
            for ready in [executor.call(warm_up) for _ in range(count)]:
                ready.result()
            start = time.perf_counter()
            scores = [future.result() for future in [executor.submit(j) for j in jobs[:count]]]
            seconds = time.perf_counter() - start
        return {
            "seconds": seconds,
            "training": [score.train_seconds for score in scores],
            "attack": [score.attack_seconds for score in scores],
            "clean": [score.clean for score in scores],
            "after_attack": [r.after_attack for s in scores for r in s.attacks.values()],
        }


def cut(task: Task, sizes: Sizes) -> Task:
    """The task with splits of these sizes at most."""
    few = {name: getattr(task, name).sample(sizes.measured) for name in ("validation", "test")}
    return replace(task, train=task.train.sample(sizes.train), **few)


def warm_up(context: Context) -> None:
    """Have a worker load what its device needs; long enough that every worker gets one."""
    to_device(torch.nn.Linear(8, 8), context.distill.device)
    time.sleep(1.0)


def tried(step: Callable[[Bench], Json], bench: Bench) -> Json:
    """What a step finds, or why it failed."""
    try:
        return step(bench)
    except Exception as error:
        traceback.print_exc()
        return {"wrong": f"{type(error).__name__}: {error}"}


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    """What a call returns, and its seconds, those of the device included."""
    start = time.perf_counter()
    found = run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return found, time.perf_counter() - start


def ratio(here: float, there: float, unit: str) -> Json:
    """Rates of both from seconds a piece, and how many times faster the device is."""
    return {f"{unit}_cpu": 1 / here, f"{unit}_device": 1 / there, "ratio": here / there}


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """The largest distance, relative to the largest value."""
    return float(np.abs(a - b).max() / max(1.0, np.abs(a).max()))


def described(name: str) -> str:
    """The device in words."""
    return torch.cuda.get_device_name(name) if name.startswith("cuda") else "CPU"


STEPS = (
    Bench.teacher_training, Bench.teacher_logits, Bench.preparation, Bench.student_logits,
    Bench.attack, Bench.eight_students, Bench.gpu_tests,
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N or cpu")
    parser.add_argument("--quick", action="store_true", help="a little of everything")
    parser.add_argument("--seconds", type=float, default=210, help="no step begins after that")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if arguments.device.startswith("cuda") and not torch.cuda.is_available():
        parser.error("there is no CUDA here; --device cpu runs the same steps on the CPU")
    found: Json = {
        "commit": commit(), "machine": machine(), "versions": versions(), "seed": arguments.seed,
        "device": described(arguments.device), "cpu_threads": torch.get_num_threads(),
    }  # fmt: skip
    print(f"{found['device']} against {found['cpu_threads']} threads of the CPU", flush=True)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        sizes = QUICK if arguments.quick else WHOLE
        bench = Bench(arguments.device, sizes, Path(folder), arguments.seed)
        for step in STEPS:
            name, begin = step.__name__, time.perf_counter()
            late = begin - start > arguments.seconds
            found[name] = {"left_out": "no time left"} if late else tried(step, bench)
            spent = time.perf_counter() - begin
            print(f"{name} ({spent:.1f} s): {json.dumps(found[name])}", flush=True)
            if arguments.json:
                arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if wrong := [step.__name__ for step in STEPS if found[step.__name__].get("wrong")]:
        raise SystemExit(f"not as on the CPU: {', '.join(wrong)}")


if __name__ == "__main__":
    main()

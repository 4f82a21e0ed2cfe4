"""The programs of examples/ that carry an exported student elsewhere, in environments of their own.

    rosearch export RUN --format int8 --out model/
    python benchmarks/adapters.py model/ --task mr                       # all three
    python benchmarks/adapters.py model/ --only service --connections 8  # needs wrk, of Debian

TextAttack and OpenAttack attack test texts through the adapters; before that, their answers are
compared with RoSearch's. The service is loaded on 127.0.0.1 alone, for --seconds, with the test
texts in turn, server and load each on a core of its own. Environments are made in --envs, to be
kept, or in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from clean_install import ROOT, env, environment, install

NEEDED = {
    "textattack": ["-r", str(ROOT / "benchmarks" / "textattack-requirements.txt"), "onnxruntime"],
    "openattack": ["OpenAttack", "onnxruntime", "tokenizers"],
    "service": [f"{ROOT}[onnx]", "fastapi", "httptools", "uvloop", "uvicorn"],
}
ANSWERS = """
import json, sys
from {module} import Student
texts = [json.loads(line)["text"] for line in open(sys.argv[2], encoding="utf-8")]
found = Student(sys.argv[1])
print(json.dumps({call}(texts).tolist()))
"""
CALLS = {"textattack": "found", "openattack": "found.get_prob"}
TOLD = ("50%", "99%", "Requests/sec", "Non-2xx")  # lines of wrk
POST = """wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local bodies, i = {{}}, 0
for line in io.lines("{file}") do bodies[#bodies + 1] = line end
request = function()
  i = i + 1
  return wrk.format(nil, "/predict", nil, bodies[i % #bodies + 1])
end
"""


def main() -> None:
    """Print what each says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--task", default="mr")
    parser.add_argument("--only", choices=NEEDED, nargs="*", default=list(NEEDED))
    parser.add_argument("--n", type=int, default=20, help="texts to attack")
    parser.add_argument("--envs", type=Path)
    parser.add_argument("--seconds", type=int, default=8, choices=range(1, 31))
    parser.add_argument("--connections", type=int, nargs="*", default=[4, 8, 16])
    args = parser.parse_args()
    with ExitStack() as stack:
        made = tempfile.TemporaryDirectory(prefix="rosearch-adapters-")
        scratch = Path(stack.enter_context(made))
        texts = _texts(args.task, scratch / "texts.jsonl")
        for name in args.only:
            python = _python(name, args.envs or scratch)
            if name == "service":
                _load(python, args, texts, scratch)
            else:
                _attack(name, python, args, texts, scratch)


def _texts(task: str, file: Path) -> Path:
    import rosearch

    test = rosearch.load_task(task).test
    rows = [{"text": t, "label": int(k)} for t, k in zip(test.texts, test.labels, strict=True)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def _python(name: str, folder: Path) -> Path:
    made = folder / name / "bin" / "python"
    if not made.exists():
        install(environment(folder / name), NEEDED[name])
    return made


def _attack(name: str, python: Path, args: argparse.Namespace, texts: Path, scratch: Path) -> None:
    from rosearch.attacks.constraints.words import STOP_WORDS
    from rosearch.models.open import open_classifier

    few = scratch / "few.jsonl"
    few.write_text("".join(texts.read_text("utf-8").splitlines(keepends=True)[: args.n]), "utf-8")
    stop = scratch / "nltk" / "corpora" / "stopwords"
    stop.mkdir(parents=True, exist_ok=True)  # TextAttack opens it when it is imported
    (stop / "english").write_text("\n".join(sorted(STOP_WORDS)), "utf-8")
    more = {"NLTK_DATA": str(stop.parents[1]), "PYTHONPATH": str(ROOT / "examples")}
    code = ANSWERS.format(module=f"{name}_model", call=CALLS[name])
    said = _output([python, "-c", code, args.model, few], more)
    rows = [json.loads(line)["text"] for line in few.read_text("utf-8").splitlines()]
    ours = open_classifier(args.model).probabilities(rows)
    far = abs(ours - json.loads(said.splitlines()[-1])).max()
    print(f"{name}: probabilities of {len(rows)} texts, largest difference from ours {far:.1e}")
    begun = time.perf_counter()
    program = ROOT / "examples" / f"{name}_model.py"
    told = _output([python, program, args.model, few], more)
    ends = [line.split("\t")[0] for line in told.splitlines() if "\t" in line]
    took = time.perf_counter() - begun
    counts = ", ".join(f"{kind} {ends.count(kind)}" for kind in sorted(set(ends)))
    print(f"{name}: {counts} ({took:.1f} s)")


def _output(command: list[object], more: dict[str, str]) -> str:
    done = subprocess.run(list(map(str, command)), env=env() | more, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def _load(python: Path, args: argparse.Namespace, texts: Path, scratch: Path) -> None:
    (scratch / "post.lua").write_text(POST.format(file=texts), "utf-8")
    cores = sorted(os.sched_getaffinity(0))
    port = _free_port()
    command = ["taskset", "-c", cores[0], python, "-m", "uvicorn", "--app-dir",
               ROOT / "examples", "--no-access-log", "--log-level", "error",
               "--port", port, "service:app"]  # fmt: skip
    more = {"MODEL": str(args.model.resolve()), "OMP_NUM_THREADS": "1"}
    server = subprocess.Popen(list(map(str, command)), env=env() | more)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(f"{address}/health")
        for n in args.connections:
            wrk = ["taskset", "-c", cores[-1], "wrk", "-t1", f"-c{n}", f"-d{args.seconds}s",
                   "--latency", "-s", scratch / "post.lua", address]  # fmt: skip
            lines = map(str.strip, _output(wrk, {}).splitlines())
            kept = [line for line in lines if line.startswith(TOLD)]
            print(f"service, {n} connections: {'; '.join(kept)}")
    finally:
        server.terminate()
        server.wait(30)


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def _wait(address: str) -> None:
    for _ in range(120):
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    sys.exit("the service does not answer")


if __name__ == "__main__":
    main()

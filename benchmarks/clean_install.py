"""Whether the built package works for somebody else, or with the oldest packages that it allows.

    python benchmarks/clean_install.py --torch 2.13.0            # wheel and sdist, as a user would
    python benchmarks/clean_install.py --lowest --torch 2.13.0   # the tests with lower bounds

The first builds both archives (`python -m build`, isolated), installs the wheel with the extras
`report` and `onnx`, without the constraints of this repository, and runs as a user would: version,
`search --preset smoke`, the page of `try`, `export`. The second installs of every direct dependency
the lowest version of pyproject.toml and runs the tests; torch alone is the one that is given, as
older ones for processors alone are not on the index. Everything lies in a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXTRAS = "report,onnx"
LOWEST_EXTRAS = ("report", "onnx", "pos", "excel", "sklearn", "tensorboard", "mlflow")
TESTS = ("tests/io", "tests/tasks", "tests/config", "tests/models", "tests/student", "tests/space",
         "tests/attacks", "tests/distill", "tests/teacher", "tests/export", "tests/report",
         "tests/results", "tests/serve", "tests/run", "tests/estimator", "tests/cli")  # fmt: skip
OURS = ("PYTHONPATH", "PIP_CONSTRAINT", "VIRTUAL_ENV")  # of this environment, not of a user's


def main() -> None:
    """Print what was done; exit 1 where something fails."""
    args = _arguments()
    with tempfile.TemporaryDirectory(prefix="rosearch-install-") as name:
        folder = Path(name)
        python = environment(folder / "env")
        if args.lowest:
            _lowest(python, args.torch, args.tests)
        else:
            _clean(python, args.torch, folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", help="its version; by default the newest that pip finds")
    parser.add_argument("--lowest", action="store_true", help="lower bounds and tests")
    parser.add_argument("--tests", nargs="*", default=TESTS, help="of --lowest")
    return parser.parse_args()


def _clean(python: Path, torch: str | None, folder: Path) -> None:
    builder, dist = environment(folder / "build"), folder / "dist"
    run(builder, "-m", "pip", "install", "--quiet", "build")
    run(builder, "-m", "build", "--outdir", dist, ROOT)
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    print(f"built: {wheel.name} ({wheel.stat().st_size:,} bytes), {sdist.name}")
    install(python, [f"torch{'==' + torch if torch else ''}"])
    install(python, [f"{wheel}[{EXTRAS}]"])
    run(python, "-m", "pip", "check")
    command = ("-m", "rosearch")
    run(python, *command, "--version", "--verbose", at=folder)
    found = folder / "run"
    run(python, *command, "search", "--preset", "smoke", "--out", found, at=folder)
    run(python, *command, "export", found, "--format", "int8", "--out", folder / "int8",
         "--n", 5, at=folder)  # fmt: skip
    _try(python, found, folder)
    print("the wheel works in a clean environment")


def _try(python: Path, found: Path, folder: Path) -> None:
    """The page of `try` answers."""
    command = [python, "-m", "rosearch", "try", found, "--no-open", "--port", "0"]
    server = subprocess.Popen(
        list(map(str, command)), cwd=folder, env=env(), stdout=subprocess.PIPE, text=True
    )
    try:
        address = (server.stdout.readline() if server.stdout else "").split(" ")[0]
        with urllib.request.urlopen(address, timeout=60) as page:
            print(f"try: {page.status}, {len(page.read()):,} bytes")
    finally:
        server.terminate()
        server.wait(timeout=30)


def _lowest(python: Path, torch: str | None, tests: list[str]) -> None:
    wanted = [*lower_bounds(), f"torch{'==' + torch if torch else ''}"]
    print("lowest:", " ".join(wanted))
    install(python, [*wanted, "pytest", "hypothesis", "-e", str(ROOT)])
    run(python, "-m", "pip", "check")
    run(python, "-m", "pytest", "-p", "no:cacheprovider", "--durations=5", "-m",
         "not slow and not browser and not ray", *tests, at=ROOT)  # fmt: skip


def lower_bounds(path: Path = ROOT / "pyproject.toml") -> list[str]:
    """`name==lowest` of every direct dependency but torch, and of the extras of users."""
    project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    extras = [r for name in LOWEST_EXTRAS for r in project["optional-dependencies"][name]]
    found = [re.fullmatch(r"([\w.-]+)>=([\w.]+)", r) for r in (*project["dependencies"], *extras)]
    return [f"{m[1]}=={m[2]}" for m in found if m and m[1] != "torch"]


def environment(folder: Path) -> Path:
    """The Python of a new virtual environment."""
    run(Path(sys.executable), "-m", "venv", folder)
    return folder / "bin" / "python"


def install(python: Path, what: list[str]) -> None:
    """Install by pip, without the constraints of this one."""
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what)


def env() -> dict[str, str]:
    """The variables of this process that a user would have, too."""
    return {name: value for name, value in os.environ.items() if name not in OURS}


def run(python: Path, *args: object, at: Path = ROOT) -> None:
    """Print a command and run it; its failure ends this program."""
    command = [str(python), *map(str, args)]
    print("$ python", *command[1:], flush=True)
    done = subprocess.run(command, cwd=at, env=env())
    if done.returncode:
        sys.exit(f"failed: {' '.join(command[1:])}")


if __name__ == "__main__":
    main()

"""What every benchmark writes next to its numbers."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit() -> str:
    """Commit of the working tree, with a mark if it has changes besides results and docs."""
    here = Path(__file__).parent
    run = ["git", "describe", "--always", "--abbrev=12"]
    done = subprocess.run(run, capture_output=True, text=True, cwd=here)
    besides = [":(top)", ":(top,exclude)benchmarks/results", ":(top,exclude)docs"]
    changes = ["git", "diff", "--quiet", "HEAD", "--", *besides]
    if done.stdout and subprocess.run(changes, cwd=here).returncode == 1:
        return f"{done.stdout.strip()}-dirty"
    return done.stdout.strip() or "unknown"

"""What every benchmark writes next to its numbers."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit() -> str:
    """Commit of the working tree, with a mark if it has changes."""
    run = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(run, capture_output=True, text=True, cwd=Path(__file__).parent)
    return done.stdout.strip() or "unknown"

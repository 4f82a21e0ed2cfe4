"""The search space: torch-free descriptions of students, their variation and their cost."""

from rosearch.space.ops import OPS, Op

__all__ = ["OPS", "Op"]

"""The search space: torch-free descriptions of students, their variation and their cost."""

from rosearch.space.defences import INFERENCE_DEFENCES, InferenceDefence
from rosearch.space.ops import OPS, Op

__all__ = ["INFERENCE_DEFENCES", "OPS", "InferenceDefence", "Op"]

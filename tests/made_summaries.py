"""Summaries of made-up runs."""

from __future__ import annotations

from dataclasses import replace

from rosearch.results.entries import ModelEntry, model_entry
from rosearch.results.summary import Summary
from rosearch.types import Final, Robustness


def made_model(name: str, after_attack: float = 0.5) -> ModelEntry:
    """A model on 100 texts, attacked by `wordnet` and the held-out `relatives`."""
    survived = round(100 * after_attack)
    attacks = {a: Robustness(a, 100, 80, survived, 900) for a in ("wordnet", "relatives")}
    final = Final(name, 1, None, 1000, 80, 100, attacks, 1.5, 2.0, fitness=1.25)
    return model_entry([final], ("wordnet",), 10_000)


def made_summary(best: str, after_attack: float = 0.5) -> Summary:
    """A finished run and its only finalist."""
    student = made_model(best, after_attack)
    return Summary(
        task="mr",
        teacher=replace(made_model("teacher"), params=10_000, compression=1.0),
        reference=made_model("reference"),
        best=student,
        finalists=(student,),
        front=(),
        candidates=5,
        search_attack="wordnet",
        seconds=12.0,
        seed=0,
        versions={"rosearch": "0.1.0"},
    )

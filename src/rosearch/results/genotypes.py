"""A genotype by the name of a preset, a file, a saved student, or a candidate of a run."""

from __future__ import annotations

from pathlib import Path

from rosearch.errors import UserError
from rosearch.results.folder import RunFolder
from rosearch.space.cost import Sizes
from rosearch.space.genotype import Genotype, from_dict, load
from rosearch.space.presets import PRESETS, preset


def find_genotype(name: str) -> tuple[Genotype, Sizes]:
    """The genotype of a preset, a JSON file, a student folder, or `RUN:ID` (ID may be shortened).

    Raises:
        UserError: nothing of that name.
    """
    path = Path(name)
    if name in PRESETS:
        return _without_run(preset(name))
    if (path / "config.json").is_file():
        return _genotype_of_student(path)
    if path.is_file():
        return _without_run(load(path))
    run, _, wanted = name.rpartition(":")
    if run and RunFolder(Path(run)).exists():
        return _genotype_of_run(RunFolder(Path(run)), wanted)
    raise UserError(
        f"no genotype {name!r}: give a preset ({', '.join(PRESETS)}), a genotype file, "
        "a student folder, or RUN:ID"
    )


def _without_run(g: Genotype) -> tuple[Genotype, Sizes]:
    return g, Sizes({g.encoding_key: g.coding.usual_rows}, 2)


def _genotype_of_student(folder: Path) -> tuple[Genotype, Sizes]:
    import json

    try:
        saved = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        spec = saved["genotype"]
        for node in spec["nodes"]:
            for key in ("family", "argument", "module"):
                node.pop(key, None)
        genotype = from_dict(spec)
        rows = {genotype.encoding_key: int(saved["embedding_rows"])}
        trimmed = {genotype.encoding_key: int(saved.get("trimmed_rows", 0))}
        pairs = saved.get("pair_separator") is not None
        return genotype, Sizes(rows, len(saved["id2label"]), pairs=pairs, trimmed=trimmed)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{folder} is no saved student") from None


def _genotype_of_run(run: RunFolder, wanted: str) -> tuple[Genotype, Sizes]:
    store = run.open()
    trials = [t for t in store.trials() if t.candidate.id.startswith(wanted)]
    found = list({t.candidate.id: t.candidate.genotype for t in trials}.values())
    if len(found) != 1 or not wanted:
        raise UserError(f"{run} has {len(found)} candidates whose id starts with {wanted!r}")
    return found[0], store.meta().sizes

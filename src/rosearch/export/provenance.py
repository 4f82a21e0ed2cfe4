"""Where the data and the teacher of an exported model come from, and under which licences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rosearch.config import TaskConfig
from rosearch.io.resources import RESOURCES, Resource
from rosearch.tasks import TASKS

if TYPE_CHECKING:
    from huggingface_hub import HfApi

SECONDS = 5.0  # to ask the hub for a licence; without an answer it is not told


@dataclass(frozen=True)
class Provenance:
    """Data, or a model.

    Attributes:
        name: as a card calls it; no path of this machine.
        hub: its id on the hub, which a card links; "" of what is not there.
        link: where else it is from.
        licence: identifier; "" where nothing tells it.
    """

    name: str
    hub: str = ""
    link: str = ""
    licence: str = ""


def of_data(config: TaskConfig, name: str) -> Provenance:
    """Of a task's data.

    Args:
        name: the task's, as a card calls it.
    """
    if any((config.train, config.validation, config.test)) or _is_here(config.name):
        return Provenance(name)
    if config.name in TASKS:
        found = [RESOURCES[key] for key in TASKS[config.name].resources if key in RESOURCES]
        return _pinned(name, found)
    return Provenance(name, config.name.partition(":")[0])


def of_model(name: str) -> Provenance:
    """Of a model by its resource, folder or hub id; a folder's own card tells of it."""
    if name in RESOURCES:
        return _pinned(name, [RESOURCES[name]])
    if not _is_here(name):
        return Provenance(name, name)
    told = _card(Path(name))
    base = told.get("base_model")
    first = base[0] if isinstance(base, list) and base else base
    hub, licence = (value if isinstance(value, str) else "" for value in (first, told["license"]))
    return Provenance(Path(name).resolve().name, hub, "", licence)


def with_licence(found: Provenance, kind: str) -> Provenance:
    """The same, with the licence that the hub tells, where it can be asked and is needed.

    Args:
        kind: `dataset` or `model`.
    """
    if found.licence or not found.hub:
        return found
    return replace(found, licence=_asked(kind, found.hub))


def _is_here(name: str) -> bool:
    """Whether it is a folder of this machine, or was one."""
    return Path(name).is_dir() or Path(name).is_absolute()


def _pinned(name: str, found: Sequence[Resource]) -> Provenance:
    licences = ", ".join(dict.fromkeys(resource.licence for resource in found))
    links = [f"https://pypi.org/project/{resource.project}" for resource in found]
    return Provenance(name, found[0].hub if found else "", " ".join(links), licences)


def _card(folder: Path) -> dict[str, object]:
    """`license` and `base_model` of a folder's model card."""
    from huggingface_hub import ModelCard

    file = folder / "README.md"
    found: dict[str, object] = {}
    if file.is_file():
        try:
            found = ModelCard.load(file, ignore_metadata_errors=True).data.to_dict()
        except (OSError, ValueError, TypeError):  # a page of somebody else's
            found = {}
    return {"license": found.get("license"), "base_model": found.get("base_model")}


def _asked(kind: str, hub: str) -> str:
    """The licence that the hub tells; "" if it can't be asked."""
    from huggingface_hub import HfApi

    try:
        return _told(HfApi(), kind, hub)
    except Exception:  # the hub client raises errors of many libraries; a card can do without
        return ""


def _told(api: HfApi, kind: str, hub: str) -> str:
    info = (api.dataset_info if kind == "dataset" else api.model_info)(hub, timeout=SECONDS)
    licence = (info.card_data or {}).get("license")
    return ", ".join(licence) if isinstance(licence, list) else str(licence or "")

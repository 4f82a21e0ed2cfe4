"""The search space of a run: what its configuration allows, and the genotypes it starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rosearch.config import RunConfig, codings_of, defences_of
from rosearch.encodings import ENCODINGS
from rosearch.encodings.plain import PLAIN
from rosearch.errors import UserError
from rosearch.results.store import Store
from rosearch.space.cost import Limits, Sizes
from rosearch.space.genotype import Genotype
from rosearch.space.latency import LatencyTable
from rosearch.space.ops import OPS
from rosearch.space.presets import PRESETS
from rosearch.space.variation import Space, repair

# The presets that a population starts from; the reference is evaluated on its own.
SEEDS = ("bilstm-synonym", "textcnn-synonym", "transformer1-synonym", "sepconv-synonym", "bilstm")


def space_of(
    config: RunConfig,
    rows: Mapping[str, int],
    classes: int,
    teacher_params: int,
    latency: LatencyTable | None = None,
) -> Space:
    """The search space of a configuration.

    Args:
        rows: of the encodings that could be prepared.
        latency: needed for a limit on the latency.

    Raises:
        UserError: an unknown choice, or limits that no student can meet.
    """
    s = config.space
    allowed = int(teacher_params / s.min_compression) if s.min_compression else None
    limits = [n for n in (allowed, s.max_params) if n is not None]
    # A teacher whose tokenizer forbids the synonym encoding leaves the plain one.
    codings = tuple(c for c in codings_of(config) if c.key in rows) or (PLAIN,)
    return Space(
        Sizes(rows, classes, latency=latency),
        Limits(min(limits, default=None), s.max_flops, s.max_latency_ms),
        ops=s.ops or tuple(OPS),
        widths=s.widths,
        embedding_dims=s.embedding_dims,
        codings=codings,
        defences=defences_of(config),
        max_nodes=s.max_nodes,
        max_repeat=s.max_repeat,
    )


def latency_of(config: RunConfig, store: Store) -> LatencyTable | None:
    """The run's latency table, measured when it is first needed: a resumed run decides alike."""
    if config.space.max_latency_ms is None:
        return None
    table = store.meta().latency
    if table is None:
        from rosearch.student.latency import latency_table

        s = config.space
        table = latency_table(s.widths, s.ops or tuple(OPS), max(s.embedding_dims))
        store.set_meta(latency=dict(table))
    return table


def check_space(config: RunConfig) -> None:
    """Refuse unknown choices and impossible FLOPs of the space early.

    The limits on parameters and latency are checked once the vocabulary and the teacher are known.
    """
    unlimited = replace(config.space, min_compression=0.0, max_params=None, max_latency_ms=None)
    if not config.space.encodings:
        known = ", ".join(ENCODINGS)
        raise UserError(f"space: encodings: expected one or more of {known}; found none")
    keys = [PLAIN.key, *(c.key for c in codings_of(config))]
    space_of(replace(config, space=unlimited), dict.fromkeys(keys, 1), 2, 1)


def seed_genotypes(space: Space) -> list[Genotype]:
    """Presets that the space allows, with the nearest sizes and encoding genes that it allows."""
    found = [_nearest_coding(_nearest_sizes(PRESETS[name](), space), space) for name in SEEDS]
    allowed = [
        g
        for g in found
        if g.encoding in space.encodings
        and all(node.op in space.ops for node in g.nodes)
        and len(g.nodes) <= space.max_nodes
        and g.repeat <= space.max_repeat
    ]
    return [small for g in allowed if (small := repair(g, space)) is not None]


def _nearest_sizes(g: Genotype, space: Space) -> Genotype:
    return replace(
        g,
        width=min(space.widths, key=lambda w: abs(w - g.width)),
        embedding_dim=min(space.embedding_dims, key=lambda e: abs(e - g.embedding_dim)),
    )


def _nearest_coding(g: Genotype, space: Space) -> Genotype:
    offered = space.encodings.get(g.encoding)
    return replace(g, coding=g.coding.nearest(offered)) if offered else g

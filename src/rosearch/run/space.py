"""The search space of a run: what its configuration allows, and the genotypes it starts from."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rosearch.config import SpaceConfig, defences_of, readings_of, votes_of
from rosearch.encodings import ENCODINGS, Encoding
from rosearch.encodings.plain import PLAIN
from rosearch.encodings.reading import Reading
from rosearch.errors import UserError
from rosearch.results.store import Store
from rosearch.space.cost import Limits, Sizes
from rosearch.space.genotype import Genotype
from rosearch.space.latency import LatencyTable
from rosearch.space.mechanisms import MECHANISMS
from rosearch.space.ops import OPS
from rosearch.space.presets import PRESETS
from rosearch.space.variation import Space, repair

if TYPE_CHECKING:
    from rosearch.evaluation.context import Context

# The presets that a population starts from; the reference is evaluated on its own.
SEEDS = ("bilstm-synonym", "textcnn-synonym", "transformer1-synonym", "sepconv-synonym", "bilstm")
# Where students may have such votes: all points of the front are looked for from the start.
WITH_VOTES = ("votes", "frame-conv", "frame-bilstm", "frame-accurate", "frame-robust")
# Words that vote know nothing of the other text of a pair: one of them shows whether that matters.
WITH_VOTES_ON_PAIRS = ("frame-conv",)


def space_of(
    s: SpaceConfig, offered: Sequence[Encoding], sizes: Sizes, teacher_params: int
) -> Space:
    """The search space that settings allow.

    Args:
        offered: the encodings that students may have, see `rosearch.config.codings_of`.
        sizes: with the rows of those that could be prepared, and the latency for a limit on it.

    Raises:
        UserError: an unknown choice, or limits that no student can meet.
    """
    allowed = int(teacher_params / s.min_compression) if s.min_compression else None
    limits = [n for n in (allowed, s.max_params) if n is not None]
    # A teacher whose tokenizer forbids the synonym encoding leaves the plain one.
    codings = tuple(c for c in offered if c.key in sizes.rows) or (PLAIN,)
    return Space(
        sizes,
        Limits(min(limits, default=None), s.max_flops, s.max_latency_ms),
        ops=s.ops or tuple(OPS),
        widths=s.widths,
        embedding_dims=s.embedding_dims,
        codings=codings,
        defences=defences_of(s),
        votes=votes_of(s),
        readings=readings_of(s),
        max_nodes=s.max_nodes,
        max_repeat=s.max_repeat,
    )


def searched_space(
    s: SpaceConfig, offered: Sequence[Encoding], context: Context, store: Store
) -> Space:
    """The search space of a run that is prepared; what it depends on is kept in the store."""
    sizes = context.sizes
    store.set_meta(rows=dict(sizes.rows), trimmed_rows=dict(sizes.trimmed))
    sizes = replace(sizes, latency=latency_of(s, store))
    return space_of(s, offered, sizes, context.train.teacher_params)


def latency_of(s: SpaceConfig, store: Store) -> LatencyTable | None:
    """The run's latency table, measured when it is first needed: a resumed run decides alike."""
    if s.max_latency_ms is None:
        return None
    table = store.meta().latency
    if table is None:
        from rosearch.student.latency import latency_table

        table = latency_table(s.widths, s.ops or tuple(OPS), max(s.embedding_dims))
        store.set_meta(latency=dict(table))
    return table


def check_space(s: SpaceConfig, offered: Sequence[Encoding]) -> None:
    """Refuse unknown choices and impossible FLOPs of the space early.

    The limits on parameters and latency are checked once the vocabulary and the teacher are known.
    """
    unlimited = replace(s, min_compression=0.0, max_params=None, max_latency_ms=None)
    if not s.encodings:
        known = ", ".join(ENCODINGS)
        raise UserError(f"space: encodings: expected one or more of {known}; found none")
    keys = [PLAIN.key, *(c.key for c in offered)]
    space_of(unlimited, offered, Sizes(dict.fromkeys(keys, 1), 2), 1)


def seed_genotypes(space: Space) -> list[Genotype]:
    """Presets that the space allows, with the nearest sizes and encoding genes that it allows."""
    kinds = {votes.name for votes in space.votes if votes is not None}
    with_votes = WITH_VOTES_ON_PAIRS if space.sizes.pairs else WITH_VOTES
    names = (*SEEDS, *(name for name in with_votes if _votes_of(name) in kinds))
    found = [_nearest_coding(_nearest_sizes(PRESETS[name](), space), space) for name in names]
    allowed = [g for g in found if _allowed(g, space)]
    if Reading() in space.readings:  # half of each kind would be too few to tell them apart
        allowed = [replace(g, reading=Reading()) for g in allowed]
    return [small for g in allowed if (small := repair(g, space)) is not None]


def warm_seeds(warm: Sequence[Genotype], space: Space) -> list[Genotype]:
    """Genotypes of earlier runs, as near as the space allows; those it has none like are left out,
    which is said.

    Args:
        warm: see `rosearch.run.warm`.
    """
    near = (
        _nearest_mechanisms(_nearest_coding(_nearest_sizes(g, space), space), space) for g in warm
    )
    allowed = [g for g in near if g is not None and _allowed(g, space)]
    kept = [small for g in allowed if (small := repair(g, space)) is not None]
    if left_out := len(warm) - len(kept):
        print(
            f"note: {left_out} of the {len(warm)} candidates of the warm start have no like in "
            "this space (its operations, encodings, defences or limits) and are left out",
            file=sys.stderr,
        )
    return kept


def _allowed(g: Genotype, space: Space) -> bool:
    return (
        g.encoding in space.encodings
        and all(node.op in space.ops for node in g.nodes)
        and len(g.nodes) <= space.max_nodes
        and g.repeat <= space.max_repeat
    )


def _nearest_mechanisms(g: Genotype, space: Space) -> Genotype | None:
    """With the nearest defence, votes and reading; None if the space has none of their kind."""
    for place in MECHANISMS:
        own = getattr(g, place)
        alike = [c for c in space.offered(place) if type(c) is type(own)]
        if not alike:
            return None
        chosen = None if own is None else own.nearest(alike)
        g = replace(g, **{place: chosen})  # type: ignore[arg-type]  # the field's own kind
    return g


def _votes_of(preset_name: str) -> str | None:
    votes = PRESETS[preset_name]().votes
    return None if votes is None else votes.name


def _nearest_sizes(g: Genotype, space: Space) -> Genotype:
    return replace(
        g,
        width=min(space.widths, key=lambda w: abs(w - g.width)),
        embedding_dim=min(space.embedding_dims, key=lambda e: abs(e - g.embedding_dim)),
    )


def _nearest_coding(g: Genotype, space: Space) -> Genotype:
    offered = space.encodings.get(g.encoding)
    if offered is None and g.votes is not None:  # words vote under every encoding
        return replace(g, coding=space.codings[0])
    return replace(g, coding=g.coding.nearest(offered)) if offered else g

"""Sightings as Arrow columns → what is remembered of the sure ones."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from waysight.domain.recent import LEAST_VOTES, Seen


def seen_rows(records: pa.StructArray, gate: float) -> list[Seen]:
    """The `Seen` of every record that `domain.recent.is_sure` holds for, in order; `gate` is a confidence, 0..1."""
    sure = pc.and_(
        pc.and_(
            records.field("final"),
            pc.greater_equal(records.field("plate_votes").cast(pa.int32()), LEAST_VOTES),
        ),
        pc.and_(
            pc.greater_equal(records.field("plate_confidence").cast(pa.float64()), gate),
            pc.not_equal(records.field("plate"), ""),
        ),
    )
    kept = records.filter(sure)
    return list(map(Seen._make, zip(*(kept.field(name).to_pylist() for name in Seen._fields), strict=True)))

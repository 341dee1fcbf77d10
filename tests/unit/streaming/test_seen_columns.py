"""Sure sightings from columns are those that `is_sure` holds for, with the same facts."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from sightings import sighting

from waysight.adapters.registry import MemoryRegistry
from waysight.codec import Codec
from waysight.domain.recent import Seen, is_sure
from waysight.engine import Message
from waysight.messages import Sighting, SightingBatch
from waysight.streaming.seen_columns import seen_rows
from waysight.streaming.sighting_columns import SightingColumns

CODEC, GATE = Codec(MemoryRegistry()), 0.75

MADE = st.builds(
    lambda final, plate, confidence, votes, at: replace(
        sighting("c0", plate, at),
        final=final,
        plate_confidence=confidence,
        plate_votes=votes,
        label_confidence=0.5,
    ),
    st.booleans(),
    st.sampled_from(["", "123ABC02"]),
    st.sampled_from([0.5, 0.75, 1.0]),
    st.integers(0, 3),
    st.integers(0, 1000),
)


@settings(max_examples=30)
@given(st.lists(MADE, min_size=1, max_size=12))
def test_columns_and_records_agree(made: list[Sighting]) -> None:
    stamped = tuple(replace(s, origin_offset=n) for n, s in enumerate(made))
    value = CODEC.encode("sightings", SightingBatch(records=stamped, watermarks=()))
    columns = SightingColumns(CODEC, [Message("sightings", 0, 0, b"", value)])
    assert columns.records is not None
    assert seen_rows(columns.records, GATE) == [Seen.of(s) for s in stamped if is_sure(s, GATE)]

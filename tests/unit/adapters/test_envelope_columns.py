"""Rows read from columns are the records of the envelope, in the same order."""

from __future__ import annotations

import random
from typing import Any

import pytest

from waysight.adapters.registry import MemoryRegistry
from waysight.codec import Codec
from waysight.engine import Message
from waysight.envelope_columns import Rows, SightingColumns, pass_rows
from waysight.envelopes import in_order
from waysight.messages import PassBatch, Sighting, SightingBatch, Watermark
from waysight.passes import pass_of, sighting_of


def sighting_rows(codec: Codec, messages: list[Message]) -> list[Rows | None]:
    columns = SightingColumns(codec, messages)
    for message, rows in zip(messages, columns.rows, strict=True):
        whole = (
            {}
            if rows is None
            else {origin_place(r): r for r in codec.decode("sightings", message.value).records}
        )
        for row in rows or ():
            if not isinstance(row, Watermark):
                assert columns.whole(row) == whole[origin_place(row)]
    return columns.rows


def whole_again(codec: Codec, batch: SightingBatch) -> list[Sighting]:
    return list(codec.decode("sightings", codec.encode("sightings", batch)).records)


def origin_place(record: Any) -> tuple[int, int]:
    return record.origin_offset, record.ordinal


def _sighting(number: int, offset: int, ordinal: int) -> Sighting:
    return Sighting(
        sighting_id=f"s{number}",
        revision=0,
        final=True,
        camera_id=f"cam-{number % 3}",
        epoch="e1",
        label="car",
        label_confidence=0.9,
        first_ms=number,
        last_ms=number + 9,
        clock_error_ms=0,
        frames=1,
        plate=f"P{number}",
        plate_country="kz",
        plate_confidence=0.75,
        plate_confidences=(0.75,),
        plate_candidates=(),
        plate_votes=1,
        colour="",
        colour_confidence=0.0,
        path=(),
        zones=(),
        dwell_ms=0,
        models="",
        captured_ms=number,
        emitted_ms=0,
        origin_partition=1,
        origin_offset=offset,
        ordinal=ordinal,
    )


def _mark(offset: int, ordinal: int) -> Watermark:
    return Watermark(
        camera_id="cam-0", captured_ms=5, end=False, origin_partition=1, origin_offset=offset, ordinal=ordinal
    )


def _envelopes(seed: int) -> list[tuple[list[Sighting], list[Watermark]]]:
    chance, envelopes = random.Random(seed), []
    for envelope in range(6):
        places = [(envelope * 10 + n // 3, n % 3) for n in range(chance.randrange(12))]
        chance.shuffle(places)
        cut = chance.randint(0, len(places))
        sightings = [_sighting(n, *place) for n, place in enumerate(places[:cut])]
        envelopes.append((sightings, [_mark(*place) for place in places[cut:]]))
    return envelopes


@pytest.mark.parametrize("seed", range(5))
def test_rows_are_the_records(seed: int) -> None:
    codec = Codec(MemoryRegistry())
    sightings, passes = [], []
    for records, marks in _envelopes(seed):
        sightings.append(SightingBatch(records=tuple(records), watermarks=tuple(marks)))
        keyed = tuple(pass_of(codec, f"camera:{s.camera_id}", s) for s in records)
        assert [sighting_of(codec, p) for p in keyed] == whole_again(codec, sightings[-1])
        passes.append(PassBatch(records=keyed, watermarks=tuple(marks)))
    for topic, batches, read in (("sightings", sightings, sighting_rows), ("passes", passes, pass_rows)):
        messages = [Message(topic, 0, n, b"", codec.encode(topic, b)) for n, b in enumerate(batches)]
        for batch, rows in zip(batches, read(codec, messages), strict=True):
            whole = in_order(batch)
            assert rows is not None
            assert len(rows) == len(whole)
            for row, item in zip(rows, whole, strict=True):
                if isinstance(item, Watermark):
                    assert row == item
                    continue
                made = item
                names = set(row._fields) - {"key", "at"}
                assert {n: getattr(row, n) for n in names} == {n: getattr(made, n) for n in names}
                assert topic == "sightings" or row.key == item.key


def test_anything_odd_is_left_to_the_single_decoder() -> None:
    codec = Codec(MemoryRegistry())
    good = Message(
        "sightings", 0, 0, b"", codec.encode("sightings", SightingBatch(records=(), watermarks=()))
    )
    assert sighting_rows(codec, [good]) == [[]]
    for value in (None, b"", b"garbage", (good.value or b"")[:5] + b"\x80"):
        assert sighting_rows(codec, [good, Message("sightings", 0, 1, b"", value)]) == [None, None]
    assert sighting_rows(codec, []) == []

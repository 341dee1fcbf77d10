"""Rows read from columns are the records of the envelope, in the same order."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from waysight.adapters.dead_letters import REPLAYED
from waysight.adapters.keyed_state import KeyedState
from waysight.adapters.registry import MemoryRegistry
from waysight.codec import Codec
from waysight.domain.fence import Origin
from waysight.engine import Message, Output
from waysight.messages import Pass, PassBatch, Sighting, SightingBatch, Watermark
from waysight.streaming.envelopes import Fences, in_order
from waysight.streaming.pass_columns import PassColumns
from waysight.streaming.passes import pass_of, sighting_of
from waysight.streaming.sighting_columns import SightingColumns


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
    messages = [
        Message("sightings", 0, n, b"", codec.encode("sightings", b)) for n, b in enumerate(sightings)
    ]
    columns = SightingColumns(codec, messages)
    found = columns.whole(np.arange(len(columns.message)))
    for n, batch in enumerate(sightings):
        mine = [s for s, number in zip(found, columns.message, strict=True) if number == n]
        assert mine == sorted(whole_again(codec, batch), key=origin_place)
        assert set(columns.marks[n]) <= set(batch.watermarks)
    told_by_one = any(batch.watermarks for batch in sightings)  # all of one camera and one time
    assert sum(map(len, columns.marks)) == int(told_by_one)
    assert [(s.origin_partition, *origin_place(s)) for s in found] == list(
        zip(*columns.origins(), strict=True)
    )
    messages = [Message("passes", 0, n, b"", codec.encode("passes", b)) for n, b in enumerate(passes)]
    outputs: list[Output] = []
    bad = Message("passes", 0, 99, b"", b"garbage")
    of_passes = PassColumns(codec, [*messages, bad], "test", outputs)
    assert of_passes.messages == messages
    assert [o.topic for o in outputs] == ["dead-letters"]
    told = [
        (number, item if isinstance(item, Watermark) else of_passes.whole(item))
        for number, item in of_passes.in_order(np.arange(len(of_passes)))
    ]
    every = [(n, i) for n, m in enumerate(messages) for i in in_order(codec.decode("passes", m.value))]
    expected, followed = [], False
    for number, item in reversed(every):  # all watermarks are one camera's and of one time
        if isinstance(item, Pass) or not followed:
            expected.append((number, item))
        followed = isinstance(item, Watermark) or (followed and item.camera_id != "cam-0")
    assert told == expected[::-1]


def test_anything_odd_is_left_to_the_single_decoder() -> None:
    codec = Codec(MemoryRegistry())
    good = Message(
        "sightings", 0, 0, b"", codec.encode("sightings", SightingBatch(records=(), watermarks=()))
    )
    assert SightingColumns(codec, [good]).records is not None
    for value in (None, b"", b"garbage", (good.value or b"")[:5] + b"\x80"):
        columns = SightingColumns(codec, [good, Message("sightings", 0, 1, b"", value)])
        assert columns.records is None
        assert columns.whole(columns.message) == []
    assert SightingColumns(codec, []).records is None


@pytest.mark.parametrize("seed", range(20))
def test_fences_of_many_rows_are_those_of_each(seed: int) -> None:
    chance, one, many = random.Random(seed), KeyedState(0), KeyedState(0)
    for _ in range(4):
        places = [
            (chance.randrange(3), chance.randrange(9), chance.randrange(5))
            for _ in range(chance.randrange(30))
        ]
        again = [chance.random() < 0.2 for _ in places]
        singly = Fences(one)
        expected = [
            singly.is_new(
                Message("passes", 0, 0, b"", b"", {REPLAYED: b"1"} if a else {}),
                replace(_mark(offset, ordinal), origin_partition=partition),
            )
            for (partition, offset, ordinal), a in zip(places, again, strict=True)
        ]
        singly.save()
        together = Fences(many)
        columns = np.array(places, np.int64).reshape(-1, 3).T
        found = together.new_rows("passes", (columns[0], columns[1], columns[2]), np.array(again, bool))
        together.save()
        assert found.tolist() == expected
        assert dict(one.items("fence", Origin)) == dict(many.items("fence", Origin))

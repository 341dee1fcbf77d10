"""Counting whole steps by columns tells the same rows as counting record by record."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest
from sightings import sighting
from waysight.processors.count import CountLogic

from waysight.adapters.keyed_state import KeyedState
from waysight.adapters.registry import MemoryRegistry
from waysight.codec import Codec
from waysight.domain.counting import CameraCounts, CountingRules, Fact, TooLate, add, advance
from waysight.domain.watermarks import Progress
from waysight.engine import Message
from waysight.messages import Pass, PassBatch, Watermark
from waysight.streaming.passes import pass_of

RULES = CountingRules(window_ms=60_000, lateness_ms=90_000)
Told = set[tuple[str, int, int]]


def _items(chance: random.Random) -> list[Pass | Watermark]:
    """Passes and watermarks of three cameras in the order they were made; some late, some too late, some ends."""
    codec, now_ms = Codec(MemoryRegistry()), 6_000_000
    items: list[Pass | Watermark] = []
    for offset in range(160):
        now_ms += chance.randrange(4_000)
        camera = f"cam-{chance.randrange(3)}"
        if chance.random() < 0.3:
            at_ms, end = now_ms - chance.randrange(20_000), chance.random() < 0.04
            items.append(
                Watermark(
                    camera_id=camera,
                    captured_ms=at_ms,
                    end=end,
                    origin_partition=0,
                    origin_offset=offset,
                    ordinal=0,
                )
            )
        else:
            seen = sighting(
                camera,
                "",
                0,
                label=chance.choice(["car", "bus"]),
                origin_offset=offset,
                last_ms=now_ms - chance.choice([0, 9_000, 70_000, 300_000]),
            )
            items.append(pass_of(codec, f"camera:{camera}", seen, whole=b"\0"))
    return items


def _singly(items: list[Pass | Watermark]) -> tuple[Told, int]:
    states: dict[str, CameraCounts] = {}
    told: Told = set()
    late = 0
    for item in items:
        before = states.get(item.camera_id, CameraCounts())
        try:
            if isinstance(item, Watermark):
                progress = Progress(item.captured_ms, item.end)
                after, counts = advance(RULES, "passes", before, item.camera_id, 0, progress, 1)
            else:
                fact = Fact(camera_id=item.camera_id, category=item.label, at_ms=item.last_ms)
                after, counts = add(RULES, "passes", before, fact, 1)
        except TooLate:
            late += 1
            continue
        states[item.camera_id] = after
        told |= {(c.count_id, c.version, c.value) for c in counts}
    return told, late


@pytest.mark.parametrize("seed", range(6))
def test_steps_by_columns_tell_what_single_records_tell(seed: int) -> None:
    chance, codec = random.Random(seed), Codec(MemoryRegistry())
    items = _items(chance)
    messages, state, outputs = [], KeyedState(0), []
    while items[sum(len(b) for b in messages) :]:
        done = sum(len(b) for b in messages)
        messages.append(items[done : done + chance.randint(1, 12)])
    envelopes = [
        PassBatch(
            records=tuple(i for i in part if isinstance(i, Pass)),
            watermarks=tuple(i for i in part if isinstance(i, Watermark)),
        )
        for part in messages
    ]
    sent = [Message("passes", 0, n, b"", codec.encode("passes", e)) for n, e in enumerate(envelopes)]
    logic = CountLogic(codec, RULES, 1)
    while sent:
        size = chance.randint(1, len(sent))
        outputs += asyncio.run(logic.step(state, sent[:size]))
        again = [replace(m, offset=m.offset + 1000) for m in sent[:size] if chance.random() < 0.2]
        outputs += asyncio.run(logic.step(state, again))
        sent = sent[size:]
    told, late = _singly(items)
    found = [codec.decode("counts", o.value) for o in outputs if o.topic == "counts"]
    assert {(c.count_id, c.version, c.value) for c in found} == told
    assert len(found) == len(told)
    assert sum(o.topic == "dead-letters" for o in outputs) == late
    assert told

"""What one step of enforce found counts before the watermarks of that step, whichever topic each came from."""

from __future__ import annotations

import asyncio

from waysight.processors.count import CountLogic

from waysight.adapters.keyed_state import KeyedState
from waysight.adapters.registry import MemoryRegistry
from waysight.codec import Codec
from waysight.domain.counting import CountingRules
from waysight.engine import Message
from waysight.messages import Tally, TallyBatch, Watermark

MINUTE_MS = 60_000


def test_a_tally_from_the_signals_is_not_late_for_a_watermark_from_the_passes() -> None:
    codec = Codec(MemoryRegistry())
    rules = CountingRules(lateness_ms=10 * MINUTE_MS)
    tally = Tally(
        violation_id="v",
        camera_id="corner",
        offence="red_light",
        occurred_ms=MINUTE_MS,
        origin_partition=0,
        origin_offset=5_000,
        ordinal=0,
    )
    mark = Watermark(
        camera_id="corner",
        captured_ms=30 * MINUTE_MS,
        end=False,
        origin_partition=0,
        origin_offset=7,
        ordinal=1,
    )
    value = codec.encode("tallies", TallyBatch(records=(tally,), watermarks=(mark,)))
    told = asyncio.run(
        CountLogic(codec, rules, 1).step(KeyedState(0), [Message("tallies", 0, 0, b"partition-0", value)])
    )
    assert [o.topic for o in told] == ["counts", "minutes"]
    assert codec.decode("counts", told[0].value).value == 1

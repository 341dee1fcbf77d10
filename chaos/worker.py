"""A worker of two chained test processors on real Kafka: `relay` (in → mid) and `tally` (mid, mid2 → out).

Started by chaos.trials as: python chaos/worker.py PREFIX INSTANCE MOOD, with settings in the environment. INSTANCE
may be "-" (a member without a name). MOOD: "slow" (now and then a step of `tally` takes 8 to 16 s, as with a slow
sink), "fail" (now and then one fails half done), "stuck" (fetches bring nothing any more after 12 s), or "-".
"""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

import uvloop

from waysight.adapters import faust_fixes
from waysight.adapters.faust_engine import FaustEngine, Tuning, run_engines
from waysight.engine import Message, Output, PartitionState
from waysight.settings import get_settings

SLOW, FAIL, STUCK_AFTER_S = 0.03, 0.015, 12.0


class Relay:
    """Sends each message on under its key."""

    def __init__(self, prefix: str) -> None:
        self.name = f"{prefix}-relay"
        self.inputs, self.outputs = (f"{prefix}-in",), (f"{prefix}-mid",)
        self.tables = ()

    async def start(self) -> None:
        return None

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        del state
        await asyncio.sleep(random.random() * 0.02)
        return [Output(self.outputs[0], (m.key or b"").decode(), m.value) for m in messages]


class Tally:
    """Counts per key and says each message's id once, with the running count; forgets its scratch again."""

    def __init__(self, prefix: str, mood: str) -> None:
        self.name = f"{prefix}-tally"
        self.inputs, self.outputs = (f"{prefix}-mid", f"{prefix}-mid2"), (f"{prefix}-out",)
        self.tables = ()
        self._mood = mood

    async def start(self) -> None:
        return None

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        outputs = []
        for message in messages:
            key = (message.key or b"").decode()
            total = (state.get("totals", key, int) or 0) + 1
            state.put("totals", key, total)
            if total % 2:  # a record that comes and goes, so that the changelog has tombstones
                state.put("odd", key, total)
            else:
                state.delete("odd", key)
            odd = state.get("odd", key, int) is not None
            outputs.append(Output(self.outputs[0], key, b"%s %d %d" % (message.value, total, odd)))
            if self._mood == "fail" and random.random() < FAIL / len(messages):
                raise RuntimeError("a step that fails half done")
        slow = self._mood == "slow" and random.random() < SLOW
        await asyncio.sleep(random.uniform(8.0, 16.0) if slow else random.random() * 0.02)
        return outputs


async def main(prefix: str, instance: str, mood: str) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    name = "" if instance == "-" else instance
    tuning = Tuning(instance=name, take=20, stall_s=20.0, session_s=6.0, commit_s=0.3)
    engines = [FaustEngine(get_settings(), logic, tuning) for logic in (Relay(prefix), Tally(prefix, mood))]
    if mood == "stuck":
        _fetch_nothing_after(time.monotonic() + STUCK_AFTER_S)
    await run_engines(engines, stopping)


def _fetch_nothing_after(when_s: float) -> None:
    fetch = faust_fixes._fetch

    async def stuck(*given: Any, **options: Any) -> Any:
        if time.monotonic() < when_s:
            return await fetch(*given, **options)
        await asyncio.sleep(0.5)
        return {}

    faust_fixes._fetch = stuck


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(process)d %(message)s")
    logging.getLogger("mode").setLevel(logging.ERROR)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3]))

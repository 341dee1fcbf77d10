"""A worker of two chained test processors on real Kafka: `relay` (in → mid) and `tally` (mid → out).

Run by test_stream_engine.py as: python stream_worker.py PREFIX INSTANCE, with settings in the environment.
"""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import sys
from collections.abc import Sequence

import uvloop

from waysight.adapters.faust_engine import FaustEngine, Tuning, run_engines
from waysight.engine import Message, Output, PartitionState
from waysight.settings import get_settings


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
    """Counts per key and says each message's id once, with the running count."""

    def __init__(self, prefix: str) -> None:
        self.name = f"{prefix}-tally"
        self.inputs, self.outputs = (f"{prefix}-mid", f"{prefix}-mid2"), (f"{prefix}-out",)
        self.tables = ()

    async def start(self) -> None:
        return None

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        outputs = []
        for message in messages:
            key = (message.key or b"").decode()
            total = (state.get("totals", key, int) or 0) + 1
            state.put("totals", key, total)
            outputs.append(Output(self.outputs[0], key, b"%s %d" % (message.value, total)))
        await asyncio.sleep(random.random() * 0.02)
        return outputs


async def main(prefix: str, instance: str) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    tuning = Tuning(instance=instance, take=20, stall_s=20.0, session_s=6.0, commit_s=0.3)
    engines = [FaustEngine(get_settings(), logic, tuning) for logic in (Relay(prefix), Tally(prefix))]
    await run_engines(engines, stopping)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(main(sys.argv[1], sys.argv[2]))

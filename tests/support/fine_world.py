"""The fine processor in memory: send records, look at the fines."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from waysight.processors.fine import FineLogic

from waysight.adapters.memory_engine import MemoryBus, MemoryEngine
from waysight.adapters.registry import MemoryRegistry
from waysight.authority.laws import local_day
from waysight.authority.rulepacks import load_pack
from waysight.codec import Codec
from waysight.domain.fines.facts import Law
from waysight.messages import Fine

CODEC = Codec(MemoryRegistry())
TOPIC = {"Violation": "violations", "Review": "reviews", "Vehicle": "vehicles", "Payment": "payments",
         "FineAction": "fine-actions"}  # fmt: skip


def logic(gate: float = 0.9) -> FineLogic:
    zone = ZoneInfo("Asia/Almaty")
    return FineLogic(CODEC, {"kz": Law(load_pack("kz"), lambda ms: local_day(ms, zone), gate)})


class World:
    """A bus and an engine; `send` routes a record by its type."""

    def __init__(
        self, seed: int | None = None, crash_rate: float = 0.0, law: FineLogic | None = None
    ) -> None:
        self.bus = MemoryBus()
        self.engine = MemoryEngine(self.bus, [law or logic()], seed=seed, crash_rate=crash_rate)

    def send(self, *records: Any, timestamp_ms: int = 0) -> None:
        for record in records:
            topic = TOPIC[type(record).__name__]
            self.bus.send(topic, record.plate, CODEC.encode(topic, record), timestamp_ms=timestamp_ms)

    def fines(self) -> list[Fine]:
        self.engine.run_until_idle()
        return self.bus.records(CODEC, "fines")

    def current(self) -> dict[str, Fine]:
        newest: dict[str, Fine] = {}
        for fine in self.fines():
            if fine.fine_id not in newest or fine.version > newest[fine.fine_id].version:
                newest[fine.fine_id] = fine
        return newest

    def letters(self) -> list[str]:
        self.engine.run_until_idle()
        return [letter.reason for letter in self.bus.records(CODEC, "dead-letters")]

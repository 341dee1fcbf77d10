"""A month sent in portions comes out the same in whatever order its messages are read within a portion."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

import pytest

from waysight.adapters.memory_engine import MemoryBus, MemoryEngine
from waysight.adapters.registry import MemoryRegistry
from waysight.cameras.models import CameraFile
from waysight.cameras.scenes import Scenes
from waysight.codec import Codec
from waysight.engine import Message
from waysight.evaluation.month.clerk import Clerk
from waysight.evaluation.month.exports import read_found
from waysight.evaluation.month.real import ANSWERS
from waysight.evaluation.month.run import PARTITIONS, logics_of
from waysight.evaluation.month.score import scored
from waysight.evaluation.month.store import MemoryShelf, Storing, write_exports
from waysight.evaluation.month.turns import Turns, steps
from waysight.settings import Settings
from waysight.simulate.month.streets import Streets
from waysight.simulate.month.tariffs import NATIONS
from waysight.simulate.month.traffic import Traffic


@pytest.mark.parametrize(("country", "seed"), [("kz", 1), ("ma", 2)])
def test_topics_and_partitions_are_read_in_any_order(country: str, seed: int, tmp_path: Path) -> None:
    streets = Streets(NATIONS[country], date(2025, 12, 30))
    traffic = Traffic(streets, 300, 1, seed, long_ago=False)
    file = CameraFile.model_validate(streets.camera_file())
    codec, shelf = Codec(MemoryRegistry()), MemoryShelf()
    clerk, storing = Clerk(codec, traffic.truth, PARTITIONS), Storing(codec, shelf)
    clerk.open(traffic, file)
    logics = logics_of(Settings(), codec, Scenes.of_file(file), clerk.exemptions)
    bus, read = MemoryBus(PARTITIONS), dict[tuple[str, int], int]()
    engine = MemoryEngine(bus, [*logics, storing], seed=seed, batch=400)

    def send(messages: list[Message]) -> None:
        for m in messages:
            bus.send(m.topic, (m.key or b"").decode(), m.value, m.partition, m.headers, m.timestamp_ms)
        engine.run_until_idle()

    for portion in Turns(clerk, codec.decode):
        send([m for m in portion if m.topic == "vehicles"])
        for step in steps(m for m in portion if m.topic != "vehicles"):
            send(step)
        for message in (m for topic in ANSWERS for m in bus.messages(topic)):
            if message.offset >= read.get((message.topic, message.partition), 0):
                read[message.topic, message.partition] = message.offset + 1
                clerk.keep([message])
    assert not asyncio.run(storing.finish())
    write_exports(shelf, tmp_path)
    score = scored(traffic.truth, read_found(tmp_path), clerk.letters)
    assert score.right, (score.differences, score.dead_letters)
    assert score.violations.truth > 10
    assert score.fines.truth > 5

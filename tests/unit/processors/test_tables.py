"""A worker whose watchlist or cameras are no longer kept up to date stops; it does not serve old entries."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from confluent_kafka import KafkaException
from waysight.processors.enforce import EnforceLogic
from waysight.processors.match import MatchLogic
from waysight.processors.track import TrackLogic

from waysight.adapters import broadcast
from waysight.adapters.keyed_state import KeyedState
from waysight.adapters.registry import MemoryRegistry
from waysight.cameras.scenes import Scenes
from waysight.codec import Codec
from waysight.domain.enforcement.case import Law
from waysight.domain.sightings import SightingRules
from waysight.domain.watch_index import WatchIndex
from waysight.engine import Logic, advance, begin
from waysight.errors import EngineDown
from waysight.settings import Settings


class Table:
    """A followed table that fails once told so."""

    def __init__(self) -> None:
        self.started, self.failed = False, False

    def start(self) -> None:
        self.started = True

    def check(self) -> None:
        if self.failed:
            raise EngineDown("the watchlist is not followed any more")


def _logics(table: Table) -> list[Logic]:
    codec, scenes, tables = Codec(MemoryRegistry()), Scenes(), (table,)
    return [
        TrackLogic(codec, scenes, SightingRules(), 1, tables),
        EnforceLogic(codec, scenes, Law(), 1, tables),
        MatchLogic(codec, scenes, WatchIndex(), 0.8, lambda: 0, tables),
    ]


@pytest.mark.parametrize("number", range(3), ids=["track", "enforce", "match"])
def test_a_step_needs_its_tables(number: int) -> None:
    table = Table()
    logic = _logics(table)[number]
    asyncio.run(begin(logic))
    assert table.started
    assert asyncio.run(advance(logic, KeyedState(0), [])) == []
    table.failed = True
    with pytest.raises(EngineDown, match="not followed"):
        asyncio.run(advance(logic, KeyedState(0), []))


class Consumer:
    """A Kafka consumer whose first poll fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def assign(self, partitions: Any) -> None:
        """Nothing."""

    def consume(self, *_: Any) -> Any:
        raise self.error

    def close(self) -> None:
        """Nothing."""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("error", [KafkaException("gone"), LookupError("ours")], ids=["kafka", "ours"])
def test_whatever_ends_the_reader_is_told(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "plain_consumer", lambda *_: Consumer(error))
    monkeypatch.setattr(broadcast, "end_offsets", lambda *_: {0: 0})
    table = broadcast.Broadcast[Any](Settings(), Codec(MemoryRegistry()), "watchlist")
    with contextlib.suppress(EngineDown):  # the reader may end before the load is over, or right after
        table.start(10.0)
    table.stop()
    with pytest.raises(EngineDown, match="watchlist"):
        table.check()

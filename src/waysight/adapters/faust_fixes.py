"""What Faust 0.15.3 needs to be exact: the private parts we touch, in one file (docs/decisions has the reasons).

The engine keeps its own state and commits its own offsets, so of Faust's machinery only group membership,
fetching, streams and transactional producers are used. That leaves these changes:

* `watch_fetches` notes, for each message after a hole in the offsets (transaction markers, aborted records),
  where the hole begins, as aiokafka's own position says. A later check can then tell a hole from a loss.
* the same function makes `highwaters` ask the broker; under exactly-once Faust answers from its last fetch.
* the same function hands over all messages of a partition that one fetch brought as one `Bundle`: Faust costs
  100 us of CPU a message, whatever is in it.
* the same function shortens the broker's long poll from 1.5 s: aiokafka has one request to a broker at a time, and
  one that asks for idle partitions only keeps busy ones waiting until it is answered. In return it asks for much at
  once: a step costs milliseconds, however little is in it.
* `own_commits` replaces Faust's commit and its end-of-transaction at revocation by ours.
* `use_copartitioned_assignor`: without tables Faust falls back to a round robin that does not co-partition.
* `own_producers`: Faust keeps the transactional producers of all apps of a process in one dictionary.
* `crash_ends_process`: Faust restarts crashed services one by one; we want the process to end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import faust
from faust.sensors.base import Sensor
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

from waysight.engine import Message

Holes = dict[tuple[str, int, int], int]
_FETCH_BYTES = 1024 * 1024
_fetch = AIOKafkaConsumerThread._fetch_records
_create = AIOKafkaConsumerThread._create_worker_consumer


class QuietMonitor(faust.Monitor):  # type: ignore[misc]
    """Faust's monitor without its work per event, which costs a third of the worker's time."""

    on_message_in = Sensor.on_message_in
    on_message_out = Sensor.on_message_out
    on_stream_event_in = Sensor.on_stream_event_in
    on_stream_event_out = Sensor.on_stream_event_out
    on_topic_buffer_full = Sensor.on_topic_buffer_full
    on_send_initiated = Sensor.on_send_initiated
    on_send_completed = Sensor.on_send_completed

    def track_tp_end_offset(self, tp: Any, offset: Any) -> None:
        """Nothing: the engine measures lag itself."""


class FetchLog:
    """What aiokafka has handed to Faust: the last offset of each partition, and where holes begin."""

    def __init__(self) -> None:
        self.last: dict[tuple[str, int], int] = {}
        self.holes: Holes = {}
        self._next: dict[tuple[str, int], int] = {}

    def note(self, topic: str, partition: int, position: int | None, offsets: list[int]) -> None:
        """Offsets fetched in order (maybe none) while the position before was `position` (None: not known).

        A position beyond the next expected offset has passed markers only; one before it was sought back.
        """
        expected = self._next.get((topic, partition), position)
        expected = None if expected is None or position is None else min(expected, position)
        for offset in offsets:
            if expected is None:
                self.holes[topic, partition, offset] = -1
            elif offset != expected:
                self.holes[topic, partition, offset] = min(expected, offset)
            expected = offset + 1
        if expected is not None:
            self._next[topic, partition] = expected
        if offsets:
            self.last[topic, partition] = offsets[-1]

    def lost_before(self, topic: str, partition: int, offset: int, expected: int) -> bool:
        """Whether messages between `expected` and `offset` existed but never reached the engine."""
        return offset > expected and self.holes.pop((topic, partition, offset), offset) > expected


def watch_fetches(app: faust.App, wait_s: float) -> FetchLog:
    """Note every fetch of an app's consumer; the broker gathers messages for so long, or a mebibyte of them."""
    log = FetchLog()
    app.waysight_fetches, app.waysight_wait_ms = log, round(1000 * wait_s)
    AIOKafkaConsumerThread._fetch_records = _noted_fetch
    AIOKafkaConsumerThread._highwaters = _committed_ends
    AIOKafkaConsumerThread._create_worker_consumer = _gathering_consumer
    return log


def _gathering_consumer(self: Any, *given: Any) -> Any:
    consumer = _create(self, *given)
    wait_ms = getattr(self.app, "waysight_wait_ms", None)
    if wait_ms is not None:
        consumer._fetch_min_bytes, consumer._fetch_max_wait_ms = _FETCH_BYTES, wait_ms
    return consumer


async def _committed_ends(self: Any, partitions: Any) -> Any:
    return await self._ensure_consumer().end_offsets(partitions)


async def _noted_fetch(self: Any, consumer: Any, active_partitions: Any, **options: Any) -> Any:
    log = getattr(self.app, "waysight_fetches", None)
    before = {} if log is None else {tp: _position(consumer, tp) for tp in active_partitions or ()}
    records = await _fetch(self, consumer, active_partitions, **options)
    if log is None:
        return records
    for tp in {**before, **records}:
        log.note(tp.topic, tp.partition, before.get(tp), [r.offset for r in records.get(tp, ())])
    return {tp: [_bundle(found)] for tp, found in records.items() if found}


def _position(consumer: Any, tp: Any) -> int | None:
    assignment = getattr(consumer._subscription.subscription, "assignment", None)
    state = None if assignment is None else assignment._tp_state.get(tp)
    return state.position if state is not None and state.has_valid_position else None


def own_commits(
    app: faust.App,
    commit: Callable[[], Awaitable[None]],
    end: Callable[[], Awaitable[None]],
    resumed: Callable[[], None],
) -> None:
    """Faust's timer calls `commit`, a revocation `end`, and `resumed` runs once the new assignment is fetched from."""
    rebalance_end = app.on_rebalance_end

    async def force_commit(*_: Any, **__: Any) -> bool:
        await commit()
        return True

    async def wait_empty(*_: Any) -> None:
        await end()

    def on_rebalance_end() -> None:
        rebalance_end()
        resumed()

    app.consumer.force_commit = force_commit
    app.consumer.commit_and_end_transactions = wait_empty
    app._consumer_wait_empty = wait_empty
    app.on_rebalance_end = on_rebalance_end


def use_copartitioned_assignor(app: faust.App) -> None:
    """Assign partition n of all inputs to the same worker; the app must be made with one standby replica."""
    app.assignor.replicas = 0


def own_producers(app: faust.App) -> None:
    """Keep the app's transactional producers apart from those of other apps in this process."""
    app.producer._transaction_producers, app.producer._trn_locks = {}, {}


def crash_ends_process(app: faust.App, die: Callable[[str], None]) -> None:
    """Any crash of a Faust service ends the process."""

    async def crash(reason: BaseException) -> None:
        die(f"Faust crashed: {reason!r}")

    app.crash = crash


class Bundle(NamedTuple):
    """Several records of one partition in the shape of one; `offset` is the last one's, `value` holds them all."""

    topic: str
    partition: int
    offset: int
    value: list[Any]
    timestamp: int = 0
    timestamp_type: int = 0
    headers: tuple[()] = ()
    key: bytes = b""
    checksum: None = None
    serialized_key_size: int = 0
    serialized_value_size: int = 0


def _bundle(records: list[Any]) -> Bundle:
    last = records[-1]
    return Bundle(last.topic, last.partition, last.offset, records)


def messages_of(bundle: Any) -> list[Message]:
    """What is in a bundle that has come through Faust, as our messages."""
    return [
        Message(
            raw.topic,
            raw.partition,
            raw.offset,
            raw.key,
            raw.value,
            {name: value or b"" for name, value in raw.headers},
            raw.timestamp or 0,
        )
        for raw in bundle.value
    ]

"""count: passes and tallies → counts per camera and minute of event time. Logic: domain/counting.py."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import numpy as np

from waysight.adapters.broadcast import Broadcast
from waysight.adapters.dead_letters import dead_letter_output
from waysight.adapters.registry import ConfluentRegistry
from waysight.cameras.scenes import Scenes
from waysight.codec import Codec
from waysight.domain.counting import (
    CameraCounts,
    CountingRules,
    Fact,
    Measure,
    TooLate,
    add_many,
    advance,
    reached,
)
from waysight.domain.rollup import SLOT_MS, places_of
from waysight.domain.scene import Scene
from waysight.domain.watermarks import Progress
from waysight.engine import Followed, Message, Output, PartitionState
from waysight.messages import CameraRecord, Count, Minute, Pass, PassBatch, Tally, TallyBatch, Watermark
from waysight.settings import Settings
from waysight.streaming.envelopes import Fences, Flush, decoded
from waysight.streaming.pass_columns import PassColumns
from waysight.streaming.pass_groups import grouped
from waysight.topics import partition_for

_MEASURES: dict[str, Measure] = {"passes": "passes", "tallies": "violations"}


class CountLogic:
    """Per camera: open windows of passes (fenced by origin) and of violations (each id once)."""

    name = "count"
    inputs = ("passes", "tallies")
    outputs = ("counts", "minutes", "dead-letters")

    def __init__(
        self,
        codec: Codec,
        rules: CountingRules,
        partitions: int,
        scene: Callable[[str], Scene] = lambda camera_id: Scene(camera_id=camera_id),
        tables: Sequence[Followed] = (),
    ) -> None:
        self._codec, self._rules, self._partitions = codec, rules, partitions
        self._scene, self.tables = scene, tables

    async def start(self) -> None:
        """Nothing to open but its tables, which the engine starts."""

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        flush, fences = Flush(self._codec, self._partitions), Fences(state)
        self._count_passes(state, flush, fences, [m for m in messages if m.topic == "passes"])
        for message in messages:
            if message.topic == "tallies":
                flush.reading(message)
                self._count_tallies(state, flush, message)
        fences.save()
        return flush.finish()

    def _count_passes(
        self, state: PartitionState, flush: Flush, fences: Fences, messages: Sequence[Message]
    ) -> None:
        columns = PassColumns(self._codec, messages, self.name, flush.outputs)
        rows = np.flatnonzero(columns.new(fences) & columns.keyed("camera:"))
        bucket_ms = math.gcd(self._rules.window_ms, self._rules.lateness_ms)
        at = -1
        for number, item in grouped(
            columns, rows, self._rules.window_ms, bucket_ms, lambda camera_id: self._home(state, camera_id)
        ):
            message = columns.messages[number]
            if number > at:
                flush.reading(message)
            at = number
            if isinstance(item, Watermark):
                self._advance(state, flush, message, item)
                continue
            fact = Fact(camera_id=item.camera_id, category=item.category, at_ms=item.last_ms)
            try:
                self._add(state, flush, "passes", fact, len(item.rows))
            except TooLate as error:
                for row in item.rows.tolist():
                    message, one = columns.message(row), columns.whole(row)
                    flush.outputs.append(self._letter(message, PassBatch, one, str(error)))

    def _count_tallies(self, state: PartitionState, flush: Flush, message: Message) -> None:
        batch: TallyBatch | None = decoded(self._codec, message, self.name, flush.outputs)
        # A step of enforce reads two topics, whose offsets do not say which was first: no watermark before a tally.
        for tally in batch.records if batch else ():
            fact = Fact(
                camera_id=tally.camera_id,
                category=tally.offence,
                at_ms=tally.occurred_ms,
                fact_id=tally.violation_id,
            )
            try:
                self._add(state, flush, "violations", fact, 1)
            except TooLate as error:
                flush.outputs.append(self._letter(message, TallyBatch, tally, str(error)))
        for mark in batch.watermarks if batch else ():
            if self._home(state, mark.camera_id):
                self._advance(state, flush, message, mark)

    def _home(self, state: PartitionState, camera_id: str) -> bool:
        return partition_for(f"camera:{camera_id}", self._partitions) == state.partition

    def _add(self, state: PartitionState, flush: Flush, measure: Measure, fact: Fact, times: int) -> None:
        """Count so many facts; raises TooLate."""
        key = f"{measure}|{fact.camera_id}"
        counts = state.get("cameras", key, CameraCounts) or CameraCounts()
        counts, told = add_many(self._rules, measure, counts, fact, times, self._sources(measure))
        state.put("cameras", key, counts)
        self._tell(flush, told)

    def _letter(
        self, message: Message, envelope: Callable[..., Any], record: Pass | Tally, reason: str
    ) -> Output:
        """A dead letter that holds the one late record, so that it can be sent again."""
        value = self._codec.encode(message.topic, envelope(records=(record,), watermarks=()))
        letter = Message(message.topic, message.partition, message.offset, message.key, value)
        return dead_letter_output(self._codec, letter, reason, self.name)

    def _advance(self, state: PartitionState, flush: Flush, message: Message, mark: Watermark) -> None:
        measure = _MEASURES[message.topic]
        key = f"{measure}|{mark.camera_id}"
        counts = state.get("cameras", key, CameraCounts) or CameraCounts()
        # A camera's passes come from one partition of track; its violations from every partition of enforce.
        source = mark.origin_partition if measure == "violations" else 0
        progress, sources = Progress(mark.captured_ms, mark.end), self._sources(measure)
        before = reached(self._rules, counts, sources)
        counts, told = advance(self._rules, measure, counts, mark.camera_id, source, progress, sources)
        state.put("cameras", key, counts)
        self._tell(flush, told)
        after = reached(self._rules, counts, sources)
        # Sums close at the end of a slot: a camera's time in between would tell them nothing.
        if after is not None and (mark.end or before is None or before // SLOT_MS < after // SLOT_MS):
            ended = all(p.end for _, p in counts.sources)
            self._minute(flush, "end" if ended else "reached", measure, mark.camera_id, after)

    def _sources(self, measure: Measure) -> int:
        return self._partitions if measure == "violations" else 1

    def _tell(self, flush: Flush, told: Iterable[Count]) -> None:
        for count in told:
            flush.one("counts", f"camera:{count.camera_id}", flush.stamped(count))
            self._minute(flush, "value", count.measure, count.camera_id, count.window_start_ms, count)

    def _minute(
        self,
        flush: Flush,
        kind: Literal["value", "reached", "end"],
        measure: Measure,
        camera_id: str,
        start_ms: int,
        count: Count | None = None,
    ) -> None:
        """Pass a count, or how far counts have come, on to where its places are summed."""
        places = places_of(self._scene(camera_id))
        minute = Minute(
            kind=kind,
            measure=measure,
            camera_id=camera_id,
            places=places,
            category=count.category if count else "",
            start_ms=start_ms,
            value=count.value if count else 0,
            version=count.version if count else 0,
            origin_partition=0,
            origin_offset=0,
            ordinal=0,
        )
        minute = flush.stamped(minute)
        for place in {partition_for(p, self._partitions): p for p in places}.values():
            flush.grouped("minutes", place, minute)


def build(settings: Settings) -> CountLogic:
    """The processor against the real engines."""
    codec, scenes = Codec(ConfluentRegistry(settings.registry)), Scenes()
    cameras = Broadcast[CameraRecord](settings, codec, "cameras", scenes.apply)
    rules = CountingRules(lateness_ms=settings.allowed_lateness_ms)
    return CountLogic(codec, rules, settings.partitions, scenes.scene, (cameras,))

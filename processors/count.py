"""count: passes and tallies → counts per camera and minute of event time. Logic: domain/counting.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

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
from waysight.domain.rollup import places_of
from waysight.domain.scene import Scene
from waysight.domain.watermarks import Progress
from waysight.engine import Followed, Message, Output, PartitionState
from waysight.envelope_columns import PassRow, pass_rows
from waysight.envelopes import Fences, Flush, decoded, in_order
from waysight.messages import CameraRecord, Count, Minute, Pass, Tally, Watermark
from waysight.settings import Settings
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
        passes = [m for m in messages if m.topic == "passes"]
        columns = {m.offset: rows for m, rows in zip(passes, pass_rows(self._codec, passes), strict=True)}
        for message in messages:
            flush.reading(message)
            rows = columns.get(message.offset) if message.topic == "passes" else None
            if rows is None:
                batch = decoded(self._codec, message, self.name, flush.outputs)
                rows = [] if batch is None else list(map(_row, _ordered(message.topic, batch)))
            groups: dict[tuple[str, str, int], list[PassRow]] = {}
            for item in rows:
                if isinstance(item, Watermark):
                    self._add_groups(state, flush, message, groups)
                    if partition_for(f"camera:{item.camera_id}", self._partitions) == state.partition:
                        self._advance(state, flush, message, item)
                elif isinstance(item, Tally):
                    fact = Fact(
                        camera_id=item.camera_id,
                        category=item.offence,
                        at_ms=item.occurred_ms,
                        fact_id=item.violation_id,
                    )
                    self._add(state, flush, message, fact, [item])
                elif item.key.startswith("camera:") and fences.is_new(message, item):
                    window = item.last_ms // self._rules.window_ms
                    groups.setdefault((item.camera_id, item.label, window), []).append(item)
            self._add_groups(state, flush, message, groups)
        fences.save()
        return flush.finish()

    def _add_groups(
        self,
        state: PartitionState,
        flush: Flush,
        message: Message,
        groups: dict[tuple[str, str, int], list[PassRow]],
    ) -> None:
        """Add the passes gathered since the last watermark, window by window."""
        for (camera_id, label, _), rows in groups.items():
            fact = Fact(camera_id=camera_id, category=label, at_ms=rows[0].last_ms)
            self._add(state, flush, message, fact, rows)
        groups.clear()

    def _add(
        self,
        state: PartitionState,
        flush: Flush,
        message: Message,
        fact: Fact,
        rows: Sequence[PassRow | Tally],
    ) -> None:
        measure = _MEASURES[message.topic]
        key = f"{measure}|{fact.camera_id}"
        counts = state.get("cameras", key, CameraCounts) or CameraCounts()
        try:
            counts, told = add_many(self._rules, measure, counts, fact, len(rows), self._sources(measure))
        except TooLate as error:
            flush.outputs += [self._letter(message, row, str(error)) for row in rows]
            return
        state.put("cameras", key, counts)
        self._tell(flush, told)

    def _letter(self, message: Message, row: PassRow | Tally, reason: str) -> Output:
        """A dead letter that holds the one late record, so that it can be sent again."""
        whole = self._codec.decode(message.topic, message.value)
        late = next(r for r in whole.records if _place(r) == _place(row) and _same_key(r, row))
        alone = replace(whole, records=(late,), watermarks=())
        value = self._codec.encode(message.topic, alone)
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
        after, window_ms = reached(self._rules, counts, sources), self._rules.window_ms
        if after is not None and (mark.end or before is None or before // window_ms < after // window_ms):
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


def _ordered(topic: str, batch: Any) -> list[Any]:
    # A step of enforce reads two topics, whose offsets do not say which was first: no watermark before a tally.
    return [*batch.records, *batch.watermarks] if topic == "tallies" else in_order(batch)


def _row(item: Pass | Tally | Watermark) -> PassRow | Tally | Watermark:
    if not isinstance(item, Pass):
        return item
    s = item
    return PassRow(s.origin_offset, s.ordinal, s.origin_partition, s.key, s.camera_id, s.label, s.last_ms)


def _place(record: Any) -> tuple[int, int]:
    return record.origin_offset, record.ordinal


def _same_key(record: Pass | Tally, row: PassRow | Tally) -> bool:
    return not isinstance(record, Pass) or record.key == row.key  # type: ignore[union-attr]


def build(settings: Settings) -> CountLogic:
    """The processor against the real engines."""
    codec, scenes = Codec(ConfluentRegistry(settings.registry)), Scenes()
    cameras = Broadcast[CameraRecord](settings, codec, "cameras", scenes.apply)
    rules = CountingRules(lateness_ms=settings.allowed_lateness_ms)
    return CountLogic(codec, rules, settings.partitions, scenes.scene, (cameras,))

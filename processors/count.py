"""count: passes and tallies → counts per camera and minute of event time. Logic: domain/counting.py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from waysight.adapters.dead_letters import dead_letter_output
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.domain.counting import CameraCounts, CountingRules, Fact, Measure, TooLate, add_many, advance
from waysight.domain.watermarks import Progress
from waysight.engine import Followed, Message, Output, PartitionState
from waysight.envelope_columns import PassRow, pass_rows
from waysight.envelopes import Fences, Flush, decoded, in_order
from waysight.messages import Count, Pass, Tally, Watermark
from waysight.settings import Settings
from waysight.topics import partition_for

_MEASURES: dict[str, Measure] = {"passes": "passes", "tallies": "violations"}


class CountLogic:
    """Per camera: open windows of passes (fenced by origin) and of violations (each id once)."""

    name = "count"
    inputs = ("passes", "tallies")
    outputs = ("counts", "dead-letters")
    tables: Sequence[Followed] = ()

    def __init__(self, codec: Codec, rules: CountingRules, partitions: int) -> None:
        self._codec, self._rules, self._partitions = codec, rules, partitions

    async def start(self) -> None:
        """Nothing to open."""

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
        progress = Progress(mark.captured_ms, mark.end)
        counts, told = advance(
            self._rules, measure, counts, mark.camera_id, source, progress, self._sources(measure)
        )
        state.put("cameras", key, counts)
        self._tell(flush, told)

    def _sources(self, measure: Measure) -> int:
        return self._partitions if measure == "violations" else 1

    @staticmethod
    def _tell(flush: Flush, told: Iterable[Count]) -> None:
        for count in told:
            flush.one("counts", f"camera:{count.camera_id}", flush.stamped(count))


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
    rules = CountingRules(lateness_ms=settings.allowed_lateness_ms)
    return CountLogic(Codec(ConfluentRegistry(settings.registry)), rules, settings.partitions)

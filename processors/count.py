"""count: passes and tallies → counts per camera and minute of event time. Logic: domain/counting.py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from waysight.adapters.dead_letters import dead_letter_output
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.domain.counting import CameraCounts, CountingRules, Fact, Measure, TooLate, add, advance
from waysight.domain.watermarks import Progress
from waysight.engine import Message, Output, PartitionState
from waysight.envelopes import Flush, decoded, in_order, is_new
from waysight.messages import Count, PassBatch, Tally, TallyBatch, Watermark
from waysight.settings import Settings
from waysight.topics import partition_for

_MEASURES: dict[str, Measure] = {"passes": "passes", "tallies": "violations"}


class CountLogic:
    """Per camera: open windows of passes (fenced by origin) and of violations (each id once)."""

    name = "count"
    inputs = ("passes", "tallies")
    outputs = ("counts", "dead-letters")

    def __init__(self, codec: Codec, rules: CountingRules, partitions: int) -> None:
        self._codec, self._rules, self._partitions = codec, rules, partitions

    async def start(self) -> None:
        """Nothing to open."""

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        flush = Flush(self._codec, self._partitions)
        for message in messages:
            flush.reading(message)
            batch = decoded(self._codec, message, self.name, flush.outputs)
            for item in in_order(batch) if batch is not None else ():
                if isinstance(item, Watermark):
                    if partition_for(f"camera:{item.camera_id}", self._partitions) == state.partition:
                        self._advance(state, flush, message, item)
                elif isinstance(item, Tally):
                    fact = Fact(
                        camera_id=item.camera_id,
                        category=item.offence,
                        at_ms=item.occurred_ms,
                        fact_id=item.violation_id,
                    )
                    self._add(state, flush, message, fact, TallyBatch(records=(item,), watermarks=()))
                elif item.key.startswith("camera:") and is_new(state, message, item):
                    fact = Fact(
                        camera_id=item.sighting.camera_id,
                        category=item.sighting.label,
                        at_ms=item.sighting.last_ms,
                    )
                    self._add(state, flush, message, fact, PassBatch(records=(item,), watermarks=()))
        return flush.finish()

    def _add(self, state: PartitionState, flush: Flush, message: Message, fact: Fact, alone: object) -> None:
        measure = _MEASURES[message.topic]
        key = f"{measure}|{fact.camera_id}"
        counts = state.get("cameras", key, CameraCounts) or CameraCounts()
        try:
            counts, told = add(self._rules, measure, counts, fact, self._sources(measure))
        except TooLate as error:
            value = self._codec.encode(message.topic, alone)
            letter = Message(message.topic, message.partition, message.offset, message.key, value)
            flush.outputs.append(dead_letter_output(self._codec, letter, str(error), self.name))
            return
        state.put("cameras", key, counts)
        self._tell(flush, told)

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


def build(settings: Settings) -> CountLogic:
    """The processor against the real engines."""
    rules = CountingRules(lateness_ms=settings.allowed_lateness_ms)
    return CountLogic(Codec(ConfluentRegistry(settings.registry)), rules, settings.partitions)

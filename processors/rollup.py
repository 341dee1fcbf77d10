"""rollup: minutes → sums per camera, road and district, by hour and sliding. Logic: domain/rollup.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from waysight.adapters.dead_letters import dead_letter_output
from waysight.adapters.registry import ConfluentRegistry
from waysight.codec import Codec
from waysight.domain.rollup import Cell, PlaceState, RollupRules, step
from waysight.engine import Followed, Message, Output, PartitionState
from waysight.messages import Minute, MinuteBatch
from waysight.settings import Settings
from waysight.streaming.envelopes import Flush, decoded
from waysight.topics import partition_for


@dataclass(frozen=True, slots=True)
class Cells:
    """The minutes of one camera in one slot of one place."""

    items: tuple[Cell, ...] = ()


class RollupLogic:
    """Minutes are absolute and versioned, so that neither a repeat nor another order changes a sum."""

    name = "rollup"
    inputs = ("minutes",)
    outputs = ("rollups", "dead-letters")
    tables: Sequence[Followed] = ()

    def __init__(self, codec: Codec, rules: RollupRules, partitions: int) -> None:
        self._codec, self._rules, self._partitions = codec, rules, partitions

    async def start(self) -> None:
        """Nothing to open."""

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        flush = Flush(self._codec, self._partitions)
        by_place: dict[tuple[str, str], list[Minute]] = {}
        came: dict[tuple[int, int, int], Message] = {}
        for message in messages:
            flush.reading(message)
            batch: MinuteBatch | None = decoded(self._codec, message, self.name, flush.outputs)
            for minute in batch.records if batch is not None else ():
                came[_place(minute)] = message
                for place in minute.places:
                    if partition_for(place, self._partitions) == state.partition:
                        by_place.setdefault((minute.measure, place), []).append(minute)
        for (measure, place), minutes in by_place.items():
            key = f"{measure}|{place}"
            before = state.get("places", key, PlaceState) or PlaceState()
            shelf = _Shelf(state, key)
            rolled = step(self._rules, minutes[0].measure, place, before, shelf, minutes)
            if rolled.state != before:
                state.put("places", key, rolled.state)
            for late in rolled.late:
                flush.outputs.append(self._letter(came[_place(late)], late, place))
            for row in rolled.told:
                flush.one("rollups", place, flush.stamped(row))
        return flush.finish()

    def _letter(self, message: Message, late: Minute, place: str) -> Output:
        """A dead letter that holds the one late minute for the one place."""
        batch = MinuteBatch(records=(replace(late, places=(place,)),), watermarks=())
        value = self._codec.encode(message.topic, batch)
        letter = Message(message.topic, message.partition, message.offset, message.key, value)
        reason = (
            f"minute {late.start_ms} of {late.camera_id} comes after its hour was closed for good for {place}"
        )
        return dead_letter_output(self._codec, letter, reason, self.name)


class _Shelf:
    """Implements `domain.rollup.Shelf` on a partition's state."""

    def __init__(self, state: PartitionState, key: str) -> None:
        self._state, self._key = state, key

    def get(self, slot_ms: int, camera_id: str) -> tuple[Cell, ...]:
        found = self._state.get("cells", f"{self._key}|{slot_ms}|{camera_id}", Cells)
        return found.items if found else ()

    def put(self, slot_ms: int, camera_id: str, cells: tuple[Cell, ...]) -> None:
        at = f"{self._key}|{slot_ms}|{camera_id}"
        if cells:
            self._state.put("cells", at, Cells(cells))
        else:
            self._state.delete("cells", at)


def _place(minute: Minute) -> tuple[int, int, int]:
    return minute.origin_partition, minute.origin_offset, minute.ordinal


def build(settings: Settings) -> RollupLogic:
    """The processor against the real engines."""
    rules = RollupRules(lateness_ms=settings.allowed_lateness_ms)
    return RollupLogic(Codec(ConfluentRegistry(settings.registry)), rules, settings.partitions)

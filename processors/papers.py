"""papers: sightings × the register of vehicles → violations. Logic: domain/enforcement/papers.py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from waysight.adapters.broadcast import Broadcast
from waysight.adapters.dead_letters import REPLAYED
from waysight.adapters.registry import ConfluentRegistry
from waysight.authority.rulepacks import all_packs
from waysight.cameras.scenes import Scenes, plate_formats
from waysight.cloudevents import cloudevents_headers
from waysight.codec import Codec
from waysight.domain.enforcement import papers
from waysight.domain.enforcement.case import Law
from waysight.domain.enforcement.papers import Papers
from waysight.domain.exemptions import Exemptions
from waysight.engine import Followed, Message, Output, PartitionState
from waysight.messages import CameraRecord, Exemption, Sighting, SightingBatch, Vehicle
from waysight.settings import Settings
from waysight.streaming.envelopes import Fences, Flush, decoded
from waysight.streaming.paper_screening import may_lack
from waysight.streaming.sighting_columns import SightingColumns

_KEEP_DAYS = 3


@dataclass(frozen=True, slots=True)
class Told:
    """The newest local days (ISO) of which an offence of a plate was told."""

    days: tuple[str, ...] = ()


class PapersLogic:
    """Keeps what the register says of each plate, and of which local days an offence of a plate was told."""

    name = "papers"
    inputs = ("sightings", "vehicles")
    outputs = ("violations", "dead-letters")

    def __init__(
        self,
        codec: Codec,
        scenes: Scenes,
        law: Law,
        tables: Sequence[Followed] = (),
        exemptions: Exemptions | None = None,
    ) -> None:
        self._codec, self._scenes, self._law, self.tables = codec, scenes, law, tables
        self._exemptions = exemptions or Exemptions()

    async def start(self) -> None:
        """Nothing to open but its tables, which the engine starts."""

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        """Register records first, so that a batch judges by what it brought itself."""
        flush, fences = Flush(self._codec, 1), Fences(state)
        for message in messages:
            if message.topic == "vehicles":
                self._register(state, flush, message)
        sightings = [m for m in messages if m.topic == "sightings"]
        columns = SightingColumns(self._codec, sightings)
        if columns.records is None:
            for message in sightings:
                record = decoded(self._codec, message, self.name, flush.outputs)
                if isinstance(record, SightingBatch):
                    new = [s for s in record.records if fences.is_new(message, s)]
                    self._judge(state, flush, message, new)
        else:
            again = np.array([bool(m.headers) and REPLAYED in m.headers for m in sightings], bool)
            new_rows = fences.new_rows("sightings", columns.origins(), again[columns.message])
            rows = np.flatnonzero(new_rows & may_lack(self._law, self._scenes.scene, columns.records))
            for number, sighting in zip(columns.message[rows].tolist(), columns.whole(rows), strict=True):
                self._judge(state, flush, sightings[number], (sighting,))
        fences.save()
        return flush.finish()

    def _register(self, state: PartitionState, flush: Flush, message: Message) -> None:
        key = (message.key or b"").decode(errors="replace")
        if message.value is None:
            state.delete("papers", key)
            return
        vehicle: Vehicle | None = decoded(self._codec, message, self.name, flush.outputs)
        if vehicle is None:
            return
        known = Papers.of(vehicle)
        if known.say_something:
            state.put("papers", vehicle.plate, known)
        else:
            state.delete("papers", vehicle.plate)

    def _judge(
        self, state: PartitionState, flush: Flush, message: Message, sightings: Iterable[Sighting]
    ) -> None:
        flush.reading(message)
        for sighting in sightings:
            known = state.get("papers", sighting.plate, Papers) if sighting.plate else None
            scene = self._scenes.scene(sighting.camera_id)
            for found in papers.judge(self._law, scene, sighting, known) if known else ():
                day = papers.day_key(self._law, scene, found)
                if day and not _first(state, f"{found.plate}|{found.offence}", day):
                    continue
                told = flush.stamped(self._exemptions.applied(found))
                flush.one("violations", told.plate, told, cloudevents_headers("violations", told))


def _first(state: PartitionState, key: str, day: str) -> bool:
    """Whether an offence of a plate was not told of a day yet; the newest days of each are remembered."""
    days = (state.get("told", key, Told) or Told()).days
    if day in days or (len(days) == _KEEP_DAYS and day < days[0]):
        return False
    state.put("told", key, Told(tuple(sorted((*days, day))[-_KEEP_DAYS:])))
    return True


def build(settings: Settings) -> PapersLogic:
    """The processor against the real engines."""
    codec, scenes, exemptions = Codec(ConfluentRegistry(settings.registry)), Scenes(), Exemptions()
    law = Law(packs=all_packs(), formats=plate_formats(), enforcement_gate=settings.enforcement_gate)
    tables = (
        Broadcast[CameraRecord](settings, codec, "cameras", scenes.apply),
        Broadcast[Exemption](settings, codec, "exemptions", exemptions.apply),
    )
    return PapersLogic(codec, scenes, law, tables, exemptions)

"""match: sightings × what is looked for → alerts, and what people say of them. Logic: domain/matching.py, episodes.py."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

import numpy as np

from waysight.adapters.broadcast import Broadcast
from waysight.adapters.dead_letters import REPLAYED, dead_letter_output
from waysight.adapters.packed import registry_tables, watch_table
from waysight.adapters.registry import ConfluentRegistry
from waysight.cameras.scenes import Scenes, plate_formats
from waysight.cloudevents import cloudevents_headers
from waysight.codec import Codec
from waysight.domain.authorisations import Authorisations
from waysight.domain.episodes import Raised, act, alert_id, merged, raised
from waysight.domain.matching import Known, findings
from waysight.domain.owner_index import OwnerIndex
from waysight.domain.recent import Seen, is_sure
from waysight.domain.vehicle_table import VehicleTable
from waysight.domain.watch_index import WatchIndex
from waysight.engine import Followed, Message, Output, PartitionState
from waysight.messages import (
    AlertAction,
    Authorisation,
    CameraRecord,
    Sighting,
    SightingBatch,
    Watermark,
)
from waysight.settings import Settings
from waysight.streaming.alert_book import AlertBook
from waysight.streaming.envelopes import Fences, Flush, decoded
from waysight.streaming.seen_columns import seen_rows
from waysight.streaming.sighting_columns import SightingColumns
from waysight.streaming.sighting_screening import screened
from waysight.streaming.trails import Fresh, Trails, cloned_rules

_place = attrgetter("origin_offset", "ordinal")


class MatchLogic:
    """Remembers what was told of each alert until a day after its episode, so that nothing is told twice."""

    name = "match"
    inputs = ("sightings", "alert-actions", "companions")
    outputs = ("alerts", "follows", "dead-letters")
    prompt = ("alerts",)

    def __init__(
        self,
        codec: Codec,
        scenes: Scenes,
        watchlist: WatchIndex,
        alert_gate: float,
        clock_ms: Callable[[], int],
        tables: Sequence[Followed] = (),
        known: Known | None = None,
        trails: Trails | None = None,
    ) -> None:
        self._codec, self._scenes, self._clock_ms, self.tables = codec, scenes, clock_ms, tables
        self._known = known or Known(watchlist, alert_gate)
        self._trails = trails or Trails(scenes, self._known.authorisations, alert_gate)

    async def start(self) -> None:
        """Nothing to open but its tables, which the engine starts."""

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        """Sightings and what people say of alerts in, alerts and points of followed paths out."""
        flush, fences, book = Flush(self._codec, 1), Fences(state), AlertBook.of(state)
        sightings = [m for m in messages if m.topic == "sightings"]
        columns = SightingColumns(self._codec, sightings)
        followed = self._trails.followed()
        found = self._screened(columns, sightings, fences, followed)
        seen = (
            seen_rows(columns.records, self._known.gate)
            if self._trails.wants_seen and columns.records
            else []
        )
        reached: dict[str, int] = {}
        number = 0
        for message in messages:
            flush.reading(message)
            if message.topic != "sightings" or columns.records is None:
                record = decoded(self._codec, message, self.name, flush.outputs)
                if not isinstance(record, SightingBatch):
                    self._other(state, book, flush, fences, message, record)
                    continue
                looked = [s for s in sorted(record.records, key=_place) if fences.is_new(message, s)]
                marks: Sequence[Watermark] = record.watermarks
                seen += [Seen.of(s) for s in looked if is_sure(s, self._known.gate)]
            else:
                looked, marks = found.get(number, []), columns.marks[number]
                number += 1
            for sighting in looked:
                self._look(book, flush, sighting, followed)
            for mark in marks:
                reached[mark.camera_id] = max(mark.captured_ms, reached.get(mark.camera_id, 0))
                book.reach(mark.camera_id, mark.captured_ms)
        self._tell_fresh(book, flush, self._trails.cloned(state, seen, reached, self._clock_ms()))
        fences.save()
        return flush.finish()

    def _screened(
        self,
        columns: SightingColumns,
        messages: Sequence[Message],
        fences: Fences,
        followed: frozenset[str],
    ) -> dict[int, list[Sighting]]:
        """New sightings that may meet something, whole, by the number of their message."""
        if columns.records is None:
            return {}
        again = np.array([bool(m.headers) and REPLAYED in m.headers for m in messages], bool)[columns.message]
        new = fences.new_rows("sightings", columns.origins(), again)
        rows = np.flatnonzero(new & screened(self._known, self._scenes.scene, columns.records, followed))
        found: dict[int, list[Sighting]] = {}
        for number, sighting in zip(columns.message[rows].tolist(), columns.whole(rows), strict=True):
            found.setdefault(number, []).append(sighting)
        return found

    def _look(self, book: AlertBook, flush: Flush, sighting: Sighting, followed: frozenset[str]) -> None:
        scene = self._scenes.scene(sighting.camera_id)
        for finding in findings(self._known, scene, sighting):
            before = book.get(alert_id(finding, scene, sighting))
            self._tell(book, flush, raised(finding, scene, sighting, before, self._clock_ms()))
        for point in self._trails.points(sighting) if sighting.plate in followed else ():
            flush.one("follows", point.plate, flush.stamped(point))

    def _other(
        self,
        state: PartitionState,
        book: AlertBook,
        flush: Flush,
        fences: Fences,
        message: Message,
        record: object,
    ) -> None:
        if message.topic == "companions" and record is not None and fences.is_new(message, record):
            self._tell_fresh(book, flush, self._trails.met(state, record, self._clock_ms()))  # type: ignore[arg-type]
        elif isinstance(record, AlertAction):
            before = book.get(record.alert_id)
            if before is None:
                reason = "no such alert, or older than a day; look up its id with `waysight alerts list`"
                flush.outputs.append(dead_letter_output(self._codec, message, reason, self.name))
            else:
                self._tell(book, flush, act(before, record))

    def _tell_fresh(self, book: AlertBook, flush: Flush, found: Iterable[Fresh]) -> None:
        for alert, forget_ms in found:
            self._tell(book, flush, merged(book.get(alert.alert_id), alert, forget_ms))

    def _tell(self, book: AlertBook, flush: Flush, told: Raised | None) -> None:
        if told is not None:
            alert = flush.stamped(told.alert)
            book.put(Raised(alert, told.forget_ms, told.told, told.acted))
            flush.one("alerts", alert.subject, alert, cloudevents_headers("alerts", alert))


def build(settings: Settings) -> MatchLogic:
    """The processor against the real engines."""
    codec, scenes, vehicles = Codec(ConfluentRegistry(settings.registry)), Scenes(), VehicleTable()
    watchlist, authorisations = WatchIndex(plate_formats(), vehicles), Authorisations()
    owners = OwnerIndex(vehicles)
    known = Known(watchlist, settings.alert_gate, authorisations, vehicles, owners)
    tables = (
        Broadcast[CameraRecord](settings, codec, "cameras", scenes.apply),
        watch_table(settings, codec, watchlist),
        *registry_tables(settings, codec, vehicles, owners),
        Broadcast[Authorisation](settings, codec, "authorisations", authorisations.apply),
    )
    return MatchLogic(
        codec,
        scenes,
        watchlist,
        settings.alert_gate,
        lambda: time.time_ns() // 1_000_000,
        tables,
        known,
        Trails(scenes, authorisations, settings.alert_gate, cloned_rules(settings)),
    )

"""match: sightings × what is looked for → alerts, and what people say of them. Logic: domain/matching.py, episodes.py."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from waysight.adapters.broadcast import Broadcast
from waysight.adapters.dead_letters import dead_letter_output
from waysight.adapters.registry import ConfluentRegistry
from waysight.alert_book import AlertBook
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
from waysight.envelope_columns import SightingColumns
from waysight.envelopes import Fences, Flush, decoded, in_order
from waysight.messages import AlertAction, Authorisation, CameraRecord, Sighting, WatchlistEntry, Watermark
from waysight.seen_columns import seen_rows
from waysight.settings import Settings
from waysight.trails import Fresh, Trails, cloned_rules
from waysight.worth_looking import worth_looking


class MatchLogic:
    """Remembers what was told of each alert until a day after its episode, so that nothing is told twice."""

    name = "match"
    inputs = ("sightings", "alert-actions", "companions")
    outputs = ("alerts", "follows", "dead-letters")

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
        rows_at = {m.offset: rows for m, rows in zip(sightings, columns.rows, strict=True)}
        followed = self._trails.followed()
        worth = worth_looking(self._known, self._scenes.scene, columns.records, followed)
        seen: list[Seen] = []
        if columns.records is not None and self._trails.wants_seen:
            seen = seen_rows(columns.records, self._known.gate)
        reached: dict[str, int] = {}
        for message in messages:
            flush.reading(message)
            rows = rows_at.get(message.offset) if message.topic == "sightings" else None
            if rows is None:
                record = decoded(self._codec, message, self.name, flush.outputs)
                if record is None or message.topic != "sightings":
                    self._other(state, book, flush, fences, message, record)
                    continue
                rows = in_order(record)
                seen += [Seen.of(s) for s in record.records if is_sure(s, self._known.gate)]
            for item in rows:
                if isinstance(item, Watermark):
                    reached[item.camera_id] = max(item.captured_ms, reached.get(item.camera_id, 0))
                    book.reach(item.camera_id, item.captured_ms)
                elif fences.is_new(message, item) and (isinstance(item, Sighting) or worth[item.at]):
                    sighting = item if isinstance(item, Sighting) else columns.whole(item)
                    self._look(book, flush, sighting, followed)
        self._tell_fresh(book, flush, self._trails.cloned(state, seen, reached, self._clock_ms()))
        fences.save()
        return flush.finish()

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
    known = Known(watchlist, settings.alert_gate, authorisations, vehicles, OwnerIndex(vehicles))
    tables = (
        Broadcast[CameraRecord](settings, codec, "cameras", scenes.apply),
        Broadcast[WatchlistEntry](settings, codec, "watchlist", watchlist.apply),
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

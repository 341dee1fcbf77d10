"""match: sightings × watchlist → alerts; alert-actions change their status. Logic: domain/matching.py."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from waysight.adapters.broadcast import Broadcast
from waysight.adapters.dead_letters import dead_letter_output
from waysight.adapters.registry import ConfluentRegistry
from waysight.cameras.scenes import Scenes, plate_formats
from waysight.cloudevents import cloudevents_headers
from waysight.codec import Codec
from waysight.domain.matching import (
    KEEP_MS,
    LastAlert,
    Raised,
    WatchlistIndex,
    act,
    alert_id,
    may_match,
    raise_alert,
)
from waysight.engine import Followed, Message, Output, PartitionState
from waysight.envelope_columns import SightingColumns, SightingRow
from waysight.envelopes import Fences, Flush, decoded, in_order
from waysight.messages import Alert, CameraRecord, Sighting, WatchlistEntry, Watermark
from waysight.settings import Settings

_SWEEP_MS = 60_000


class MatchLogic:
    """Remembers what was told of each alert for a day of event time, so that nothing is told twice."""

    name = "match"
    inputs = ("sightings", "alert-actions")
    outputs = ("alerts", "dead-letters")

    def __init__(
        self,
        codec: Codec,
        scenes: Scenes,
        watchlist: WatchlistIndex,
        alert_gate: float,
        clock_ms: Callable[[], int],
        tables: Sequence[Followed] = (),
    ) -> None:
        self._codec, self._scenes, self._watchlist, self._gate = codec, scenes, watchlist, alert_gate
        self._clock_ms, self.tables = clock_ms, tables

    async def start(self) -> None:
        """Nothing to open but its tables, which the engine starts."""

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        flush, fences = Flush(self._codec, 1), Fences(state)
        sightings = [m for m in messages if m.topic == "sightings"]
        columns = SightingColumns(self._codec, sightings)
        rows_at = {m.offset: rows for m, rows in zip(sightings, columns.rows, strict=True)}
        for message in messages:
            flush.reading(message)
            rows = rows_at.get(message.offset) if message.topic == "sightings" else None
            if rows is None:
                record = decoded(self._codec, message, self.name, flush.outputs)
                if message.topic == "alert-actions":
                    if record is not None:
                        self._act(state, flush, message, record)
                    continue
                rows = [] if record is None else in_order(record)
            for item in rows:
                if isinstance(item, Watermark):
                    self._sweep(state, item.camera_id, item.captured_ms)
                elif fences.is_new(message, item) and self._may_match(item):
                    self._match(state, flush, item if isinstance(item, Sighting) else columns.whole(item))
        fences.save()
        return flush.finish()

    def _may_match(self, row: SightingRow | Sighting) -> bool:
        scene = self._scenes.scene(row.camera_id)
        return may_match(scene, row.plate, row.plate_confidence, self._gate) and self._watchlist.holds(
            row.plate
        )

    def _match(self, state: PartitionState, flush: Flush, sighting: Sighting) -> None:
        scene = self._scenes.scene(sighting.camera_id)
        for match in self._watchlist.matches(sighting.plate, sighting.captured_ms):
            place = f"{match.entry.entry_id}|{sighting.camera_id}"
            told = state.get("alerts", alert_id(match, sighting), Raised)
            last = state.get("last", place, LastAlert)
            alert = raise_alert(scene, match, sighting, told, last, self._clock_ms())
            raised_by = last.sighting_id if last and alert is None else sighting.sighting_id
            seen_ms = max(last.seen_ms, sighting.captured_ms) if last else sighting.captured_ms
            state.put("last", place, LastAlert(seen_ms, raised_by))
            if alert is not None:
                self._tell(state, flush, alert, sighting.captured_ms + KEEP_MS)

    def _act(self, state: PartitionState, flush: Flush, message: Message, action: object) -> None:
        told = state.get("alerts", action.alert_id, Raised)  # type: ignore[attr-defined]
        if told is None:
            reason = "no such alert, or older than a day; look up its id with `waysight alerts list`"
            flush.outputs.append(dead_letter_output(self._codec, message, reason, self.name))
        elif (alert := act(told, action)) is not None:  # type: ignore[arg-type]
            self._tell(state, flush, alert, told.forget_ms)

    def _tell(self, state: PartitionState, flush: Flush, alert: Alert, forget_ms: int) -> None:
        alert = flush.stamped(alert)
        state.put("alerts", alert.alert_id, Raised(alert, forget_ms))
        flush.one("alerts", alert.subject, alert, cloudevents_headers("alerts", alert))

    def _sweep(self, state: PartitionState, camera_id: str, captured_ms: int) -> None:
        """Forget what is a day old by its own camera's time: recordings of other days run beside it."""
        swept_ms = state.get("swept", camera_id, int) or 0
        if captured_ms < swept_ms + _SWEEP_MS:
            return
        state.put("swept", camera_id, captured_ms)
        for key, raised in state.items("alerts", Raised):
            if raised.alert.camera_id == camera_id and raised.forget_ms <= captured_ms:
                state.delete("alerts", key)
        for key, last in state.items("last", LastAlert):
            if key.endswith(f"|{camera_id}") and last.seen_ms + KEEP_MS <= captured_ms:
                state.delete("last", key)


def build(settings: Settings) -> MatchLogic:
    """The processor against the real engines."""
    codec, scenes = Codec(ConfluentRegistry(settings.registry)), Scenes()
    watchlist = WatchlistIndex(plate_formats())
    cameras = Broadcast[CameraRecord](settings, codec, "cameras", scenes.apply)
    entries = Broadcast[WatchlistEntry](settings, codec, "watchlist", watchlist.apply)
    return MatchLogic(
        codec,
        scenes,
        watchlist,
        settings.alert_gate,
        lambda: time.time_ns() // 1_000_000,
        (cameras, entries),
    )

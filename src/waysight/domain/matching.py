"""Watchlist matching: which entries a sighting's plate meets, and what alert that makes or changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from waysight.domain.ids import derive_id
from waysight.domain.plates import PlateFormats, canonical, differing, resolved
from waysight.domain.scene import Scene
from waysight.messages.governance import Alert, AlertAction, WatchlistEntry
from waysight.messages.perception import Sighting

PURPOSE = "hotlist"
REPEAT_MS = 60_000
KEEP_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Match:
    """An entry that a plate meets; exact when the canonical texts are equal, else `distance` places differ."""

    entry: WatchlistEntry
    exact: bool
    distance: int


class WatchlistIndex:
    """Entries by plate, kept up to date entry by entry; a look-up is a dictionary look-up.

    Approximate matches are those that the plate formats explain: O/0 and I/1 where a format says which.
    """

    def __init__(self, formats: Sequence[PlateFormats] = ()) -> None:
        self._formats = tuple(formats)
        self._entries: dict[str, WatchlistEntry] = {}
        self._by_form: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def apply(self, entry_id: str, entry: WatchlistEntry | None) -> None:
        """Add, replace or (None) remove one entry; a look-up meanwhile sees the old one or the new one."""
        old = self._entries.get(entry_id)
        gone = set() if old is None else self._forms(old)
        if entry is None:
            self._entries.pop(entry_id, None)
        else:
            self._entries[entry_id] = entry
            gone -= self._forms(entry)
            for form in self._forms(entry):
                self._by_form.setdefault(form, {})[entry_id] = None
        for form in gone:
            ids = self._by_form.get(form, {})
            ids.pop(entry_id, None)
            if not ids:
                self._by_form.pop(form, None)

    def _forms(self, entry: WatchlistEntry) -> set[str]:
        return set(resolved(canonical(entry.plate), self._formats))

    def holds(self, plate: str) -> bool:
        """Whether any entry, in force or not, may be met by a canonical plate; much quicker than `matches`."""
        return any(form in self._by_form for form in resolved(plate, self._formats))

    def matches(self, plate: str, at_ms: int) -> list[Match]:
        """The entries in force at a time (UTC epoch ms) that a canonical plate meets, by entry id."""
        return sorted(self._matches(plate, at_ms), key=lambda m: m.entry.entry_id)

    def _matches(self, plate: str, at_ms: int) -> Iterator[Match]:
        ids: dict[str, None] = {}
        for form in resolved(plate, self._formats):
            ids.update(self._by_form.get(form, {}))
        for entry_id in ids:
            entry = self._entries.get(entry_id)
            if entry is not None and in_force(entry, at_ms):
                wanted = canonical(entry.plate)
                yield Match(entry, wanted == plate, differing(wanted, plate))


def in_force(entry: WatchlistEntry, at_ms: int) -> bool:
    """Whether an entry may match at a time: begun, not expired; a revoked one never again."""
    return entry.revoked_ms is None and entry.valid_from_ms <= at_ms < entry.expires_ms


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert as it was last told, and when (event time) it may be forgotten."""

    alert: Alert
    forget_ms: int


@dataclass(frozen=True, slots=True)
class LastAlert:
    """When (event time) an entry was last seen at a camera, and by which sighting the alert was raised."""

    seen_ms: int
    sighting_id: str


def alert_id(match: Match, sighting: Sighting) -> str:
    """The alert of an entry and a sighting: the same for every revision of the sighting."""
    return derive_id("alert", match.entry.entry_id, sighting.sighting_id)


def may_match(scene: Scene, plate: str, confidence: float, gate: float) -> bool:
    """Whether the camera may be used for hotlists, and the read is sure enough to trouble anyone."""
    return bool(plate) and confidence >= gate and PURPOSE in scene.purposes


def raise_alert(
    scene: Scene,
    match: Match,
    sighting: Sighting,
    told: Raised | None,
    last: LastAlert | None,
    now_ms: int,
) -> Alert | None:
    """The alert to tell: a new one, a changed one (version + 1), or None when all has been said.

    The same entry before the same camera again within a minute is the same event. `now_ms` (wall clock)
    is only written down. Origin fields are 0.
    """
    if told is None:
        same_event = last is not None and abs(sighting.captured_ms - last.seen_ms) <= REPEAT_MS
        if same_event and last is not None and last.sighting_id != sighting.sighting_id:
            return None
        return _alert(scene, match, sighting, now_ms)
    fresh = _alert(scene, match, sighting, now_ms)
    if _says(fresh, final=sighting.final) == _says(told.alert, final=sighting.final):
        return None
    kept = told.alert
    return replace(
        fresh,
        status=kept.status,
        status_by=kept.status_by,
        status_reason=kept.status_reason,
        version=kept.version + 1,
    )


def act(told: Raised, action: AlertAction) -> Alert | None:
    """The alert with its new status (version + 1), or None when it has it already."""
    alert = told.alert
    new = (action.status, action.actor, action.reason)
    if new == (alert.status, alert.status_by, alert.status_reason):
        return None
    return replace(
        alert,
        status=action.status,
        status_by=action.actor,
        status_reason=action.reason,
        version=alert.version + 1,
    )


def _says(alert: Alert, *, final: bool) -> tuple[object, ...]:
    looks = (alert.label, alert.colour) if final else ()
    return alert.plate, alert.exact, alert.kind, alert.priority, *looks


def _alert(scene: Scene, match: Match, sighting: Sighting, now_ms: int) -> Alert:
    entry = match.entry
    return Alert(
        alert_id=alert_id(match, sighting),
        kind=entry.kind,
        priority=entry.priority,
        subject=sighting.plate,
        plate=sighting.plate,
        entry_id=entry.entry_id,
        legal_basis=entry.legal_basis,
        authority=entry.authority,
        case_number=entry.case_number,
        audience=entry.audience,
        exact=match.exact,
        distance=match.distance,
        camera_id=sighting.camera_id,
        location=scene.place,
        sighting_id=sighting.sighting_id,
        occurred_ms=sighting.captured_ms,
        captured_ms=sighting.captured_ms,
        raised_ms=now_ms,
        received_ms=sighting.received_ms,
        plate_confidence=sighting.plate_confidence,
        label=sighting.label,
        colour=sighting.colour,
        evidence=sighting.best_frame,
        status="new",
        status_by="",
        status_reason="",
        version=0,
        origin_partition=0,
        origin_offset=0,
        ordinal=0,
    )

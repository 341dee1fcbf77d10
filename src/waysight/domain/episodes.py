"""Alerts by episode: one for each subject, camera group and stretch of time, changed by what comes later.

What an alert says is a function of the set of sightings that it gathered, so that disorder changes no row:
the earliest sighting gives time, place and evidence, the surest match says how it matched, the newest where it
was last seen. An episode is a stretch of time of fixed length from 1970 on (`suppress_s`), by the sighting's
`first_ms`, which no revision changes; stretches that begin with the first sighting would depend on the order
in which sightings come.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from waysight.domain.fresh_alert import fresh_alert
from waysight.domain.ids import derive_id
from waysight.domain.scene import Scene
from waysight.messages.governance import Alert, AlertAction, Person, WatchlistEntry
from waysight.messages.perception import Sighting

KEEP_MS = 24 * 3600 * 1000
# From the surest kind of match to the least sure.
MATCHED = ("exact", "normalised", "owner", "pattern", "approximate", "description", "not_permitted")
_WRITTEN: dict[str, Any] = {
    "raised_ms": 0,
    "version": 0,
    "origin_partition": 0,
    "origin_offset": 0,
    "ordinal": 0,
}
_STATUS = ("status", "status_by", "status_reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """In whose name an alert is raised, and why; `entry_id` is an entry's id or a wanted person's."""

    entry_id: str
    kind: str
    priority: int
    legal_basis: str
    authority: str
    case_number: str
    audience: str
    list: str = ""

    @staticmethod
    def of(record: WatchlistEntry | Person, kind: str = "") -> Grounds:
        """Those of an entry or a wanted person, under another kind where one is given."""
        entry = isinstance(record, WatchlistEntry)
        return Grounds(
            entry_id=record.entry_id if isinstance(record, WatchlistEntry) else record.person_id,
            kind=kind or record.kind,
            priority=record.priority,
            legal_basis=record.legal_basis,
            authority=record.authority,
            case_number=record.case_number,
            audience=record.audience,
            list=record.list if entry else "",  # type: ignore[union-attr]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A sighting that an alert is about; `distance` counts the `differences` ("3:O/0": place:wanted/read).

    `alone`: nobody knows whether two such sightings show one subject, so that each is an episode of its own.
    """

    grounds: Grounds
    matched: str
    distance: int = 0
    differences: str = ""
    suppress_s: int = 600
    person_id: str = ""
    authorisation_id: str = ""
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What an alert took from one sighting when that was last told."""

    sighting_id: str
    revision: int
    first_ms: int
    captured_ms: int
    camera_id: str
    matched: str
    distance: int
    differences: str
    plate_confidence: float
    looks: str


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert as it was last told, when (event time) it may be forgotten, and what it rests on.

    `acted` orders what people said of it: time (ms) and id of the newest action.
    """

    alert: Alert
    forget_ms: int
    told: tuple[Told, ...] = ()
    acted: tuple[int, str] = (-1, "")

    @property
    def cameras(self) -> frozenset[str]:
        """Whose time makes it forgotten."""
        return frozenset((self.alert.camera_id, *(t.camera_id for t in self.told)))


def subject_of(sighting: Sighting) -> str:
    """What a sighting's alerts are kept and acted on by: its plate, or its camera without one."""
    return sighting.plate or sighting.camera_id


def alert_id(finding: Finding, scene: Scene, sighting: Sighting) -> str:
    """The alert of a finding: the same for every sighting of the episode and every revision of each."""
    entry_id = finding.grounds.entry_id
    if finding.alone:
        return derive_id("alert", entry_id, sighting.sighting_id)
    window = sighting.first_ms // (finding.suppress_s * 1000)
    return derive_id("alert", entry_id, subject_of(sighting), scene.group or scene.camera_id, window)


def raised(
    finding: Finding, scene: Scene, sighting: Sighting, before: Raised | None, now_ms: int
) -> Raised | None:
    """The alert to tell: a new one, a changed one (version + 1), or None when all has been said.

    Each sighting is told once, and again when a later revision of it says something else. `now_ms` (wall clock) is
    only written down. Origin fields are 0.
    """
    known = {} if before is None else {t.sighting_id: t for t in before.told}
    last = known.get(sighting.sighting_id)
    if last is not None and sighting.revision < last.revision:
        return None
    fresh = _told(finding, sighting, last)
    if last is not None and _said(fresh) == _said(last):
        return None
    known[sighting.sighting_id] = fresh
    told = tuple(sorted(known.values(), key=lambda t: (t.first_ms, t.sighting_id)))
    alert = _alert(finding, scene, sighting, now_ms)
    if before is not None:
        alert = _following(before.alert, alert, told[0] is fresh, last is not None)
    surest = min(told, key=lambda t: (MATCHED.index(t.matched), t.distance, -t.plate_confidence))
    newest = max(told, key=lambda t: (t.captured_ms, t.sighting_id))
    alert = replace(
        alert,
        matched=surest.matched,
        exact=surest.matched == "exact",
        distance=surest.distance,
        differences=surest.differences,
        plate_confidence=surest.plate_confidence,
        sightings=len(told),
        last_seen_ms=newest.captured_ms,
        last_camera_id=newest.camera_id,
    )
    over_ms = (sighting.first_ms // (finding.suppress_s * 1000) + 1) * finding.suppress_s * 1000
    return Raised(alert, over_ms + KEEP_MS, told, (-1, "") if before is None else before.acted)


def act(before: Raised, action: AlertAction) -> Raised | None:
    """The alert with its new status (version + 1), or None when it has it already or a newer one."""
    alert, at = before.alert, (action.acted_ms, action.action_id)
    new = (action.status, action.actor, action.reason)
    if at <= before.acted or new == (alert.status, alert.status_by, alert.status_reason):
        return None
    alert = replace(
        alert,
        status=action.status,
        status_by=action.actor,
        status_reason=action.reason,
        version=alert.version + 1,
    )
    return replace(before, alert=alert, acted=at)


def merged(before: Raised | None, alert: Alert, forget_ms: int) -> Raised | None:
    """An alert that was worked out whole, after what was told of it: None when it says nothing new."""
    if before is None:
        return Raised(alert, forget_ms)
    kept = {name: getattr(before.alert, name) for name in _STATUS}
    if replace(alert, **kept, **_WRITTEN) == replace(before.alert, **_WRITTEN):
        return None
    follows = replace(alert, **kept, raised_ms=before.alert.raised_ms, version=before.alert.version + 1)
    return replace(before, alert=follows, forget_ms=max(forget_ms, before.forget_ms))


def _told(finding: Finding, sighting: Sighting, last: Told | None) -> Told:
    looks = f"{sighting.label} {sighting.colour}"
    return Told(
        sighting.sighting_id,
        sighting.revision,
        sighting.first_ms,
        sighting.captured_ms,
        sighting.camera_id,
        finding.matched,
        finding.distance,
        finding.differences,
        sighting.plate_confidence,
        looks if last is None or sighting.final else last.looks,
    )


def _said(told: Told) -> tuple[object, ...]:
    return told.matched, told.distance, told.differences, told.looks


def _following(before: Alert, fresh: Alert, earliest: bool, again: bool) -> Alert:
    """The next version: the earliest sighting's facts, the newest grounds, the status that people gave it."""
    kept = {name: getattr(before, name) for name in _STATUS} | {"version": before.version + 1}
    if not earliest:
        grounds = ("kind", "priority", "legal_basis", "authority", "case_number", "audience", "list")
        return replace(before, **kept, **{name: getattr(fresh, name) for name in grounds})
    if again:
        times = ("occurred_ms", "captured_ms", "received_ms", "raised_ms")
        kept |= {name: getattr(before, name) for name in times}
    return replace(fresh, **kept)


def _alert(finding: Finding, scene: Scene, sighting: Sighting, now_ms: int) -> Alert:
    grounds = finding.grounds
    return fresh_alert(
        scene,
        sighting.captured_ms,
        alert_id=alert_id(finding, scene, sighting),
        kind=grounds.kind,
        priority=grounds.priority,
        subject=subject_of(sighting),
        plate=sighting.plate,
        entry_id=grounds.entry_id,
        legal_basis=grounds.legal_basis,
        authority=grounds.authority,
        case_number=grounds.case_number,
        audience=grounds.audience,
        exact=finding.matched == "exact",
        distance=finding.distance,
        sighting_id=sighting.sighting_id,
        received_ms=sighting.received_ms,
        raised_ms=now_ms,
        plate_confidence=sighting.plate_confidence,
        label=sighting.label,
        colour=sighting.colour,
        evidence=sighting.best_frame,
        matched=finding.matched,
        differences=finding.differences,
        list=grounds.list,
        person_id=finding.person_id,
        authorisation_id=finding.authorisation_id,
    )

"""Convoys: who keeps passing the same cameras as a vehicle that an authorisation for convoys names.

Two steps, because cameras are spread over partitions: before each camera, who passed close to the subject
(`companions`); then, per subject, who did so before several cameras (`alert`). What is said follows from
the set of passes, in whatever order they come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from waysight.domain.authorisations import CONVOY, Authorisations, in_force
from waysight.domain.fresh_alert import fresh_alert
from waysight.domain.ids import derive_id
from waysight.domain.places import covers
from waysight.domain.recent import Seen, Span
from waysight.domain.scene import Scene
from waysight.messages.governance import Alert, Authorisation, Companion

KIND = "convoy"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvoyRules:
    """Two vehicles keep together when `least_cameras` saw them within `apart_ms` of each other in one `window_ms`.

    `late_ms` is how late the news of a meeting may come and still count; before one camera passes come in order, and
    `apart_ms` is late enough.
    """

    apart_ms: int = 60_000
    window_ms: int = 3_600_000
    late_ms: int = 600_000
    least_cameras: int = 3
    priority: int = 3

    @property
    def span(self) -> Span:
        """What is remembered before a camera, of whom, and how long: only while an authorisation is in force there."""
        return Span(key=lambda seen: seen.camera_id, within_ms=self.apart_ms, late_ms=self.apart_ms)


class Met(NamedTuple):
    """One meeting: the companion's sighting, the subject's, and where; `at_ms` is when the subject was there."""

    at_ms: int
    camera_id: str
    sighting_id: str
    subject_sighting_id: str
    plate_confidence: float
    label: str
    colour: str


@dataclass(frozen=True, slots=True)
class Meetings:
    """The meetings of one companion in order; `folded` more came after the convoy was found and are only counted."""

    met: tuple[Met, ...] = ()
    folded: int = 0


def watched(authorisations: Authorisations, scene: Scene, at_ms: int) -> tuple[Authorisation, ...]:
    """The authorisations for convoys in force before a camera at a time; without any nothing may be remembered."""
    allowing = authorisations.of(CONVOY)
    return tuple(r for r in allowing if in_force(r, at_ms) and covers(r.area, scene))


def companions(
    authorisations: Authorisations, scene: Scene, seen: Seen, others: Iterable[Seen]
) -> Iterator[Companion]:
    """Whoever passed a camera with one who is named: of a new pass and the others close to it. Origin fields are 0."""
    for other in others:
        for subject, beside in ((seen, other), (other, seen)):
            if subject.plate == beside.plate:
                continue
            for record in watched(authorisations, scene, subject.last_ms):
                if subject.plate in record.subjects:
                    yield _companion(record, subject, beside)


def joined(rules: ConvoyRules, meetings: Meetings, companion: Companion) -> Meetings:
    """The meetings with one more, and without what no longer matters; one that is known changes nothing."""
    new = Met(
        companion.subject_ms,
        companion.camera_id,
        companion.sighting_id,
        companion.subject_sighting_id,
        companion.plate_confidence,
        companion.label,
        companion.colour,
    )
    if any(_ids(m) == _ids(new) for m in meetings.met):
        return meetings
    met = tuple(sorted((*meetings.met, new)))
    found = convoy(rules, met)
    settled_ms = met[-1].at_ms - rules.late_ms
    if found is None or met[found[1]].at_ms >= settled_ms:
        return replace(meetings, met=tuple(m for m in met if m.at_ms >= settled_ms - rules.window_ms))
    first, at = found
    kept = tuple(m for n, m in enumerate(met) if first <= n <= at or m.at_ms >= settled_ms)
    return Meetings(kept, meetings.folded + len(met) - first - len(kept))


def convoy(rules: ConvoyRules, met: tuple[Met, ...]) -> tuple[int, int] | None:
    """First and last place, in the ordered meetings, of the earliest window that makes a convoy; None without one."""
    for at, last in enumerate(met):
        first = next(n for n, m in enumerate(met) if m.at_ms >= last.at_ms - rules.window_ms)
        if len({m.camera_id for m in met[first : at + 1]}) >= rules.least_cameras:
            return first, at
    return None


def is_over(rules: ConvoyRules, meetings: Meetings, record: Authorisation | None, reached_ms: int) -> bool:
    """Whether meetings must be forgotten: their authorisation ended, or nothing can make them a convoy any more.

    `reached_ms` is how far the newest meeting's camera has come.
    """
    if record is None or not in_force(record, max(reached_ms, record.valid_from_ms)):
        return True
    old = meetings.met[-1].at_ms + rules.window_ms + rules.late_ms <= reached_ms
    return old and convoy(rules, meetings.met) is None


def alert(
    rules: ConvoyRules,
    record: Authorisation,
    pair: tuple[str, str],
    meetings: Meetings,
    scene: Scene,
    now_ms: int,
) -> Alert | None:
    """The alert of a convoy, as if told for the first time; None while it is none.

    `pair` is subject and companion, `scene` where the meeting that made it a convoy was: `place_of` says which.
    One authorisation, subject and companion are one alert, updated with each meeting. Its `subject` is the
    authorisation's, which is its key; `plate` is the companion.
    """
    found = convoy(rules, meetings.met)
    if found is None:
        return None
    first, at = found
    subject, plate = pair
    made, newest = meetings.met[at], meetings.met[-1]
    return fresh_alert(
        scene,
        made.at_ms,
        alert_id=derive_id("alert", KIND, record.authorisation_id, subject, plate),
        kind=KIND,
        priority=rules.priority,
        subject=subject,
        plate=plate,
        legal_basis=record.legal_basis,
        authority=record.authority,
        case_number=record.case_number,
        audience=record.authority,
        sighting_id=made.sighting_id,
        raised_ms=now_ms,
        plate_confidence=made.plate_confidence,
        label=made.label,
        colour=made.colour,
        matched=KIND,
        sightings=len(meetings.met) - first + meetings.folded,
        last_seen_ms=newest.at_ms,
        last_camera_id=newest.camera_id,
        other_sighting_id=made.subject_sighting_id,
        other_plate=subject,
        authorisation_id=record.authorisation_id,
    )


def place_of(rules: ConvoyRules, meetings: Meetings) -> str:
    """The camera of the meeting that made it a convoy, or empty."""
    found = convoy(rules, meetings.met)
    return "" if found is None else meetings.met[found[1]].camera_id


def _ids(met: Met) -> tuple[str, str]:
    return met.sighting_id, met.subject_sighting_id


def _companion(record: Authorisation, subject: Seen, beside: Seen) -> Companion:
    ids = (subject.sighting_id, beside.sighting_id)
    return Companion(
        companion_id=derive_id("companion", record.authorisation_id, *ids),
        authorisation_id=record.authorisation_id,
        subject=subject.plate,
        subject_sighting_id=subject.sighting_id,
        subject_ms=subject.last_ms,
        plate=beside.plate,
        sighting_id=beside.sighting_id,
        captured_ms=beside.last_ms,
        camera_id=beside.camera_id,
        plate_confidence=beside.plate_confidence,
        label=beside.label,  # type: ignore[arg-type]
        colour=beside.colour,
        origin_partition=0,
        origin_offset=0,
        ordinal=0,
    )

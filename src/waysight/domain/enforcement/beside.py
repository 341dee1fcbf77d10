"""Devices beside a camera: what they measured of late, how far each has come, and which pass a read may be of.

A device sees a vehicle at a moment, a picture sees it for a while. They may belong together when the moment lies in
that while (both clocks' errors and `REACH_MS` allowed for) and neither lane nor class speaks against it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from waysight.domain.enforcement.shown import KEEP_MS
from waysight.domain.scene import Device, Scene
from waysight.domain.watermarks import Progress
from waysight.messages.enforcement import ExternalRead
from waysight.messages.perception import FrameRef, Sighting

REACH_MS = 500  # a device may measure shortly before the picture shows the vehicle, or after
MOST_ERROR_MS = 2_000  # a clock worse than this joins nothing
NEAR_MS = 2_000  # so far outside of a pass a read of its very plate is still its own
LATE_MS = 10_000  # a device sends what it measured within this time; what comes later decides nothing
# Of a pass only its end counts: time waits 30 s for an open track, of which it may have been out of sight for 12.
LONGEST_MS = 15_000
_TWO_WHEELS = frozenset(("motorcycle", "bicycle"))


@dataclass(frozen=True, slots=True)
class Reading:
    """One read of a device: when (UTC epoch ms) with its clock's bound, lane, plate (confidence 0..1) and class or empty.

    `speed_kmh` and its bound are 0 where only the plate matters.
    """

    device_id: str
    read_id: str
    at_ms: int
    error_ms: int
    lane: str
    plate: str
    speed_kmh: float = 0.0
    error_kmh: float = 0.0
    evidence: tuple[FrameRef, ...] = ()
    until_ms: int | None = None  # when the device itself says that its verification ends
    confidence: float = 0.0
    country: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Passing:
    """What of a pass a read is held against."""

    sighting_id: str
    first_ms: int
    last_ms: int
    error_ms: int
    plate: str
    zones: tuple[str, ...] = ()
    label: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """What devices and pictures of one camera saw of late, and how far each device has come (id, UTC epoch ms)."""

    readings: tuple[Reading, ...] = ()
    passings: tuple[Passing, ...] = ()
    reached: tuple[tuple[str, int], ...] = ()


def sender(devices: Iterable[Device], read: ExternalRead) -> Device | None:
    """Which of some registered devices sent a read; None for a stranger, or one of another kind."""
    return next((d for d in devices if (d.device_id, d.kind) == (read.device_id, read.device_kind)), None)


def reading_of(scene: Scene, device: Device, read: ExternalRead) -> Reading | None:
    """What a read says of when and of whom; None where its clock is too bad to join anything."""
    clock_ms = max(read.clock_error_ms, device.clock_error_ms)
    if clock_ms > MOST_ERROR_MS:
        return None
    lane = read.lane or device.lane  # beside video a lane is known by the zone of that name, if there is one
    return Reading(
        read.device_id,
        read.read_id,
        read.captured_ms,
        clock_ms,
        lane if not scene.video or any(z.zone_id == lane for z in scene.zones) else "",
        read.plate,
        evidence=read.evidence,
        until_ms=read.certified_until_ms,
        confidence=read.plate_confidence,
        country=read.plate_country,
        label=read.label,
    )


def told(place: Place, read: ExternalRead, reading: Reading | None) -> Place:
    """The place after a read of one of its devices; `reading` is what of it counts, if anything.

    Any read moves its device's time on, so that one without a measurement serves as a heartbeat. What comes after its
    device's time has passed it is left out: whether a pass was judged by then must not matter.
    """
    until = dict(place.reached)
    before_ms = until.get(read.device_id, 0)
    until[read.device_id] = max(before_ms, read.captured_ms - LATE_MS)
    place = replace(place, reached=tuple(sorted(until.items())))
    known = any((r.device_id, r.read_id) == (read.device_id, read.read_id) for r in place.readings)
    if known or reading is None or read.captured_ms <= before_ms:
        return place
    return replace(place, readings=tuple(sorted((*place.readings, reading), key=_when)))


def passed(place: Place, sighting: Sighting) -> Place:
    """The place after a pass; one known already changes nothing."""
    if any(p.sighting_id == sighting.sighting_id for p in place.passings):
        return place
    return replace(place, passings=(*place.passings, passing(sighting)))


def settled(devices: Iterable[Device], place: Place, passes: Progress | None, sighting: Sighting) -> bool:
    """Whether all is known that could belong to a pass, or compete for it: of every device, and of the passes."""
    if passes is None:
        return False
    needed_ms = sighting.last_ms + _bound_ms(sighting.clock_error_ms)
    until = dict(place.reached)
    every = all(until.get(d.device_id, 0) >= needed_ms for d in devices)
    return every and (passes.end or passes.captured_ms >= needed_ms + _bound_ms(MOST_ERROR_MS) + NEAR_MS)


def forgotten(devices: Iterable[Device], place: Place, passes: Progress | None) -> Place:
    """The place without what no pass to come can be held against, and never more than `KEEP_MS` of it."""
    moments = [*(r.at_ms for r in place.readings), *(p.last_ms for p in place.passings)]
    if not moments:
        return place
    until = dict(place.reached)
    times = [*(until.get(d.device_id, 0) for d in devices), passes.captured_ms if passes else 0]
    cut = max(min(times) - 4 * _bound_ms(MOST_ERROR_MS), max(moments) - 2 * KEEP_MS)
    readings = tuple(r for r in place.readings if r.at_ms >= cut)
    passings = tuple(p for p in place.passings if p.last_ms >= cut)
    if len(readings) + len(passings) == len(moments):
        return place
    return replace(place, readings=readings, passings=passings)


def passing(sighting: Sighting) -> Passing:
    """What of a pass a read is held against."""
    return Passing(
        sighting.sighting_id,
        sighting.first_ms,
        sighting.last_ms,
        sighting.clock_error_ms,
        sighting.plate,
        sighting.zones,
        sighting.label,
    )


def fits(reading: Reading, pass_: Passing, within_ms: int = 0) -> bool:
    """Whether a read may be of a pass: within the bounds of time, and so much more, and neither lane nor class against it."""
    if pass_.error_ms > MOST_ERROR_MS:
        return False
    if reading.lane and pass_.zones and reading.lane not in pass_.zones:
        return False
    if reading.label and pass_.label and (reading.label in _TWO_WHEELS) != (pass_.label in _TWO_WHEELS):
        return False
    error = REACH_MS + reading.error_ms + pass_.error_ms + within_ms
    first_ms = max(pass_.first_ms, pass_.last_ms - LONGEST_MS)
    return first_ms - error <= reading.at_ms <= pass_.last_ms + error


def _when(reading: Reading) -> tuple[int, str, str]:
    return reading.at_ms, reading.device_id, reading.read_id


def _bound_ms(error_ms: int) -> int:
    return REACH_MS + MOST_ERROR_MS + error_ms

"""Speeds by certified devices beside a camera: which measurement is of which vehicle.

A radar or lidar sees a vehicle at a moment, a picture sees it for a while. They belong together when the moment lies in
that while (both clocks' errors and `REACH_MS` allowed for) and neither plate nor lane speaks against it. Without a plate
the device's read must fit one pass and the pass one read: what could be of two vehicles is of none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from waysight.domain.enforcement.shown import KEEP_MS
from waysight.domain.scene import Device, Scene
from waysight.domain.watermarks import Progress
from waysight.messages.enforcement import ExternalRead
from waysight.messages.perception import FrameRef, Sighting

PURPOSE = "spot_speed"
SPEED_DEVICES = frozenset(("radar", "lidar"))
REACH_MS = 500  # a device may measure shortly before the picture shows the vehicle, or after
MOST_ERROR_MS = 2_000  # a clock worse than this joins nothing
LATE_MS = 10_000  # a device sends what it measured within this time


@dataclass(frozen=True, slots=True)
class Reading:
    """One speed of a device: when (UTC epoch ms) with its clock's bound, lane and plate or empty, km/h and bound."""

    device_id: str
    read_id: str
    at_ms: int
    error_ms: int
    lane: str
    plate: str
    speed_kmh: float
    error_kmh: float
    evidence: tuple[FrameRef, ...] = ()
    until_ms: int | None = None  # when the device itself says that its verification ends


@dataclass(frozen=True, slots=True)
class Passing:
    """What of a pass a read is held against."""

    sighting_id: str
    first_ms: int
    last_ms: int
    error_ms: int
    plate: str
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """What devices and pictures of one camera saw of late, and how far each device has come (id, UTC epoch ms)."""

    readings: tuple[Reading, ...] = ()
    passings: tuple[Passing, ...] = ()
    reached: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """The speed that stands instead of the picture's; without a device it is only known that it is ambiguous."""

    device: Device | None = None
    reading: Reading | None = None

    @property
    def source(self) -> str:
        """<kind>:<device_id>, or picture."""
        return f"{self.device.kind}:{self.device.device_id}" if self.device else "picture"


def speed_devices(scene: Scene) -> tuple[Device, ...]:
    """The registered devices whose speed may outrank the picture's."""
    return tuple(d for d in scene.devices if d.kind in SPEED_DEVICES)


def awaits(scene: Scene) -> bool:
    """Whether a pass here waits for what devices say of its speed."""
    return PURPOSE in scene.purposes and bool(speed_devices(scene))


def told(scene: Scene, place: Place, read: ExternalRead) -> Place:
    """The place after a read; one known already, or of a device that is not registered here, changes nothing.

    Any read moves its device's time on, so that one without a speed serves as a heartbeat.
    """
    device = next((d for d in speed_devices(scene) if d.device_id == read.device_id), None)
    if device is None or device.kind != read.device_kind:
        return place
    until = dict(place.reached)
    until[read.device_id] = max(until.get(read.device_id, 0), read.captured_ms - LATE_MS)
    place = replace(place, reached=tuple(sorted(until.items())))
    known = any((r.device_id, r.read_id) == (read.device_id, read.read_id) for r in place.readings)
    clock_ms = max(read.clock_error_ms, device.clock_error_ms)
    if known or read.speed_kmh is None or clock_ms > MOST_ERROR_MS:
        return place
    bounds = [e for e in (read.speed_error_kmh, device.speed_error_kmh) if e is not None]
    if not bounds:
        return place  # a speed of unknown error measures nothing
    lane = read.lane or device.lane  # beside video a lane is known by the zone of that name, if there is one
    reading = Reading(
        read.device_id,
        read.read_id,
        read.captured_ms,
        clock_ms,
        lane if not scene.video or any(z.zone_id == lane for z in scene.zones) else "",
        read.plate,
        read.speed_kmh,
        max(bounds),
        read.evidence,
        read.certified_until_ms,
    )
    return replace(place, readings=tuple(sorted((*place.readings, reading), key=_when)))


def passed(place: Place, sighting: Sighting) -> Place:
    """The place after a pass; one known already changes nothing."""
    if any(p.sighting_id == sighting.sighting_id for p in place.passings):
        return place
    return replace(place, passings=(*place.passings, _passing(sighting)))


def settled(scene: Scene, place: Place, passes: Progress | None, sighting: Sighting) -> bool:
    """Whether all is known that could belong to a pass, or compete for it: of every device, and of the passes."""
    if passes is None:
        return False
    needed_ms = sighting.last_ms + _bound_ms(sighting.clock_error_ms)
    until = dict(place.reached)
    every = all(until.get(d.device_id, 0) >= needed_ms for d in speed_devices(scene))
    return every and (passes.end or passes.captured_ms >= needed_ms + _bound_ms(0))


def forgotten(scene: Scene, place: Place, passes: Progress | None) -> Place:
    """The place without what no pass to come can be held against, and never more than `KEEP_MS` of it."""
    moments = [*(r.at_ms for r in place.readings), *(p.last_ms for p in place.passings)]
    if not moments:
        return place
    until = dict(place.reached)
    times = [*(until.get(d.device_id, 0) for d in speed_devices(scene)), passes.captured_ms if passes else 0]
    cut = max(min(times) - 4 * _bound_ms(MOST_ERROR_MS), max(moments) - 2 * KEEP_MS)
    readings = tuple(r for r in place.readings if r.at_ms >= cut)
    passings = tuple(p for p in place.passings if p.last_ms >= cut)
    if len(readings) + len(passings) == len(moments):
        return place
    return replace(place, readings=readings, passings=passings)


def measured(scene: Scene, place: Place, sighting: Sighting) -> Measured | None:
    """What devices say of a settled pass: the slowest of what is surely its own; None when they say nothing.

    A device whose papers are in force outranks the picture. One without them speaks only where no picture measured,
    and its lack of papers then stands in the way of a fine.
    """
    here = _passing(sighting)
    sure: list[Measured] = []
    ambiguous = False
    pictured = sighting.speed_kmh is not None and scene.video
    for device in speed_devices(scene):
        readings = [r for r in place.readings if r.device_id == device.device_id and _fits(r, here)]
        own = [r for r in readings if r.plate and r.plate == here.plate]
        if not own and readings:
            rivals = [p for p in place.passings if p.sighting_id != here.sighting_id]
            if len(readings) > 1 or any(_fits(readings[0], p) for p in rivals):
                ambiguous = ambiguous or not (pictured and device.obstacle_at(sighting.last_ms))
                continue
            own = readings
        if own:
            slowest = min(own, key=lambda r: (r.speed_kmh - r.error_kmh, r.read_id))
            asked = _as_it_says(device, slowest)
            if not (pictured and asked.obstacle_at(slowest.at_ms)):
                sure.append(Measured(asked, slowest))
    if sure:
        return min(sure, key=_enforced)
    return Measured() if ambiguous else None


def _as_it_says(device: Device, reading: Reading) -> Device:
    """The device with papers that end no later than its own read says."""
    if device.papers is None or reading.until_ms is None:
        return device
    return replace(device, papers=(device.papers[0], min(device.papers[1], reading.until_ms)))


def _enforced(found: Measured) -> tuple[float, str]:
    reading = found.reading
    return (reading.speed_kmh - reading.error_kmh if reading else 0.0), found.source


def _when(reading: Reading) -> tuple[int, str, str]:
    return reading.at_ms, reading.device_id, reading.read_id


def _passing(sighting: Sighting) -> Passing:
    return Passing(
        sighting.sighting_id,
        sighting.first_ms,
        sighting.last_ms,
        sighting.clock_error_ms,
        sighting.plate,
        sighting.zones,
    )


def _bound_ms(error_ms: int) -> int:
    return REACH_MS + MOST_ERROR_MS + error_ms


def _fits(reading: Reading, pass_: Passing) -> bool:
    """Whether a read may be of a pass: within the bounds of time, and neither plate nor lane against it."""
    if reading.plate and pass_.plate and reading.plate != pass_.plate:
        return False
    if reading.lane and pass_.zones and reading.lane not in pass_.zones:
        return False
    error = REACH_MS + reading.error_ms + pass_.error_ms
    return pass_.first_ms - error <= reading.at_ms <= pass_.last_ms + error

"""Speeds by certified devices beside a camera: which measurement is of which vehicle.

A read is of a pass that it fits (`beside.fits`) and whose plate does not speak against it. Without a plate the device's
read must fit one pass and the pass one read: what could be of two vehicles is of none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from waysight.domain.enforcement import beside
from waysight.domain.enforcement.beside import Passing, Place, Reading
from waysight.domain.scene import Device, Scene
from waysight.domain.watermarks import Progress
from waysight.messages.enforcement import ExternalRead
from waysight.messages.perception import Sighting

PURPOSE = "spot_speed"


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
    return tuple(d for d in scene.devices if d.measures_speed)


def awaits(scene: Scene) -> bool:
    """Whether a pass here waits for what devices say of its speed."""
    return PURPOSE in scene.purposes and bool(speed_devices(scene))


def told(scene: Scene, place: Place, read: ExternalRead) -> Place:
    """The place after a read; one known already, or of a device that is not registered here, changes nothing."""
    device = beside.sender(speed_devices(scene), read)
    if device is None:
        return place
    reading = beside.reading_of(scene, device, read)
    bounds = [e for e in (read.speed_error_kmh, device.speed_error_kmh) if e is not None]
    if reading is None or read.speed_kmh is None or not bounds:
        return beside.told(place, read, None)  # a speed of unknown error measures nothing
    return beside.told(place, read, replace(reading, speed_kmh=read.speed_kmh, error_kmh=max(bounds)))


def settled(scene: Scene, place: Place, passes: Progress | None, sighting: Sighting) -> bool:
    """Whether all is known that could belong to a pass, or compete for it: of every device, and of the passes."""
    return beside.settled(speed_devices(scene), place, passes, sighting)


def forgotten(scene: Scene, place: Place, passes: Progress | None) -> Place:
    """The place without what no pass to come can be held against."""
    return beside.forgotten(speed_devices(scene), place, passes)


def measured(scene: Scene, place: Place, sighting: Sighting) -> Measured | None:
    """What devices say of a settled pass: the slowest of what is surely its own; None when they say nothing.

    A device whose papers are in force outranks the picture. One without them speaks only where no picture measured,
    and its lack of papers then stands in the way of a fine.
    """
    here = beside.passing(sighting)
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


def _fits(reading: Reading, pass_: Passing) -> bool:
    """Whether a speed may be of a pass: neither time, lane, class nor plate against it."""
    differ = reading.plate and pass_.plate and reading.plate != pass_.plate
    return not differ and beside.fits(reading, pass_)

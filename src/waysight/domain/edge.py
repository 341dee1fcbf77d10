"""Reads of devices at places without video: each becomes a sighting of its own, once; so does a plate read beside video.

A place's passes come from devices of one kind, the first of `KINDS` that is registered there: a vehicle that a loop and
an ANPR camera both report is one vehicle. Time goes on with the reads themselves, by whole seconds, `LATE_MS` behind
the newest; a read that comes later than that is still told, one older than `KEEP_MS` is not known to be new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from waysight.domain.enforcement.beside import LATE_MS
from waysight.domain.ids import derive_id
from waysight.domain.scene import Scene
from waysight.messages.enforcement import ExternalRead
from waysight.messages.perception import PlateCandidate, Sighting

KINDS = ("anpr", "radar", "lidar", "loop")
KEEP_MS = 1_800_000
EPOCH = "edge-"  # epochs of sightings that a device made begin with it
LABELS = ("car", "truck", "bus", "motorcycle", "bicycle")
_SLOT_MS = 60_000


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest read's time (UTC epoch ms), and by minute the reads of late as `device|read`."""

    newest_ms: int = 0
    minutes: tuple[tuple[int, tuple[str, ...]], ...] = ()


def registered(scene: Scene, read: ExternalRead) -> bool:
    """Whether the camera file names this device, with this kind, at the place."""
    return any((d.device_id, d.kind) == (read.device_id, read.device_kind) for d in scene.devices)


def tells(scene: Scene, read: ExternalRead) -> bool:
    """Whether a place's passes come from this device: registered, of the kind that counts there, and no video."""
    kinds = {d.kind for d in scene.devices}
    counting = next((k for k in KINDS if k in kinds), "")
    return not scene.video and registered(scene, read) and read.device_kind == counting


def reads_beside(scene: Scene, read: ExternalRead) -> bool:
    """Whether it is a registered edge ANPR camera beside video that speaks: the pictures make the passes there."""
    return scene.video and read.device_kind == "anpr" and registered(scene, read)


def is_heartbeat(read: ExternalRead) -> bool:
    """Whether a read says only that its device is there: nothing measured, and no loop, whose every read is a vehicle."""
    nothing = not read.plate and not read.label and read.speed_kmh is None and read.length_m is None
    return nothing and read.device_kind != "loop"


def step(seen: Seen, read: ExternalRead) -> tuple[Seen, Literal["new", "known", "late", "heartbeat"]]:
    """Apply one read of a place; only a new one is worth a sighting."""
    newest_ms = max(seen.newest_ms, read.captured_ms)
    if read.captured_ms < newest_ms - KEEP_MS:
        return seen, "late"
    minutes = dict(seen.minutes)
    minute, name = read.captured_ms // _SLOT_MS, f"{read.device_id}|{read.read_id}"
    if name in minutes.get(minute, ()):
        return seen, "known"
    heartbeat = is_heartbeat(read)
    if not heartbeat:
        minutes[minute] = (*minutes.get(minute, ()), name)
    first = (newest_ms - KEEP_MS) // _SLOT_MS
    kept = tuple(sorted((m, names) for m, names in minutes.items() if m >= first))
    return Seen(newest_ms, kept), "heartbeat" if heartbeat else "new"


def time_ms(seen: Seen) -> int:
    """How far a place's time has come (UTC epoch ms), by whole seconds."""
    return max(0, (seen.newest_ms - LATE_MS) // 1000 * 1000)


def sighting_of(scene: Scene, read: ExternalRead) -> Sighting:
    """The sighting that a read is; its id is the hash of device and read. Origin fields are 0.

    Beside video it says nothing of class and colour, which are the picture's. Votes for the plate are the pictures that the device read alike: a read without two of them proves nothing yet.
    """
    loop, alone = read.device_kind == "loop", not scene.video
    plate = "" if loop else read.plate
    pictures = sorted(read.evidence, key=lambda f: (-f.plate_confidence, f.captured_ms))
    votes = sum(f.plate_text == plate for f in read.evidence) if plate else 0
    confidence = read.plate_confidence if plate else 0.0
    return Sighting(
        sighting_id=derive_id("edge", read.device_id, read.read_id),
        revision=0,
        final=True,
        camera_id=scene.camera_id,
        epoch=f"{EPOCH}{read.device_id}",
        label=read.label if read.label in LABELS else "car",  # type: ignore[arg-type]
        label_confidence=1.0 if alone and read.label in LABELS else 0.0,
        first_ms=read.captured_ms,
        last_ms=read.captured_ms,
        clock_error_ms=read.clock_error_ms,
        frames=max(1, len(pictures)),
        plate=plate,
        plate_country=read.plate_country if plate else "",
        plate_confidence=confidence,
        plate_confidences=(),
        plate_candidates=(PlateCandidate(text=plate, confidence=confidence),) if plate else (),
        plate_votes=max(votes, 1) if plate else 0,
        colour=read.colour if alone else "",
        colour_confidence=1.0 if alone and read.colour else 0.0,
        speed_kmh=read.speed_kmh,
        speed_error_kmh=read.speed_error_kmh,
        path=(),
        zones=(read.lane,) if read.lane else (),
        dwell_ms=0,
        best_frame=pictures[0] if pictures else None,
        second_frame=pictures[1] if len(pictures) > 1 else None,
        models=f"{read.device_kind}:{read.device_id}",
        captured_ms=read.captured_ms,
        received_ms=read.received_ms,
        emitted_ms=read.captured_ms,
        origin_partition=0,
        origin_offset=0,
        ordinal=0,
    )

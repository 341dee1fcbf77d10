"""Passes: what most steps look at of a final sighting as plain fields, and the whole of it as bytes.

The bytes are encoded once and shared by the keys that a sighting goes under; only a step to which a pass matters
makes it whole.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from waysight.codec import Codec
from waysight.domain.scene import Scene
from waysight.errors import BadMessage
from waysight.messages import Pass, Sighting, SightingBatch

_TOPIC = "sightings"


class Whole(Protocol):
    """What carries a whole sighting: a `Pass`, or a row of its columns."""

    @property
    def whole(self) -> bytes: ...
    @property
    def origin_partition(self) -> int: ...
    @property
    def origin_offset(self) -> int: ...
    @property
    def ordinal(self) -> int: ...


def places_of(scene: Scene) -> list[str]:
    """The keys that a camera's passes go under: its own, its section's and its junction's where they matter."""
    keys = [f"camera:{scene.camera_id}"]
    if scene.section_id and "section_control" in scene.purposes:
        keys.append(f"section:{scene.section_id}")
    if scene.junction_id and scene.purposes & {"red_light", "stop_line"}:
        keys.append(f"junction:{scene.junction_id}")
    return keys


def whole_of(codec: Codec, sighting: Sighting) -> bytes:
    """A sighting as a message of `sightings` that holds nothing else."""
    return codec.encode(_TOPIC, SightingBatch(records=(sighting,), watermarks=()))


def pass_of(codec: Codec, key: str, sighting: Sighting, whole: bytes | None = None) -> Pass:
    """A sighting under a key, with the sighting's origin; `whole` is its `whole_of` where that is known already."""
    return Pass(
        key=key,
        camera_id=sighting.camera_id,
        label=sighting.label,
        label_confidence=sighting.label_confidence,
        first_ms=sighting.first_ms,
        last_ms=sighting.last_ms,
        captured_ms=sighting.captured_ms,
        clock_error_ms=sighting.clock_error_ms,
        plate=sighting.plate,
        plate_confidence=sighting.plate_confidence,
        speed_kmh=sighting.speed_kmh,
        speed_error_kmh=sighting.speed_error_kmh,
        zones=sighting.zones,
        origin_partition=sighting.origin_partition,
        origin_offset=sighting.origin_offset,
        ordinal=sighting.ordinal,
        whole=whole_of(codec, sighting) if whole is None else whole,
    )


def sighting_of(codec: Codec, record: Whole) -> Sighting:
    """The whole sighting of a pass, with the pass's origin; raises BadMessage when it cannot be read."""
    found = codec.decode(_TOPIC, record.whole).records
    if len(found) != 1:
        raise BadMessage(f"a pass holds {len(found)} sightings, not one", "passes")
    sighting: Sighting = found[0]
    return replace(
        sighting,
        origin_partition=record.origin_partition,
        origin_offset=record.origin_offset,
        ordinal=record.ordinal,
    )

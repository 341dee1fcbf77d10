"""What enforce keeps of the devices beside its cameras: table "devices" by camera. Logic: domain/enforcement/external.py."""

from __future__ import annotations

from collections.abc import Callable

from waysight.domain.enforcement import beside, external
from waysight.domain.enforcement.beside import Place
from waysight.domain.enforcement.external import Measured
from waysight.domain.scene import Scene
from waysight.domain.watermarks import Progress
from waysight.engine import PartitionState
from waysight.messages import ExternalRead, Sighting

_TABLE = "devices"


def told(state: PartitionState, scene: Scene, read: ExternalRead) -> None:
    """Keep a device's read."""
    _change(state, scene.camera_id, lambda place: external.told(scene, place, read))


def passed(state: PartitionState, scene: Scene, sighting: Sighting) -> None:
    """Keep what of a pass a read is held against."""
    _change(state, scene.camera_id, lambda place: beside.passed(place, sighting))


def forget(state: PartitionState, scene: Scene, passes: Progress) -> None:
    """Drop what no pass to come can be held against; `passes` is how far the camera's passes have come."""
    _change(state, scene.camera_id, lambda place: external.forgotten(scene, place, passes))


def settled(state: PartitionState, scene: Scene, passes: Progress | None, sighting: Sighting) -> bool:
    """Whether every device has come far enough to judge a pass."""
    return external.settled(scene, _place(state, scene.camera_id), passes, sighting)


def measured(state: PartitionState, scene: Scene, sighting: Sighting) -> Measured | None:
    """What devices say of a pass."""
    return external.measured(scene, _place(state, scene.camera_id), sighting)


def _place(state: PartitionState, camera_id: str) -> Place:
    return state.get(_TABLE, camera_id, Place) or Place()


def _change(state: PartitionState, camera_id: str, change: Callable[[Place], Place]) -> None:
    before = _place(state, camera_id)
    after = change(before)
    if after is not before:
        state.put(_TABLE, camera_id, after)

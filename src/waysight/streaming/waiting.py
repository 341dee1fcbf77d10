"""What waits in enforce: passes, until it is known what a lamp, a sign or a device showed them (table "waiting")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from waysight.domain.enforcement import external
from waysight.domain.enforcement.red_light import Crossing
from waysight.domain.scene import Scene
from waysight.domain.watermarks import Progress
from waysight.engine import PartitionState
from waysight.messages import Sighting

_TABLE = "waiting"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Passes, each with the span in which what was shown matters."""

    items: tuple[tuple[Sighting, Crossing], ...] = ()


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a camera's passes have come in this partition, and how far that was told to tallies."""

    passes: Progress
    told: Progress | None = None


def at(state: PartitionState, key: str) -> Waiting:
    """What waits for the word of a lamp (junction|group) or of a camera's sign and devices (camera:<id>)."""
    return state.get(_TABLE, key, Waiting) or Waiting()


def put(state: PartitionState, key: str, items: Sequence[tuple[Sighting, Crossing]]) -> None:
    """Keep these; nothing is kept of nothing."""
    if items:
        state.put(_TABLE, key, Waiting(tuple(items)))
    else:
        state.delete(_TABLE, key)


def asked_by(scene: Scene) -> list[str]:
    """Whose word the passes of a camera may wait for: its lamp's, and its sign's or its devices'."""
    lamp = [f"{scene.junction_id}|{scene.signal_group}"] if scene.junction_id else []
    waits = scene.variable_limit or external.awaits(scene)
    return [*lamp, f"camera:{scene.camera_id}"] if waits else lamp

"""Areas in words: which cameras an entry or an authorisation is for."""

from __future__ import annotations

from collections.abc import Sequence

from waysight.domain.scene import Scene

PREFIXES = ("road:", "district:", "group:")


def covers(area: Sequence[str], scene: Scene) -> bool:
    """Whether an area (camera ids, road:<name>, district:<name>, group:<name>; empty: everywhere) holds a camera."""
    return not area or any(item in area for item in names_of(scene))


def names_of(scene: Scene) -> tuple[str, ...]:
    """Everything that an area may call a camera by."""
    named = (("road:", scene.road), ("district:", scene.district), ("group:", scene.group))
    return (scene.camera_id, *(prefix + name for prefix, name in named if name))


def faults(area: Sequence[str]) -> tuple[str, ...]:
    """What is wrong with an area, in words: an unknown prefix, or nothing after it."""
    return tuple(
        f"area {item!r} is no camera id and none of road:<name>, district:<name>, group:<name>"
        for item in area
        if not item.strip() or (":" in item and (not item.startswith(PREFIXES) or item in PREFIXES))
    )

"""Alerts as they are told for the first time."""

from __future__ import annotations

from typing import Any

from waysight.domain.scene import Scene
from waysight.messages.governance import Alert


def fresh_alert(scene: Scene, at_ms: int, **facts: Any) -> Alert:
    """An alert at a camera and time (UTC epoch ms), as if told for the first time; origin fields are 0.

    `facts` are its other fields. `episodes.merged` makes it follow what was told of it before.
    """
    usual: dict[str, Any] = {
        "entry_id": "",
        "exact": True,
        "distance": 0,
        "camera_id": scene.camera_id,
        "location": scene.place,
        "camera_group": scene.group or scene.camera_id,
        "occurred_ms": at_ms,
        "captured_ms": at_ms,
        "status": "new",
        "status_by": "",
        "status_reason": "",
        "version": 0,
        "origin_partition": 0,
        "origin_offset": 0,
        "ordinal": 0,
    }
    return Alert(**(usual | facts))

"""The cameras that are registered, for commands that name one, ask where it stands or which country's law it serves."""

from __future__ import annotations

from waysight.adapters.kafka import latest_by_key
from waysight.cameras.files import camera_of
from waysight.cameras.models import Camera
from waysight.codec import Codec
from waysight.settings import Settings


def registered_cameras(settings: Settings, codec: Codec, removed_too: bool = False) -> dict[str, Camera]:
    """The registered cameras by id, with `removed_too` also those that were taken out; raises EngineDown."""
    records = latest_by_key(settings, codec, "cameras").values()
    return {
        r.camera_id: camera_of(r)
        for r in records
        if r.record_kind == "camera" and (removed_too or not r.deleted)
    }


def countries_served(settings: Settings, codec: Codec) -> frozenset[str]:
    """The countries that have a registered camera (two letters); raises EngineDown."""
    return frozenset(camera.country for camera in registered_cameras(settings, codec).values())

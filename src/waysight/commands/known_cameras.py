"""The cameras that are registered, for commands that name one, ask where it stands or which country's law it serves."""

from __future__ import annotations

from waysight.adapters.kafka import latest_by_key
from waysight.cameras.files import camera_of
from waysight.cameras.models import Camera
from waysight.codec import Codec
from waysight.commands.output import note
from waysight.errors import BadMessage
from waysight.settings import Settings


def registered_cameras(settings: Settings, codec: Codec, removed_too: bool = False) -> dict[str, Camera]:
    """The registered cameras by id, with `removed_too` also those that were taken out; raises EngineDown.

    A record that says nothing of use is told on stderr and left out, as where the stream reads it.
    """
    found = {}
    for record in latest_by_key(settings, codec, "cameras").values():
        if record.record_kind == "camera" and (removed_too or not record.deleted):
            try:
                found[record.camera_id] = camera_of(record)
            except BadMessage as error:
                note(f"left out a record of cameras: {error}")
    return found


def countries_served(settings: Settings, codec: Codec) -> frozenset[str]:
    """The countries that have a registered camera (two letters); raises EngineDown."""
    return frozenset(camera.country for camera in registered_cameras(settings, codec).values())

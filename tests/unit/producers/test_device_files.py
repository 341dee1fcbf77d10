"""Devices in the camera file: what they need, what they spare a camera, and places without video."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from waysight.cameras.files import load_cameras
from waysight.cameras.scenes import scene_of
from waysight.commands.produce import choose
from waysight.errors import BadConfiguration

PAPERS = {"type_approval": "T-1", "type_approved_until": "2028-01-01", "verification": "V-1", "verified_from": "2026-01-01",
          "verified_until": "2026-12-31"}  # fmt: skip
RADAR = {"id": "radar-7", "kind": "radar", "speed_error_kmh": 3, "certificate": PAPERS}


def _file(folder: Path, **camera: Any) -> Path:
    path = folder / "cameras.yaml"
    path.write_text(yaml.safe_dump({"cameras": [{"id": "pole", "timezone": "Asia/Almaty", **camera}]}))
    return path


def test_a_radar_spares_a_camera_frames_and_calibration(tmp_path: Path) -> None:
    path = _file(tmp_path, purposes=["spot_speed"], speed_limit_kmh=60, devices=[RADAR])
    scene = scene_of(load_cameras(path).cameras[0])
    (device,) = scene.devices
    assert (scene.video, device.device_id, device.certificate) == (False, "radar-7", "T-1, V-1")
    midnight = datetime(2026, 12, 31, 19, tzinfo=UTC)  # the end of the day there
    assert device.papers is not None
    assert device.papers[1] == midnight.timestamp() * 1000
    assert device.obstacle_at(device.papers[1]) == "certificate_expired"


@pytest.mark.parametrize(
    ("camera", "reason"),
    [
        ({}, "give a source of pictures, or devices"),
        ({"devices": [{**RADAR, "speed_error_kmh": None}]}, "a certified radar needs speed_error_kmh"),
        ({"devices": [RADAR, RADAR]}, "devices: radar-7 is there twice"),
        ({"devices": [{"id": "a", "kind": "sonar"}]}, "kind"),
        ({"devices": [{"id": "a", "kind": "anpr"}], "purposes": ["spot_speed"], "speed_limit_kmh": 60}, "spot_speed needs"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path: Path, camera: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadConfiguration, match=reason):
        load_cameras(_file(tmp_path, **camera))


def test_a_place_without_video_produces_no_frames(tmp_path: Path) -> None:
    path = _file(tmp_path, devices=[RADAR])
    with pytest.raises(BadConfiguration, match="waysight intake"):
        choose(load_cameras(path).cameras, [], path)

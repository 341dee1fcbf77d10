"""What each offence asks of a camera: with all of it the camera may be used, without any one thing it is refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from waysight.cameras.models import Camera
from waysight.cameras.scenes import scene_of
from waysight.domain.enforcement.offences import OFFENCES, able

POINTS = [{"image": [x, y], "ground": [gx, gy]} for x, y, gx, gy in
          ((500, 1000, -4, 20), (1400, 1000, 4, 20), (700, 400, -4, 60), (1200, 400, 4, 60))]  # fmt: skip
AREA = [[0, 0], [900, 0], [900, 900]]
CALIBRATION = {"calibration": {"image_size": [1920, 1080], "points": POINTS}}
LIGHT = {"junction": {"id": "j1", "signal_group": "n"}, "stop_line": {"ground_y_m": 18.0}}
CERTIFICATE = {"type_approval": "T", "type_approved_until": "2030-01-01", "verification": "V",
               "verified_from": "2020-01-01", "verified_until": "2030-01-01"}  # fmt: skip
RADAR = [{"id": "r", "kind": "radar", "speed_error_kmh": 3, "certificate": CERTIFICATE}]
LOOP = [{"id": "l", "kind": "loop", "speed_error_kmh": 3, "certificate": CERTIFICATE}]


def _fps(fps: float) -> dict[str, Any]:
    return {"sampling": {"fps": fps}}


def _zone(kind: str, **more: Any) -> dict[str, Any]:
    return {"zones": [{"id": "z", "kind": kind, "image": AREA, **more}]}


def _line(kind: str) -> dict[str, Any]:
    return {"lines": [{"id": "n", "kind": kind, "image": [[0, 0], [0, 900]]}]}


TOWARDS = {"towards": [0, 1]}
# By purpose: what it needs, each by the field of the camera file, and in which words it is refused without it.
NEEDS: dict[str, dict[str, Any]] = {
    "spot_speed": {**_fps(5), **CALIBRATION, "speed_limit_kmh": 60},
    "section_control": {"section": {"id": "s", "role": "entry"}},
    "red_light": {**_fps(5), **CALIBRATION, **LIGHT},
    "stop_line": {**_fps(5), **CALIBRATION, **LIGHT},
    "restricted_zone": _zone("restricted"),
    "bus_lane": {**_fps(2), **_zone("bus_lane")},
    "shoulder": {**_fps(2), **_zone("shoulder")},
    "pavement": {**_fps(2), **_zone("pavement")},
    "restricted_hours": _zone("restricted_hours"),
    "illegal_stopping": _zone("no_stopping"),
    "illegal_parking": _zone("no_parking"),
    "double_parking": {**CALIBRATION, **_zone("double_parking")},
    "box_junction": _zone("box"),
    "wrong_way": {**_fps(2), **CALIBRATION, **_zone("one_way", **TOWARDS)},
    "illegal_turn": {**_fps(5), **CALIBRATION, **_line("turn")},
    "solid_line": {**_fps(5), **CALIBRATION, **_line("solid")},
    "overtaking": {**_fps(5), **CALIBRATION, **_zone("no_overtaking", **TOWARDS)},
    "pedestrian_priority": {**_fps(5), **CALIBRATION, **_zone("crossing")},
    "no_plate": _fps(2),
    "no_insurance": {},
    "no_inspection": {},
}
BY_PICTURES = set(NEEDS) - {"section_control", "no_insurance", "no_inspection"}


def _camera(purpose: str, **fields: Any) -> Camera:
    return Camera.model_validate({"id": "c", "source": "a.mp4", "purposes": [purpose], **fields})


def _words(purpose: str, field: str) -> str:
    kinds = [v["kind"] for f in ("zones", "lines") for v in NEEDS[purpose].get(f, [])]
    return {
        "sampling": f"sampling: {{fps: {NEEDS[purpose].get('sampling', {}).get('fps', 0):g}}} or more",
        "zones": f"a zone of kind {kinds[0]}" if kinds else "",
        "lines": f"a line of kind {kinds[0]}" if kinds else "",
        "source": "source: pictures of it",
    }.get(field, field)


def test_the_table_names_every_offence() -> None:
    assert set(NEEDS) == set(OFFENCES)
    assert len(NEEDS) == 21


@pytest.mark.parametrize("purpose", NEEDS)
def test_with_all_it_needs_a_camera_may_be_used(purpose: str) -> None:
    assert able(scene_of(_camera(purpose, **NEEDS[purpose]))) == {purpose}


@pytest.mark.parametrize(("purpose", "field"), [(p, f) for p, fields in NEEDS.items() for f in fields])
def test_without_any_one_need_a_camera_is_refused_by_name(purpose: str, field: str) -> None:
    fields = {f: v for f, v in NEEDS[purpose].items() if f != field}
    with pytest.raises(ValidationError) as refused:
        _camera(purpose, **fields)
    assert f"{purpose} needs {_words(purpose, field)}" in str(refused.value)
    assert str(refused.value).count(" needs ") == 1, "nothing else is asked for"


@pytest.mark.parametrize("purpose", [p for p in NEEDS if "zones" in NEEDS[p] or "lines" in NEEDS[p]])
def test_a_zone_or_line_of_another_kind_is_none(purpose: str) -> None:
    other = {"zones": _zone("watched")["zones"]} if "zones" in NEEDS[purpose] else {
        "lines": _line("solid" if purpose == "illegal_turn" else "turn")["lines"]}  # fmt: skip
    with pytest.raises(ValidationError, match=f"{purpose} needs a (zone|line) of kind"):
        _camera(purpose, **{**NEEDS[purpose], **other})


@pytest.mark.parametrize("purpose", [p for p in NEEDS if "sampling" in NEEDS[p]])
def test_fewer_pictures_a_second_are_refused(purpose: str) -> None:
    least = NEEDS[purpose]["sampling"]["fps"]
    with pytest.raises(ValidationError, match=rf"{purpose} needs sampling: \{{fps: {least}\}} or more"):
        _camera(purpose, **{**NEEDS[purpose], **_fps(least - 0.1)})


@pytest.mark.parametrize("purpose", NEEDS)
def test_a_place_without_video_is_refused_what_only_pictures_prove(purpose: str) -> None:
    place = {**NEEDS[purpose], "source": "", "devices": [{"id": "a", "kind": "anpr"}]}
    if purpose in BY_PICTURES:
        with pytest.raises(ValidationError, match=f"{purpose} needs source: pictures of it"):
            _camera(purpose, **place)
    else:
        assert able(scene_of(_camera(purpose, **place))) == {purpose}


@pytest.mark.parametrize("devices", [RADAR, LOOP])
def test_a_device_that_measures_speed_stands_for_pictures_and_calibration(devices: list[Any]) -> None:
    scene = scene_of(_camera("spot_speed", source="", devices=devices, speed_limit_kmh=60))
    assert able(scene) == {"spot_speed"}
    with pytest.raises(ValidationError, match="spot_speed needs speed_limit_kmh"):
        _camera("spot_speed", source="", devices=devices)


def test_a_loop_that_only_counts_measures_no_speed() -> None:
    with pytest.raises(ValidationError, match="spot_speed needs source: pictures of it"):
        _camera("spot_speed", source="", devices=[{"id": "l", "kind": "loop"}], speed_limit_kmh=60)
    with pytest.raises(ValidationError, match="a certified loop needs speed_error_kmh"):
        _camera("count", devices=[{"id": "l", "kind": "loop", "certificate": CERTIFICATE}])

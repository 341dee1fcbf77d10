"""The camera file: what is accepted, and what each refusal says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.videos import make_video
from waysight.cameras.calibration import apply_homography
from waysight.cameras.files import camera_of, load_cameras, section_of, to_records
from waysight.cameras.scenes import scene_of
from waysight.commands.cameras import check_command
from waysight.domain.enforcement.offences import able
from waysight.domain.scene import RoadLine
from waysight.errors import BadConfiguration, BadMessage

POINTS = [
    {"image": [500, 1000], "ground": [-4, 20]},
    {"image": [1400, 1000], "ground": [4, 20]},
    {"image": [733.3333333, 666.6666667], "ground": [-4, 40]},
    {"image": [1186.6666667, 666.6666667], "ground": [4, 40]},
]
FULL = {
    "version": 1,
    "cameras": [
        {
            "id": "j1-north",
            "source": "j1.mp4",
            "sampling": {"fps": 5},
            "start": "2026-11-20T06:00:00Z",
            "timezone": "Asia/Almaty",
            "purposes": ["hotlist", "spot_speed", "red_light", "restricted_zone"],
            "speed_limit_kmh": 60,
            "calibration": {"image_size": [1920, 1080], "points": POINTS},
            "junction": {"id": "j1", "signal_group": "north"},
            "stop_line": {"ground_y_m": 18.0},
            "zones": [{"id": "bus-1", "image": [[0, 0], [10, 0], [10, 10]]}],
            "certificate": {
                "type_approval": "KZ.1", "type_approved_until": "2028-12-31", "verification": "AA-17",
                "verified_from": "2026-02-01", "verified_until": "2027-02-01",
            },
        },
        {"id": "in", "source": "in.mp4", "purposes": ["section_control"], "section": {"id": "s1", "role": "entry"}},
        {"id": "out", "source": "rtsp://u:secret@cam/1", "purposes": ["section_control"],
         "section": {"id": "s1", "role": "exit"}},
    ],
    "sections": [{"id": "s1", "entry": "in", "exit": "out", "length_m": 1000, "limit_kmh": 110}],
}  # fmt: skip


def write(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "cameras.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def changed(camera: int, **fields: object) -> dict[str, object]:
    """FULL with fields of one camera changed; None removes a field."""
    cameras = [dict(c) for c in FULL["cameras"]]  # type: ignore[call-overload]
    cameras[camera].update(fields)
    cameras[camera] = {k: v for k, v in cameras[camera].items() if v is not None}
    return {**FULL, "cameras": cameras}


def test_only_a_source_is_needed(tmp_path: Path) -> None:
    text = "cameras:\n- source: Gate 4.MP4\n- source: Gate 4.MP4\n- source: rtsp://10.0.0.9/live\n"
    file = load_cameras(write(tmp_path, text))
    assert [c.id for c in file.cameras] == ["gate-4", "gate-4-2", "live"]
    assert file.cameras[0].path == tmp_path / "Gate 4.MP4"
    assert file.cameras[0].purposes == ("hotlist", "count")
    assert file.cameras[2].is_live


def test_a_bare_off_is_the_word_off(tmp_path: Path) -> None:
    file = load_cameras(write(tmp_path, "cameras:\n- {source: a.mp4, motion_gate: off}\n"))
    assert file.cameras[0].motion_gate == "off"


def test_the_records_give_the_same_cameras_back_without_passwords(tmp_path: Path) -> None:
    file = load_cameras(write(tmp_path, FULL))
    records = to_records(file)
    assert camera_of(records[0]) == file.cameras[0]
    assert section_of(records[3]) == file.sections[0]
    assert "secret" not in records[2].config_json
    with pytest.raises(BadMessage, match="is a section, not a camera"):
        camera_of(records[3])


def test_the_homography_maps_the_surveyed_points(tmp_path: Path) -> None:
    camera = load_cameras(write(tmp_path, FULL)).camera("j1-north")
    assert camera.homography is not None
    ground = apply_homography(camera.homography, np.array([p["image"] for p in POINTS], dtype=float))
    assert np.allclose(ground, [p["ground"] for p in POINTS], atol=0.05)


def test_a_stop_line_in_the_picture_is_mapped_to_the_road(tmp_path: Path) -> None:
    line = {"image": [[500, 1000], [1400, 1000]]}
    camera = load_cameras(write(tmp_path, changed(0, stop_line=line))).camera("j1-north")
    assert camera.stop_line_ground is not None
    assert np.allclose(camera.stop_line_ground, [[-4, 20], [4, 20]], atol=0.05)


@pytest.mark.parametrize(
    ("moment", "obstacle"),
    [
        ("2026-01-31T18:59:59", "certificate_not_yet_valid"),
        ("2026-01-31T19:00:00", ""),  # 1 February at midnight in Almaty (UTC+5)
        ("2027-02-01T18:59:59", ""),
        ("2027-02-01T19:00:00", "certificate_expired"),
    ],
)
def test_the_certificate_counts_days_of_the_camera(tmp_path: Path, moment: str, obstacle: str) -> None:
    camera = load_cameras(write(tmp_path, FULL)).camera("j1-north")
    at_ms = int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp() * 1000)
    assert scene_of(camera).obstacle_at(at_ms) == obstacle


ZONE = {"id": "z", "image": [[0, 0], [10, 0], [10, 10]]}


def test_zones_and_lines_reach_the_logic(tmp_path: Path) -> None:
    zone = {**ZONE, "kind": "restricted_hours", "hours": "mon-fri 07:00-19:00", "labels": ["truck"], "min_mass_kg": 3500,
            "emission_classes": ["euro2"]}  # fmt: skip
    line = {"id": "n", "kind": "solid", "image": [[0, 0], [10, 0]], "forbidden": "left_to_right"}
    way = {**ZONE, "id": "w", "kind": "one_way", "towards": [0, -1]}
    content = changed(
        0, purposes=["restricted_hours", "solid_line", "wrong_way"], zones=[zone, way], lines=[line]
    )
    file = load_cameras(write(tmp_path, content))
    assert camera_of(to_records(file)[0]) == file.cameras[0]
    scene = scene_of(file.cameras[0])
    assert able(scene) == {"restricted_hours", "solid_line", "wrong_way"}
    assert (scene.zones[0].kind, scene.zones[0].by_register, scene.zones[1].towards) == (
        "restricted_hours",
        True,
        (0, -1),
    )
    assert (scene.zones[0].labels, scene.zones[0].emission_classes) == ({"truck"}, {"euro2"})
    assert scene.lines[0] == RoadLine(
        line_id="n", kind="solid", image=((0, 0), (10, 0)), forbidden="left_to_right"
    )


BROKEN = [
    ("cameras: [", r"cameras\.yaml:1: not valid YAML"),
    ("- a", "must be a mapping"),
    ("cameras: []", "field cameras: .*at least 1"),
    ("cameras: [{id: a}]", "camera a: give a source of pictures, or devices"),
    ("cameras: [{id: A b, source: x}]", "camera A b: field id:"),
    (changed(0, colour="red"), "camera j1-north: field colour: unknown field"),
    (changed(0, sampling={"fps": 2}), r"camera j1-north: spot_speed needs sampling: \{fps: 5\} or more"),
    (changed(0, sampling={"fps": -2}), "camera j1-north: field sampling.fps: .*greater than 0"),
    (changed(0, sampling="often"), "camera j1-north: field sampling: .*'keyframes'"),
    (changed(0, calibration=None), "spot_speed needs calibration; red_light needs calibration"),
    (changed(0, junction=None), "red_light needs junction"),
    (changed(0, stop_line=None), "red_light needs stop_line"),
    (changed(0, stop_line={}), "either ground_y_m or image"),
    (changed(0, speed_limit_kmh=None), "spot_speed needs speed_limit_kmh"),
    (changed(0, zones=[]), "restricted_zone needs a zone"),
    (changed(0, timezone="Mars/North"), "unknown time zone"),
    (changed(0, purposes=["bus_lane"]), "bus_lane needs a zone of kind bus_lane"),
    (changed(0, purposes=["solid_line"]), "solid_line needs a line of kind solid"),
    (changed(0, purposes=["stop_line"], junction=None), "stop_line needs junction"),
    (changed(0, purposes=["littering"]), "field purposes"),
    (changed(0, zones=[{**ZONE, "kind": "one_way"}]), r"zone z: a zone of kind one_way needs towards"),
    (changed(0, zones=[{**ZONE, "towards": [0, 1]}]), "towards is for zones of kind one_way"),
    (changed(0, zones=[{**ZONE, "hours": "in the morning"}]), "hours 'in the morning' cannot be read"),
    (changed(0, zones=[{**ZONE, "max_dwell_s": 5}]), "max_dwell_s is for no_stopping"),
    (changed(0, zones=[{**ZONE, "min_mass_kg": 3500}]), "are for restricted_hours"),
    (
        changed(0, lines=[{"id": "n", "kind": "solid", "image": [[1, 1], [1, 1]]}]),
        "its two ends are one point",
    ),
    (changed(0, start="2026-11-20T06:00:00"), "field start: .*timezone"),
    (changed(2, start="2026-11-20T06:00:00Z"), "camera out: start is for files only"),
    (changed(1, section=None), "camera in: section_control needs section"),
    (
        changed(1, section={"id": "s1", "role": "exit"}),
        r"camera in: field section: must be \{id: s1, role: entry\}",
    ),
    (changed(1, id="elsewhere"), "section s1: field entry: no camera 'in'"),
    (changed(1, id="out"), "camera out: field id: used twice"),
    (
        changed(
            0,
            calibration={
                "image_size": [1920, 1080],
                "points": [{"image": [i, i], "ground": [i, i]} for i in range(5)],
            },
        ),
        "do not fix a plane",
    ),
    (
        changed(
            0,
            calibration={
                "image_size": [1920, 1080],
                "points": [*POINTS, {"image": [960, 900], "ground": [0, 30]}],
            },
        ),
        "the points disagree by",
    ),
]


@pytest.mark.parametrize(("content", "says"), BROKEN)
def test_a_broken_file_is_refused_with_place_and_reason(tmp_path: Path, content: object, says: str) -> None:
    with pytest.raises(BadConfiguration, match=says) as caught:
        load_cameras(write(tmp_path, content))
    assert str(tmp_path / "cameras.yaml") in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"nowhere\.yaml: cannot be read"):
        load_cameras(tmp_path / "nowhere.yaml")


def test_the_examples_of_the_documentation_are_camera_files(tmp_path: Path, root: Path) -> None:
    blocks = (root / "docs" / "cameras.md").read_text().split("```yaml\n")[1:]
    assert len(blocks) == 3
    for block in blocks:
        assert load_cameras(write(tmp_path, block.split("```")[0])).cameras


@pytest.mark.parametrize("name", ["p.xyz", "no/such/folder/p.png"])
def test_a_picture_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path, name: str) -> None:
    make_video(tmp_path / "a.mp4", frames=3)
    path = write(tmp_path, {"version": 1, "cameras": [{"id": "a", "source": "a.mp4"}]})
    with pytest.raises(BadConfiguration, match=r"cannot be written; .*\.png"):
        check_command(path, picture=tmp_path / name)

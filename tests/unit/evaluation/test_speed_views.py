"""`evaluate speed` on views made from a known camera: what it measures, matches, skips and refuses."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
from synthetic import Pinhole
from typer.testing import CliRunner

from waysight.cli import build
from waysight.errors import BadMessage
from waysight.evaluation.speed import calibration_of, measure_view, pairs, summary
from waysight.evaluation.speed_views import folders_of, read_view

CAMERA = Pinhole(2400.0, 8.0, 16.0)
FPS = 25.0
GATES_Y_M = (18.0, 40.0)  # line 0 is the near one, as in the benchmark


def _line(a: tuple[float, float], b: tuple[float, float]) -> list[float]:
    """The line a·x + b·y + c = 0 through two image points."""
    x, y = b[1] - a[1], a[0] - b[0]
    size = math.hypot(x, y)
    return [x / size, y / size, -(x * a[0] + y * a[1]) / size]


def _mark(a: tuple[float, float], b: tuple[float, float], along: bool) -> dict[str, Any]:
    p1, p2 = CAMERA.pixel(*a), CAMERA.pixel(*b)
    return {"p1": [*p1, 1.0], "p2": [*p2, 1.0], "distance": math.dist(a, b), "toVP1": along}


def make_view(folder: Path, cars: int = 12, seed: int = 5, noise_px: float = 0.7) -> dict[int, float]:
    """Write a view of two lanes; returns car id -> speed (km/h). Every car drives towards the camera."""
    rng = random.Random(seed)
    tracks, passages, speeds = [], [], {}
    for number in range(cars):
        x, mps, at = (-1.75, 1.75)[number % 2], rng.uniform(15, 30), 2.0 + 1.5 * number
        speeds[number] = mps * 3.6
        frames, points = [], []
        for frame in range(int(at * FPS), int((at + 4) * FPS)):
            y = 60.0 - mps * (frame / FPS - at)
            px = CAMERA.pixel(x, y)
            if y > 12 and px[1] < 1075:
                frames.append(frame)
                points.append((px[0] + rng.gauss(0, noise_px), px[1] + rng.gauss(0, noise_px)))
        tracks.append({"id": 100 + number, "frames": frames, "posX": [p[0] for p in points], "posY": [p[1] for p in points]})  # fmt: skip
        gates = [
            {"measurementLineId": k, "videoTime": at + (60.0 - y) / mps} for k, y in enumerate(GATES_Y_M)
        ]
        passages.append({"carId": number, "speed": mps * 3.6, "laneIndex": [number % 2], "valid": number != 3,
                         "intersections": gates[::-1]})  # fmt: skip
    marks = [_mark((x, y), (x, y + 11), True) for x in (-3.5, 3.5) for y in (18.0, 29.0)]
    marks += [_mark((-3.5, y), (3.5, y), False) for y in GATES_Y_M]
    up = 1080 / 2 - 2400.0 * math.tan(math.radians(16.0))
    view = {"pp": [960.0, 540.0], "vp1": [960.0, up], "vp2": [1e7, up], "scale": 1.0}
    truth = {
        "fps": FPS, "cars": passages, "distanceMeasurement": marks, "invalidLanes": [],
        "measurementLines": [_line(CAMERA.pixel(-3.5, y), CAMERA.pixel(3.5, y)) for y in GATES_Y_M],
        "laneDivLines": [_line(CAMERA.pixel(x, 15), CAMERA.pixel(x, 60)) for x in (-3.5, 0.0, 3.5)],
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tracks.json").write_text(json.dumps({"cars": tracks, "camera_calibration": view}))
    (folder / "truth.json").write_text(json.dumps(truth))
    return speeds


def test_speeds_of_a_known_camera_are_measured(tmp_path: Path) -> None:
    speeds = make_view(tmp_path)
    view = read_view(tmp_path)
    measured = measure_view(view, calibration_of(view))
    assert {m.car_id for m in measured} == set(speeds) - {3}
    assert all(m.track_id == 100 + m.car_id for m in measured)
    for m in measured:
        assert m.motion.speed_kmh == pytest.approx(speeds[m.car_id], rel=0.012)
    figures = summary(measured)
    assert figures["mae_kmh"] < 0.8
    assert figures["within_3kmh"] == figures["covered_95"] == 1.0
    assert 1.0 < figures["bound_kmh_mean"] < 6.0


def test_vanishing_points_with_distances_for_the_scale(tmp_path: Path) -> None:
    make_view(tmp_path)
    view = read_view(tmp_path)
    calibration = calibration_of(view, "vanishing")
    assert calibration.way == "vanishing points"
    assert summary(measure_view(view, calibration))["mae_kmh"] < 1.0


def test_lasers_never_touch_what_is_measured(tmp_path: Path) -> None:
    make_view(tmp_path)
    before = read_view(tmp_path)
    truth = json.loads((tmp_path / "truth.json").read_text())
    for car in truth["cars"]:
        car["speed"] *= 1.3
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    after = read_view(tmp_path)
    one, other = (measure_view(v, calibration_of(v)) for v in (before, after))
    assert [m.motion for m in one] == [m.motion for m in other]
    assert summary(other)["within_3kmh"] < 0.2


def test_a_track_of_another_lane_or_time_is_no_match(tmp_path: Path) -> None:
    make_view(tmp_path)
    tracks = json.loads((tmp_path / "tracks.json").read_text())
    tracks["cars"][0]["frames"] = [f + 20 for f in tracks["cars"][0]["frames"]]
    tracks["cars"][1]["posX"] = [1920 - x for x in tracks["cars"][1]["posX"]]
    (tmp_path / "tracks.json").write_text(json.dumps(tracks))
    view = read_view(tmp_path)
    assert {p.car_id for p, _ in pairs(view)} == set(range(12)) - {0, 1, 3}
    assert view.skipped["no track at that lane and time"] == 2


def test_a_few_frames_a_second_are_enough(tmp_path: Path) -> None:
    make_view(tmp_path)
    full, fifth = (read_view(tmp_path, every) for every in (1, 5))
    assert len(fifth.tracks[0].times_s) == pytest.approx(len(full.tracks[0].times_s) / 5, abs=1)
    figures = summary(measure_view(fifth, calibration_of(fifth)))
    assert figures["vehicles"] == 11
    assert figures["within_3kmh"] == figures["covered_95"] == 1.0


def test_the_command_pools_views_and_says_what_failed(tmp_path: Path) -> None:
    make_view(tmp_path / "views" / "a")
    make_view(tmp_path / "views" / "b", seed=6)
    truth = json.loads((tmp_path / "views" / "b" / "truth.json").read_text())
    truth["distanceMeasurement"] = truth["distanceMeasurement"][:1]
    (tmp_path / "views" / "b" / "truth.json").write_text(json.dumps(truth))
    words = [
        "evaluate",
        "speed",
        "--tracks",
        str(tmp_path / "views"),
        "--out",
        str(tmp_path / "out"),
        "--json",
    ]
    result = CliRunner().invoke(build("evaluate"), words, catch_exceptions=False)
    report = json.loads(result.stdout)
    assert report["vehicles"] == report["views"]["a"]["vehicles"] == 11
    assert report["views"]["b"]["vehicles"] == 0
    assert "b: the survey fixes no road plane" in report["views"]["b"]["problem"]
    assert report["covered_95_interval"][0] < report["covered_95"]
    assert len(report["worst"]) == 11
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == report
    assert (tmp_path / "out" / "worst.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("truth.json", "{", "truth.json: not valid JSON"),
        ("truth.json", "[]", "truth.json: must be a JSON object"),
        ("truth.json", "{}", r"truth.json: KeyError 'fps'"),
        ("tracks.json", '{"cars": [{"id": 1}]}', r"tracks.json: KeyError 'posX'"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, name: str, content: str, says: str) -> None:
    make_view(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(BadMessage, match=says):
        read_view(tmp_path)


def test_a_folder_without_views_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadMessage, match=r"no tracks\.json here"):
        folders_of(tmp_path)

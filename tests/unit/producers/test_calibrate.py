"""`cameras calibrate`: what it prints, what it draws, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from synthetic import SIZE, Pinhole
from typer.testing import CliRunner

from waysight.cameras.calibration_picture import draw_calibration
from waysight.cameras.survey import Calibration
from waysight.cli import build
from waysight.errors import BadConfiguration

CAMERA = Pinhole(1500.0, 6.0, 12.0)
PLACES = [(x, y) for y in (14.0, 20.0, 30.0, 45.0) for x in (-3.5, 3.5)]


def survey(**more: Any) -> dict[str, Any]:
    """A calibration by exact points, as JSON would hold it."""
    points = [{"image": list(CAMERA.pixel(x, y)), "ground": [x, y]} for x, y in PLACES]
    return {"image_size": list(SIZE), "points": points, "error_m": 0.05, **more}


def picture(folder: Path, width: int = SIZE[0], height: int = SIZE[1]) -> Path:
    path = folder / "road.png"
    cv2.imwrite(str(path), np.full((height, width, 3), 90, dtype=np.uint8))
    return path


def written(folder: Path, content: object) -> Path:
    path = folder / "calibration.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def run(*words: object) -> Any:
    return CliRunner().invoke(
        build("cameras"), ["cameras", "calibrate", *map(str, words)], catch_exceptions=False
    )


def test_a_calibration_is_drawn_and_its_speed_error_stated(tmp_path: Path) -> None:
    out = tmp_path / "grid.png"
    result = run("--calibration", written(tmp_path, {"calibration": survey()}), "--picture", picture(tmp_path),
                 "--out", out, "--speed-kmh", 90, "--fps", 10, "--json")  # fmt: skip
    report = json.loads(result.stdout)
    assert report["calibration"] == "points"
    assert report["error_px"] < 0.1
    assert [e["y_m"] for e in report["expected"]] == pytest.approx([14.0, 21.75, 29.5, 37.25, 45.0])
    bounds = [e["bound_kmh"] for e in report["expected"]]
    assert bounds[-1] > bounds[1] > 1.96 * 0.015 * 90
    for place in report["expected"]:
        assert place["image"] == pytest.approx(CAMERA.pixel(place["x_m"], place["y_m"]), abs=0.2)
    drawn = cv2.imread(str(out))
    assert drawn is not None
    assert (drawn != 90).any(axis=2).mean() > 0.005


def test_a_camera_file_gives_the_calibration_of_the_named_camera(tmp_path: Path) -> None:
    cameras = [{"id": name, "source": f"{name}.mp4", "calibration": survey()} for name in ("a", "b")]
    file = written(tmp_path, {"cameras": cameras})
    with pytest.raises(
        BadConfiguration, match="a, b of its cameras has a calibration; name one with --camera"
    ):
        run("--calibration", file, "--picture", picture(tmp_path))
    result = run("--calibration", file, "--camera", "b", "--picture", picture(tmp_path, 960, 540),
                 "--out", tmp_path / "grid.png", "--json")  # fmt: skip
    assert json.loads(result.stdout)["picture"] == [960, 540]
    assert "drawn scaled" in result.stderr


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (survey(points=survey()["points"][:3]), "3 points fix no plane"),
        (survey(wrong=1), "field wrong: unknown field"),
        ({"image_size": [1920, 1080]}, "either points, or marks"),
    ],
)
def test_a_calibration_of_no_use_is_refused(tmp_path: Path, content: object, says: str) -> None:
    with pytest.raises(BadConfiguration, match=says):
        run("--calibration", written(tmp_path, content), "--picture", picture(tmp_path))


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"none\.png: cannot be read"):
        run("--calibration", written(tmp_path, survey()), "--picture", tmp_path / "none.png")
    with pytest.raises(BadConfiguration, match="name the picture"):
        run("--calibration", written(tmp_path, survey()))


def test_the_grid_lies_where_the_road_is() -> None:
    calibration = Calibration.model_validate(survey())
    grey = np.full((SIZE[1], SIZE[0], 3), 90, dtype=np.uint8)
    drawn = draw_calibration(calibration, grey)
    x, y = CAMERA.pixel(1.5, 20.0)  # on the line of 20 m
    around = drawn[round(y) - 2 : round(y) + 3, round(x)]
    assert (around != 90).any()
    x, y = CAMERA.pixel(1.5, 22.5)  # between lines of 1 m
    assert (drawn[round(y), round(x)] == 90).all()

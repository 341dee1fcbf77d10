"""Three ways of calibrating, each against a known camera: the error stays inside what the calibration states."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from synthetic import SIZE, Pinhole

from waysight.cameras.calibration import Matrix, apply_homography
from waysight.cameras.survey import Calibration
from waysight.domain.speed import Fix, measure

CAMERA = Pinhole(2400.0, 8.0, 16.0)
TRIALS = 25
CORNERS = [(x, y) for y in (16.0, 22.0, 30.0, 45.0) for x in (-3.5, 3.5)]
AHEAD_M = ((0.5, 40.0), (0.5, 20.0))


def _seen(x_m: float, y_m: float, rng: np.random.Generator, noise_px: float = 1.0) -> tuple[float, float]:
    x, y = CAMERA.pixel(x_m, y_m)
    return x + float(rng.normal(0, noise_px)), y + float(rng.normal(0, noise_px))


def _points(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "error_m": 0.05,
        "points": [
            {"image": _seen(x, y, rng), "ground": (x + rng.normal(0, 0.05), y + rng.normal(0, 0.05))}
            for x, y in CORNERS
        ],
    }


def _mark(
    a: tuple[float, float], b: tuple[float, float], rng: np.random.Generator, **more: Any
) -> dict[str, Any]:
    return {"image": (_seen(*a, rng), _seen(*b, rng)), **more}


def _markings(rng: np.random.Generator) -> dict[str, Any]:
    along = [((x, y), (x, y + 6.0)) for x in (-3.5, 0.0, 3.5) for y in (16.0, 28.0, 40.0)]
    across = [((-3.5, y), (3.5, y)) for y in (16.0, 40.0)]
    dashes = [_mark(a, b, rng, length_m=6.0 + rng.normal(0, 0.02), direction="along") for a, b in along]
    lanes = [_mark(a, b, rng, length_m=7.0 + rng.normal(0, 0.02), direction="across") for a, b in across]
    return {"marks": dashes + lanes}


def _vanishing(rng: np.random.Generator) -> dict[str, Any]:
    turn = math.radians(0.3)
    up, aside = rng.normal(0, turn, 2)
    x, y = SIZE[0] / 2, SIZE[1] / 2 - 2400.0 * math.tan(math.radians(16.0))
    far = 2400.0 / math.cos(math.radians(16.0)) ** 2
    known = [_mark((0.0, 16.0), (0.0, 46.0), rng, length_m=30.0 + rng.normal(0, 0.02))]
    return {"vanishing": {"along": (x + 2400.0 * aside, y + far * up)}, "marks": known}


WAYS = {"points": _points, "markings": _markings, "vanishing points": _vanishing}


def _errors(calibration: Calibration) -> tuple[float, float]:
    """Error of a 20 m/s drive through the picture and its stated sigma by the calibration (km/h)."""
    plane = calibration.solve()
    places = np.array([CAMERA.pixel(0.5, 44.0 - 4.0 * k) for k in range(8)])
    ground = apply_homography(plane.matrix, places)
    fixes = [Fix(200 * k, *at, 0.1, 0.1) for k, at in enumerate(ground.tolist())]
    motion = measure(fixes, 0.0, plane.flat_sways())
    assert motion is not None
    return motion.speed_kmh - 72.0, motion.calibration_kmh


@pytest.mark.parametrize("way", WAYS)
def test_the_stated_error_covers_the_true_one(way: str) -> None:
    rng = np.random.default_rng(11)
    found = []
    for _ in range(TRIALS):
        calibration = Calibration.model_validate({"image_size": SIZE, **WAYS[way](rng)})
        assert calibration.way == way
        found.append(_errors(calibration))
    errors, sigmas = np.array(found).T
    assert (np.abs(errors) <= 1.96 * sigmas).mean() >= 0.88
    assert np.sqrt((errors**2).mean()) > 0.3 * np.median(sigmas), "the stated error is silly"
    assert np.median(sigmas) < 3.0


@pytest.mark.parametrize("way", WAYS)
def test_exact_observations_give_the_camera(way: str) -> None:
    class Still:
        def normal(self, *_: float) -> Any:
            return np.zeros(2) if len(_) == 3 else 0.0

    calibration = Calibration.model_validate({"image_size": SIZE, **WAYS[way](Still())})  # type: ignore[arg-type]
    pixels = np.array([CAMERA.pixel(x, y) for x, y in CORNERS])
    ground = apply_homography(calibration.solve().matrix, pixels)
    assert calibration.solve().error_px < 1.5
    assert np.linalg.norm(ground[1] - ground[0]) == pytest.approx(7.0, rel=0.06)
    assert ground[6, 1] - ground[0, 1] == pytest.approx(29.0, rel=0.03)
    error, _ = _errors(calibration)
    assert abs(error) < 1.0


def _exact_marks() -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    return list(_markings(rng)["marks"])


def test_the_worst_mark_is_named() -> None:
    marks = _exact_marks()
    (x, y), end = marks[4]["image"]
    marks[4] = {**marks[4], "image": ((x + 250.0, y + 160.0), end)}
    with pytest.raises(ValidationError, match=r"the marks disagree by .* worst is mark 5"):
        Calibration.model_validate({"image_size": SIZE, "marks": marks})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({}, "give either points, or marks and vanishing points"),
        ({"points": [{"image": (1, 1), "ground": (1, 1)}] * 3}, "3 points fix no plane"),
        ({"marks": [{"image": ((1, 1), (2, 2))}]}, "give length_m, direction"),
        ({"marks": [{"image": ((1, 1), (1, 1)), "length_m": 2}]}, "two image points are the same"),
        ({"vanishing": {}}, "give along, across, or both"),
        ({"vanishing": {"along": (960, -150)}}, "nothing gives the scale"),
        ({"marks": [{"image": ((900, 900), (900, 700)), "length_m": 6}]}, "nothing gives the road's direction"),
        ({"marks": [{"image": ((900, 900), (900, 700)), "length_m": 6, "direction": "along"}]}, "stay uncertain by"),
        ({"marks": [{"image": ((9000, 1), (9000, 9)), "length_m": 6}]}, "far outside"),
    ],
)  # fmt: skip
def test_what_fixes_no_plane_is_refused_with_its_reason(content: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Calibration.model_validate({"image_size": SIZE, **content})


def test_a_height_gives_the_scale_where_the_road_runs_aside() -> None:
    turn = math.radians(30.0)

    def at(right: float, along: float) -> tuple[float, float]:
        x, y = (
            right * math.cos(turn) + along * math.sin(turn),
            14.0 - right * math.sin(turn) + along * math.cos(turn),
        )
        return CAMERA.pixel(x - 8.0, y)

    lines = [((x, 0.0), (x, 30.0), "along") for x in (-5.0, 0.0, 5.0)]
    lines += [((-5.0, y), (5.0, y), "across") for y in (0.0, 15.0, 30.0)]
    marks = [{"image": (at(*a), at(*b)), "direction": way} for a, b, way in lines]
    calibration = Calibration.model_validate(
        {
            "image_size": SIZE,
            "marks": marks,
            "camera_height_m": 8.0,
            "error_px": 0.3,
            "direction_error_deg": 0.05,
        }
    )
    ground = apply_homography(calibration.solve().matrix, np.array([at(0.0, 0.0), at(0.0, 30.0)]))
    assert ground[1] - ground[0] == pytest.approx([0.0, 30.0], abs=0.5)


def test_sways_are_maps_of_the_ground_near_the_identity() -> None:
    plane = Calibration.model_validate({"image_size": SIZE, **_points(np.random.default_rng(2))}).solve()
    at: Matrix = np.array(AHEAD_M, dtype=np.float64)
    moved = [np.linalg.norm(apply_homography(s, at) - at, axis=1).max() for s in plane.sways]
    assert len(plane.sways) == 16
    assert 0.0 < max(moved) < 1.0

"""What speed measurement to expect of a calibration, before any vehicle is measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from waysight.cameras.calibration import Plane, apply_homography, inverse, metres_per_px
from waysight.cameras.picture import surveyed_ground
from waysight.cameras.survey import Calibration
from waysight.domain.speed import Fix, Motion, measure

TRACK_ERROR_PX = 2.0  # one sigma of a box's lower edge, as the tracks assume it for a car 100 px tall
PATH_M = 20.0
PLACES = 5


@dataclass(frozen=True, slots=True)
class Expected:
    """A pass centred at X and Y (m), seen at `image` (px): m a px along the road, and the measured motion."""

    x_m: float
    y_m: float
    image: tuple[float, float]
    metres_per_px: float
    motion: Motion


def expected(calibration: Calibration, speed_kmh: float, fps: float) -> list[Expected]:
    """Passes of 20 m at a steady speed, sampled at `fps`, at five places along the surveyed road, near to far."""
    plane = calibration.solve()
    ground = surveyed_ground(calibration)
    (left, near), (right, far) = ground.min(axis=0), ground.max(axis=0)
    x = (left + right) / 2
    found = []
    for y in np.linspace(near, far, PLACES):
        step = speed_kmh / 3.6 / fps
        count = max(3, int(PATH_M / step) + 1)
        path = np.column_stack([np.full(count, x), y + step * (np.arange(count) - (count - 1) / 2)])
        motion = _seen(plane, path, fps)
        at = np.array([[x, y]])
        image = apply_homography(inverse(plane.matrix), at)
        if motion is not None:
            size = float(metres_per_px(plane.matrix, image)[0, 1])
            place = float(image[0, 0]), float(image[0, 1])
            found.append(Expected(float(x), float(y), place, size, motion))
    return found


def _seen(plane: Plane, path: np.ndarray[tuple[int, int], np.dtype[np.float64]], fps: float) -> Motion | None:
    image = apply_homography(inverse(plane.matrix), path)
    on_road = np.column_stack([image, np.ones(len(image))]) @ plane.matrix[2] > 0
    if not on_road.all():
        return None
    errors = TRACK_ERROR_PX * metres_per_px(plane.matrix, image)
    fixes = [
        Fix(round(1000 * n / fps), *at, *error)
        for n, (at, error) in enumerate(zip(path.tolist(), errors.tolist(), strict=True))
    ]
    return measure(fixes, 0.0, plane.flat_sways())

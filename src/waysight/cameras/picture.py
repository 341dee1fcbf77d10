"""What a camera is configured to see, drawn over a picture of it: calibration grid, zones, stop line."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from waysight.adapters.pictures import AMBER, GREEN, RED, Picture, draw_polygon, draw_text
from waysight.adapters.video import open_file, open_live
from waysight.cameras.calibration import Matrix, apply_homography
from waysight.cameras.models import Camera
from waysight.cameras.survey import Calibration
from waysight.errors import BadMessage

GRID_STEP_M = 5.0


def first_picture(camera: Camera) -> Picture:
    """The first decodable picture of a camera; raises BadMessage, or EngineDown when it cannot be reached."""
    path = camera.path
    with open_file(path) if path else open_live(camera.source, camera.id) as video:
        for shown in video.decoded():
            return shown.picture()
    raise BadMessage(f"{camera.public_source}: holds no picture")


def draw_configuration(camera: Camera, picture: Picture) -> Picture:
    """A copy of a BGR picture with the camera's geometry on it; px of a calibration are scaled to the picture's."""
    drawn = picture.copy()
    height, width = picture.shape[:2]
    scale = np.ones(2)
    if camera.calibration:
        scale = np.array([width, height]) / np.array(camera.calibration.image_size)
    matrix = camera.homography
    if matrix is not None and camera.calibration is not None:
        to_image = np.asarray(np.linalg.inv(matrix), dtype=np.float64)
        ground = surveyed_ground(camera.calibration)
        for line in _grid(ground):
            _draw(
                drawn,
                apply_homography(to_image, line) * scale,
                f"{line[0, 1]:.0f} m" if line[0, 1] == line[1, 1] else "",
            )
        for residual in camera.calibration.solve().residuals:
            x, y = np.array(residual.seen) * scale
            draw_text(drawn, (int(x), int(y)), residual.name.split()[-1], AMBER)
        if line_m := camera.stop_line_ground:
            left, right = float(ground[:, 0].min()), float(ground[:, 0].max())
            ends = np.array(line_m if camera.stop_line and camera.stop_line.image else
                            [(left, line_m[0][1]), (right, line_m[1][1])])  # fmt: skip
            _draw(drawn, apply_homography(to_image, ends) * scale, "stop line", RED)
    for zone in camera.zones:
        corners = np.array(zone.image) * scale
        draw_polygon(
            drawn, _pairs(corners), f"{zone.id} ({zone.kind})", AMBER if zone.kind == "watched" else RED
        )
    for road_line in camera.lines:
        _draw(drawn, np.array(road_line.image) * scale, f"{road_line.id} ({road_line.kind})", RED)
    draw_text(drawn, (0, 0), f"{camera.id}: {', '.join(camera.purposes)}", GREEN)
    return drawn


def surveyed_ground(calibration: Calibration) -> Matrix:
    """The road that a calibration was made on: its points or ends of marks in m, (N, 2), else 5 to 60 m ahead."""
    if calibration.points:
        return np.array([p.ground for p in calibration.points], dtype=np.float64)
    ends = np.array([e for m in calibration.marks for e in m.image], dtype=np.float64)
    if not len(ends):
        return np.array([[-4.0, 5.0], [4.0, 60.0]])
    return apply_homography(calibration.solve().matrix, ends)


def _grid(ground: Matrix) -> Iterator[Matrix]:
    """Lines across and along the surveyed part of the road, each (2, 2) in m."""
    (left, near), (right, far) = ground.min(axis=0), ground.max(axis=0)
    for y in np.arange(np.ceil(near / GRID_STEP_M) * GRID_STEP_M, far + 1e-6, GRID_STEP_M):
        yield np.array([[left, y], [right, y]])
    for x in np.linspace(left, right, 4):
        yield np.array([[x, near], [x, far]])


def _draw(
    picture: Picture, line: NDArray[np.float64], text: str, colour: tuple[int, int, int] = GREEN
) -> None:
    if np.isfinite(line).all() and np.abs(line).max() < 1e5:
        draw_polygon(picture, _pairs(line), text, colour, closed=False)


def _pairs(points: NDArray[np.float64]) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in points]

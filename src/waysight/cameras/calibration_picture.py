"""A calibration over the camera's picture: ground grid, horizon, vanishing directions, residuals as arrows."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from waysight.adapters.pictures import AMBER, GREEN, RED, Colour, Picture, draw_text
from waysight.cameras.calibration import Matrix, apply_homography, inverse
from waysight.cameras.picture import surveyed_ground
from waysight.cameras.survey import Calibration

ARROWS = 10.0  # residuals are drawn so many times longer
_STEPS_M = (1.0, 5.0, 10.0)
_LEAST_GAP_PX = 12.0  # finer lines are left out where they would touch
_BEYOND = 0.15  # of the surveyed road, drawn on around it
_BLUE: Colour = (230, 160, 60)


def draw_calibration(calibration: Calibration, picture: Picture) -> Picture:
    """A copy of a BGR picture with the calibration on it; px are scaled to the picture's size."""
    drawn = picture.copy()
    height, width = picture.shape[:2]
    scale = np.array([width, height]) / np.array(calibration.image_size)
    plane = calibration.solve()
    to_image = inverse(plane.matrix)
    ground = surveyed_ground(calibration)
    low, high = ground.min(axis=0), ground.max(axis=0)
    low, high = low - _BEYOND * (high - low), high + _BEYOND * (high - low)
    for line, text, colour in _grid(to_image, low, high):
        ends = _cut(plane.matrix, line)
        if ends is not None:
            _line(drawn, apply_homography(to_image, ends) * scale, colour, text)
    _horizon(drawn, plane.matrix, to_image, scale)
    for residual in plane.residuals:
        seen, fitted = np.array(residual.seen) * scale, np.array(residual.fitted) * scale
        tip = seen + ARROWS * (fitted - seen)
        if np.abs(tip).max() < 1e5:
            cv2.arrowedLine(drawn, _px(seen), _px(tip), RED, 2, cv2.LINE_AA)
        cv2.circle(drawn, _px(seen), 4, AMBER, -1, cv2.LINE_AA)
        draw_text(drawn, _px(seen + 5), residual.name.split()[-1], AMBER)
    for mark in calibration.marks:
        _line(drawn, np.array(mark.image) * scale, AMBER, "")
    words = f"{calibration.way}: rms {plane.error_px:.1f} px; arrows {ARROWS:g} times longer; grid 1, 5, 10 m"
    draw_text(drawn, (0, 0), words, GREEN)
    return drawn


def _grid(to_image: Matrix, low: Matrix, high: Matrix) -> Iterator[tuple[Matrix, str, Colour]]:
    """Lines across (fixed Y) and along (fixed X), fine ones first; only those of 5 and 10 m carry a label."""
    for axis in (1, 0):
        for rank, step in enumerate(_STEPS_M):
            for value in np.arange(np.ceil(low[axis] / step) * step, high[axis] + 1e-9, step):
                line = np.array([low, high], dtype=np.float64)
                line[:, axis] = value
                if rank < 2 and _gap_px(to_image, line, axis, step) < _LEAST_GAP_PX:
                    continue
                shade = (90, 140, 90) if rank == 0 else GREEN
                yield (
                    line,
                    f"{'XY'[axis]} {round(value)} m" if rank == 2 or (axis == 0 and rank == 1) else "",
                    shade,
                )


def _gap_px(to_image: Matrix, line: Matrix, axis: int, step: float) -> float:
    beside = line.copy()
    beside[:, axis] += step
    return float(
        np.linalg.norm(apply_homography(to_image, beside) - apply_homography(to_image, line), axis=1).max()
    )


def _cut(matrix: Matrix, line: Matrix) -> Matrix | None:
    """The part of a ground line that lies before the camera; None for none."""
    to_image = inverse(matrix)
    depth = np.column_stack([line, np.ones(2)]) @ to_image[2]
    if (depth <= 0).all():
        return None
    if (depth > 0).all():
        return line
    share = depth[0] / (depth[0] - depth[1])
    edge = line[0] + (share + (0.02 if depth[1] > 0 else -0.02)) * (line[1] - line[0])
    return np.array([edge, line[1]] if depth[1] > 0 else [line[0], edge])


def _horizon(drawn: Picture, matrix: Matrix, to_image: Matrix, scale: Matrix) -> None:
    """The horizon, and where lines along (Y) and across (X) the road meet, where that is in the picture."""
    a, b, c = matrix[2]
    width = drawn.shape[1]
    if abs(b) > 1e-12:
        ends = np.array([[x / scale[0], -(a * x / scale[0] + c) / b] for x in (0.0, float(width))]) * scale
        _line(drawn, ends, _BLUE, "horizon" if 0 <= ends[0, 1] < drawn.shape[0] else "")
    for column, name in ((1, "along"), (0, "across")):
        point = to_image[:, column]
        if abs(point[2]) < 1e-9:
            continue
        x, y = point[:2] / point[2] * scale
        if 0 <= x < width and 0 <= y < drawn.shape[0]:
            cv2.drawMarker(drawn, _px(np.array([x, y])), _BLUE, cv2.MARKER_CROSS, 30, 2)
            draw_text(drawn, _px(np.array([x + 8, y])), name, _BLUE)


def _line(drawn: Picture, ends: Matrix, colour: Colour, text: str) -> None:
    if not np.isfinite(ends).all() or np.abs(ends).max() > 1e5:
        return
    cv2.line(drawn, _px(ends[0]), _px(ends[1]), colour, 1, cv2.LINE_AA)
    height, width = drawn.shape[:2]
    inside = [e for e in ends if 0 <= e[0] < width and 0 <= e[1] < height]
    if text and inside:
        draw_text(drawn, _px(inside[0]), text, colour)


def _px(point: Matrix) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))

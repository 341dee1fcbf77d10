"""Plane geometry: homographies, boxes, polygons and lines; images in px, the road plane in metres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

Point: TypeAlias = tuple[float, float]
Box: TypeAlias = tuple[float, float, float, float]  # x1, y1, x2, y2 px
Matrix: TypeAlias = tuple[float, float, float, float, float, float, float, float, float]  # row by row
_HORIZON = 1e-9


def apply_homography(matrix: Matrix, point: Point) -> Point | None:
    """An image point (px) on the road plane (m); None at or beyond the horizon.

    >>> apply_homography((1, 0, 0, 0, 1, 0, 0, 0, 1), (3.0, 4.0))
    (3.0, 4.0)
    """
    a, b, c, d, e, f, g, h, i = matrix
    x, y = point
    w = g * x + h * y + i
    if abs(w) < _HORIZON:
        return None
    return (a * x + b * y + c) / w, (d * x + e * y + f) / w


def ground_error_m(matrix: Matrix, point: Point, error_px: float) -> tuple[float, float]:
    """How far (m, along X and Y) a ground point moves for an image error of `error_px` in x and y together.

    First-order propagation through the homography's derivative; infinite at the horizon.
    """
    a, b, c, d, e, f, g, h, i = matrix
    x, y = point
    w = g * x + h * y + i
    if abs(w) < _HORIZON:
        return math.inf, math.inf
    u, v = (a * x + b * y + c) / w, (d * x + e * y + f) / w
    dx = math.hypot((a - g * u) / w, (b - h * u) / w)
    dy = math.hypot((d - g * v) / w, (e - h * v) / w)
    return dx * error_px, dy * error_px


def same_side(matrix: Matrix, a: Point, b: Point) -> bool:
    """Whether two image points lie on the same side of the horizon."""
    g, h, i = matrix[6:]
    return (g * a[0] + h * a[1] + i) * (g * b[0] + h * b[1] + i) > 0


def inside(polygon: Sequence[Point], point: Point) -> bool:
    """Whether a point lies in a polygon (even-odd rule; the left and lower edges belong to it).

    >>> inside([(0, 0), (4, 0), (4, 4), (0, 4)], (1, 1))
    True
    """
    x, y = point
    found = False
    ax, ay = polygon[-1]
    for bx, by in polygon:
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            found = not found
        ax, ay = bx, by
    return found


def edge_distance(polygon: Sequence[Point], point: Point) -> float:
    """Distance of a point from the nearest edge of a polygon, in their own unit.

    >>> edge_distance([(0, 0), (4, 0), (4, 4), (0, 4)], (1, 2))
    1.0
    """
    x, y = point
    nearest = math.inf
    ax, ay = polygon[-1]
    for bx, by in polygon:
        dx, dy = bx - ax, by - ay
        long = dx * dx + dy * dy
        share = min(1.0, max(0.0, ((x - ax) * dx + (y - ay) * dy) / long)) if long else 0.0
        nearest = min(nearest, math.hypot(x - ax - share * dx, y - ay - share * dy))
        ax, ay = bx, by
    return nearest


def beyond_line_m(line: tuple[Point, Point], point: Point) -> float:
    """Signed distance (m) of a point from the line through two points; positive on the left of a → b."""
    (ax, ay), (bx, by) = line
    length = math.hypot(bx - ax, by - ay)
    return ((bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax)) / length


def along_line_m(line: tuple[Point, Point], point: Point) -> float:
    """How far (m) a point's foot lies from a on the way to b; negative before a."""
    (ax, ay), (bx, by) = line
    length = math.hypot(bx - ax, by - ay)
    return ((bx - ax) * (point[0] - ax) + (by - ay) * (point[1] - ay)) / length


def contact(box: Box) -> Point:
    """Where a box's object touches the ground: the middle of its lower edge, px."""
    return (box[0] + box[2]) / 2, box[3]


def centre(box: Box) -> Point:
    """Middle of a box, px."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def area(box: Box) -> float:
    """Area of a box, px²; 0 for an empty one."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def overlap(a: Box, b: Box) -> float:
    """Area common to two boxes, px²."""
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    return w * h if w > 0 and h > 0 else 0.0


def iou(a: Box, b: Box) -> float:
    """Intersection over union, 0..1.

    >>> iou((0, 0, 2, 2), (0, 0, 2, 1))
    0.5
    """
    common = overlap(a, b)
    return common / (area(a) + area(b) - common) if common else 0.0


def shifted(box: Box, dx: float, dy: float) -> Box:
    """A box moved by (dx, dy) px."""
    return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy

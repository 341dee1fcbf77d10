"""A pinhole camera above a flat road: the only place where metres become pixels."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class View:
    """A camera at (0, 0, `height_m`) looking along +Y, pitched down.

    World axes: X right, Y forward along the road, Z up, metres. Image: pixels, origin top left.
    Angles in radians; positive `yaw_rad` turns right, positive `pitch_rad` looks down.
    """

    width_px: int
    height_px: int
    focal_px: float
    height_m: float
    pitch_rad: float
    yaw_rad: float = 0.0

    @cached_property
    def axes(self) -> Array:
        """Rows: the camera's right, up and forward unit vectors in world axes, shape (3, 3)."""
        cos_p, sin_p = np.cos(self.pitch_rad), np.sin(self.pitch_rad)
        cos_y, sin_y = np.cos(self.yaw_rad), np.sin(self.yaw_rad)
        forward = np.array([sin_y * cos_p, cos_y * cos_p, -sin_p])
        right = np.array([cos_y, -sin_y, 0.0])
        return np.stack([right, np.cross(right, forward), forward])

    @property
    def eye(self) -> Array:
        """Where the camera stands, metres, shape (3,)."""
        return np.array([0.0, 0.0, self.height_m])

    def project(self, points: Array) -> tuple[Array, Array]:
        """Points (n, 3) in metres to pixels (n, 2) and depths (n,) in metres; depth below 0.5 is clamped."""
        local = (np.asarray(points, dtype=float) - self.eye) @ self.axes.T
        depth = np.maximum(local[:, 2], 0.5)
        u = self.width_px / 2 + self.focal_px * local[:, 0] / depth
        v = self.height_px / 2 - self.focal_px * local[:, 1] / depth
        return np.stack([u, v], axis=1), local[:, 2]

    def ground(self, pixels: Array) -> Array:
        """Pixels (n, 2) to points (n, 2) of the road plane in metres; NaN at or above the horizon."""
        pixels = np.asarray(pixels, dtype=float)
        rays = np.stack(
            [
                (pixels[:, 0] - self.width_px / 2) / self.focal_px,
                (self.height_px / 2 - pixels[:, 1]) / self.focal_px,
                np.ones(len(pixels)),
            ],
            axis=1,
        )
        world = rays @ self.axes
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.where(world[:, 2] < -1e-6, -self.height_m / world[:, 2], np.nan)
        return np.asarray(world[:, :2] * scale[:, None])

    def px_per_m(self, y_m: float) -> float:
        """Pixels per metre across the view at ground distance `y_m`."""
        return float(self.focal_px / np.hypot(y_m, self.height_m))


def aimed(
    width_px: int, height_px: int, focal_px: float, height_m: float, near_m: float, yaw_rad: float = 0.0
) -> View:
    """The view whose bottom edge shows the road `near_m` metres away."""
    half_angle = np.arctan2(height_px / 2, focal_px)
    pitch = np.arctan2(height_m, near_m) - half_angle
    return View(width_px, height_px, focal_px, height_m, float(pitch), yaw_rad)

"""The road plane from measured road markings and vanishing points, through a pinhole camera (SciPy).

Square pixels and a known principal point leave five unknowns: focal length, tilt, roll, height and the
road's heading. Markings of known length fix the scale and the perspective; markings, lines and vanishing
points along or across the road fix the directions. Method: bundle least squares with the observations' own
errors; the covariance of the fit, widened where observations disagree (Birge ratio), becomes the sways.
The ground's origin is the foot of the camera: X right, Y along the road, away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import least_squares

from waysight.cameras.calibration import (
    Matrix,
    Pixel,
    Plane,
    Residual,
    apply_homography,
    inverse,
    refuse_wrong,
    slopes,
)

Direction = Literal["along", "across"]
MOST_ERROR_OF_DIAGONAL = 0.01  # lanes and dashes are painted less exactly than points are surveyed
MOST_RELATIVE_ERROR = (
    0.1  # one sigma of lengths along the road; beyond, the observations do not fix the scale
)
_FOCAL_PRIOR = (1.3, 0.5)  # of the picture's width, and its sigma in log: 40 degrees, from 24 to 62
_ROLL_PRIOR = math.radians(5.0)
_STARTS_FOCAL = (0.7, 1.3, 2.2)
_STARTS_TILT = tuple(math.radians(d) for d in (6.0, 14.0, 28.0, 50.0))
_SOFT = 2.0
_ROUNDS = 3
_GLANCE = 6
_STEP = 1e-6


@dataclass(frozen=True, slots=True)
class Mark:
    """A segment on the road between two image points (px); without a length (m) it only gives a direction."""

    ends: tuple[Pixel, Pixel]
    length_m: float | None = None
    direction: Direction | None = None


@dataclass(frozen=True, slots=True)
class Sigmas:
    """One sigma of an image point (px), a length (m), a direction and a vanishing point (degrees), a height (m)."""

    image_px: float = 1.0
    length_m: float = 0.02
    direction_deg: float = 0.3
    vanishing_deg: float = 0.3
    height_m: float = 0.1


@dataclass(frozen=True, slots=True)
class Observations:
    """What is known: marks, vanishing points (px) of either direction, the camera's height above the road (m)."""

    marks: Sequence[Mark] = ()
    vanishing: Sequence[tuple[Direction, Pixel]] = ()
    height_m: float | None = None
    sigmas: Sigmas = Sigmas()


def fit_pinhole(seen: Observations, image_size: tuple[int, int], principal_px: Pixel | None = None) -> Plane:
    """The plane that fits the observations; the principal point is the picture's middle unless given.

    Raises ValueError when no length or height gives the scale, nothing gives the road's direction, marks
    lie beyond the horizon, disagree by more than 1 % of the picture's diagonal (the worst is named), or
    leave lengths along the road uncertain by more than 10 %.
    """
    if seen.height_m is None and all(m.length_m is None for m in seen.marks):
        raise ValueError("nothing gives the scale: add length_m to a mark, or camera_height_m")
    if not seen.vanishing and all(m.direction is None for m in seen.marks):
        raise ValueError("nothing gives the road's direction: add a mark or vanishing point along it")
    principal = principal_px or (image_size[0] / 2, image_size[1] / 2)
    problem = _Problem(seen, image_size[0], principal)
    starts = sorted(problem.starts(), key=problem.cost)[:2]
    best = min((problem.solved(s) for s in starts), key=problem.cost)
    matrix = view_matrix(best, principal)
    if (problem.ends @ matrix[2] <= 0).any():
        raise ValueError("marks lie beyond the horizon that the others give; check their image points")
    residuals = problem.misfits(best, matrix)
    if residuals:
        refuse_wrong(residuals, image_size, MOST_ERROR_OF_DIAGONAL, "check its points, length and direction")
    sways = problem.sways(best, matrix)
    at = problem.ends[:, :2] if len(problem.ends) else np.array([[image_size[0] / 2, image_size[1] * 0.8]])
    relative, error_m = _uncertainty(sways, apply_homography(matrix, at))
    if relative > MOST_RELATIVE_ERROR:
        raise ValueError(
            f"lengths along the road stay uncertain by {100 * relative:.0f} % (limit "
            f"{100 * MOST_RELATIVE_ERROR:.0f} %): add marks along the road near and far, and across it"
        )
    anchor = np.array([*at.mean(axis=0), 1.0])
    return Plane(matrix / (matrix[2] @ anchor), residuals, sways, error_m)


def view_matrix(view: Sequence[float] | Matrix, principal: Pixel) -> Matrix:
    """Image px → ground m of (log focal px, tilt, roll, log height m, heading), angles in rad."""
    focal, height = (
        math.exp(min(max(view[k], low), high)) for k, low, high in ((0, 4.0, 12.0), (3, -3.0, 6.0))
    )
    tilt, roll, heading = view[1], view[2], view[4]
    rays = np.array([[1 / focal, 0, -principal[0] / focal], [0, 1 / focal, -principal[1] / focal], [0, 0, 1]])
    (c, s), (d, t) = (math.cos(roll), math.sin(roll)), (math.cos(tilt), math.sin(tilt))
    level = np.array([[1, 0, 0], [0, d, t], [0, -t, d]]) @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    right, down, forward = level @ rays
    c, s = math.cos(heading), math.sin(heading)
    return np.array([height * (c * right - s * forward), height * (s * right + c * forward), down])


class _Problem:
    """Observations as residuals in their own sigmas, refreshed as the view improves."""

    def __init__(self, seen: Observations, width_px: int, principal: Pixel) -> None:
        self.seen, self.principal, self.width_px = seen, principal, width_px
        self.first = np.array([[*m.ends[0], 1.0] for m in seen.marks]).reshape(-1, 3)
        self.second = np.array([[*m.ends[1], 1.0] for m in seen.marks]).reshape(-1, 3)
        self.ends = np.vstack([self.first, self.second])
        self.length = np.array([m.length_m or np.nan for m in seen.marks])
        self.turn = np.array([{"along": 0.0, "across": math.pi / 2}.get(m.direction or "", np.nan) for m in seen.marks])  # fmt: skip
        self.sigma_m = np.ones(len(seen.marks))
        self.sigma_rad = np.ones(len(seen.marks))

    def starts(self) -> list[Matrix]:
        """Views to begin from, heading and height as the directions and lengths suggest."""
        found = []
        for focal in _STARTS_FOCAL:
            for tilt in _STARTS_TILT:
                view = np.array([math.log(focal * self.width_px), tilt, 0.0, math.log(8.0), 0.0])
                for direction, point in self.seen.vanishing:
                    x, y = _ray(view, self.principal, point)
                    view[4] = math.atan2(x, y) - (math.pi / 2 if direction == "across" else 0.0)
                    break
                else:
                    _, angle = self._segments(view)
                    turned = 2 * (angle - self.turn)[~np.isnan(self.turn)]
                    view[4] = math.atan2(np.sin(turned).sum(), np.cos(turned).sum()) / 2
                view[4] = (view[4] + math.pi / 2) % math.pi - math.pi / 2
                metres, _ = self._segments(view)
                ratio = (self.length / metres)[~np.isnan(self.length)]
                view[3] = math.log(self.seen.height_m or 8.0 * float(np.median(ratio)))
                self.refresh(view)
                found.append(self.solved(view, 1, _GLANCE))
        return found

    def solved(self, view: Matrix, rounds: int = _ROUNDS, most: int = 60) -> Matrix:
        """The view of least squares from a start."""
        for _ in range(rounds):
            self.refresh(view)
            view = np.asarray(least_squares(self.residuals, view, x_scale="jac", max_nfev=most).x)
        return view

    def refresh(self, view: Matrix) -> None:
        """Sigmas of lengths (m) and directions (rad) from the image points' error, as this view maps it."""
        if not self.seen.marks:
            return
        matrix = view_matrix(view, self.principal)
        step = self._steps(view)
        metres = np.linalg.norm(step, axis=1)
        toward = step / metres[:, None]
        aside = np.column_stack([-toward[:, 1], toward[:, 0]])
        moves = [slopes(matrix, ends[:, :2]) for ends in (self.first, self.second)]
        px = self.seen.sigmas.image_px
        along = px * np.sqrt(sum(np.square(np.einsum("ni,nij->nj", toward, m)).sum(axis=1) for m in moves))
        across = px * np.sqrt(sum(np.square(np.einsum("ni,nij->nj", aside, m)).sum(axis=1) for m in moves))
        self.sigma_m = np.hypot(along, self.seen.sigmas.length_m)
        self.sigma_rad = np.hypot(across / metres, math.radians(self.seen.sigmas.direction_deg))

    def data(self, view: Matrix) -> Matrix:
        """Residuals of the observations in sigmas."""
        metres, angle = self._segments(view)
        off = (angle - view[4] - self.turn + math.pi / 2) % math.pi - math.pi / 2
        parts = [(metres - self.length) / self.sigma_m, off / self.sigma_rad]
        parts = [p[~np.isnan(p)] for p in parts]
        for direction, point in self.seen.vanishing:
            parts.append(_ray_off(view, self.principal, direction, point) / math.radians(self.seen.sigmas.vanishing_deg))  # fmt: skip
        if self.seen.height_m is not None:
            parts.append(np.array([(math.exp(view[3]) - self.seen.height_m) / self.seen.sigmas.height_m]))
        return np.concatenate(parts)

    def residuals(self, view: Matrix) -> Matrix:
        """Residuals of observations and of what any camera is likely to be, in sigmas."""
        likely, sigma = _FOCAL_PRIOR
        prior = [(view[0] - math.log(likely * self.width_px)) / sigma, view[2] / _ROLL_PRIOR]
        return np.concatenate([_softened(self.data(view)), prior])

    def cost(self, view: Matrix) -> float:
        """Sum of squares of the residuals, with sigmas as this view maps them."""
        self.refresh(view)
        return float(np.square(self.residuals(view)).sum())

    def sways(self, view: Matrix, matrix: Matrix) -> tuple[Matrix, ...]:
        """Ground → ground maps of the view one sigma away along each axis of its covariance, to first order."""
        centre = self.residuals(view)
        columns = []
        for k in range(5):
            moved = view.copy()
            moved[k] += _STEP
            columns.append((self.residuals(moved) - centre) / _STEP)
        normal = np.column_stack(columns)
        data = _softened(self.data(view))
        ratio = max(1.0, float(data @ data) / (len(data) - 5)) if len(data) > 5 else 1.0
        values, axes = np.linalg.eigh(ratio * np.linalg.inv(normal.T @ normal))
        back = inverse(matrix)
        sways = []
        for k, value in enumerate(values):
            moved = view + _STEP * axes[:, k]
            change = (view_matrix(moved, self.principal) @ back - np.eye(3)) / _STEP
            sways.append(np.eye(3) + math.sqrt(max(value, 0.0)) * change)
        return tuple(sways)

    def misfits(self, view: Matrix, matrix: Matrix) -> tuple[Residual, ...]:
        """Each mark's second end as seen, and where the fit puts it from the first."""
        if not self.seen.marks:
            return ()
        start = apply_homography(matrix, self.first[:, :2])
        step = self._steps(view)
        metres, angle = np.linalg.norm(step, axis=1), np.arctan2(-step[:, 0], step[:, 1])
        wanted = np.where(np.isnan(self.turn), angle, self.turn)
        wanted = np.where(np.cos(wanted - angle) < 0, wanted + math.pi, wanted)
        far = np.where(np.isnan(self.length), metres, self.length)
        ends = start + far[:, None] * np.column_stack([-np.sin(wanted), np.cos(wanted)])
        fitted = apply_homography(inverse(matrix), ends)
        return tuple(
            Residual(
                f"mark {n}",
                mark.ends[1],
                (float(x), float(y)),
                f"{metres[n - 1]:.3f} m" + (f" for {mark.length_m:g} m" if mark.length_m else ""),
            )
            for n, (mark, (x, y)) in enumerate(zip(self.seen.marks, fitted, strict=True), 1)
        )

    def _steps(self, view: Matrix) -> Matrix:
        matrix = view_matrix(view, self.principal)
        return np.asarray(
            apply_homography(matrix, self.second[:, :2]) - apply_homography(matrix, self.first[:, :2])
        )

    def _segments(self, view: Matrix) -> tuple[Matrix, Matrix]:
        """Lengths (m) and headings (rad, against the camera's own forward) of the marks."""
        step = self._steps(np.array([*view[:4], 0.0]))
        return np.linalg.norm(step, axis=1), np.arctan2(step[:, 0], step[:, 1])


def _softened(residual: Matrix) -> Matrix:
    """Residuals whose square grows only linearly beyond some sigmas (pseudo-Huber), so that one wrong mark bends less."""
    grown = np.sqrt(1.0 + np.square(residual / _SOFT))
    return np.asarray(np.sign(residual) * _SOFT * np.sqrt(2.0 * (grown - 1.0)))


def _ray(view: Matrix, principal: Pixel, point: Pixel) -> tuple[float, float]:
    """Where on the level horizon (right, forward) an image point's ray points."""
    x, y, _ = view_matrix([view[0], view[1], view[2], 0.0, 0.0], principal) @ np.array([*point, 1.0])
    return float(x), float(y)


def _ray_off(view: Matrix, principal: Pixel, direction: Direction, point: Pixel) -> Matrix:
    """How far (rad; sideways and up) a vanishing point's ray is from the direction that it should show."""
    right, forward, down = view_matrix([view[0], view[1], view[2], 0.0, view[4]], principal) @ np.array([*point, 1.0])  # fmt: skip
    ahead, aside = (forward, right) if direction == "along" else (right, -forward)
    sign = -1.0 if ahead < 0 else 1.0
    return np.array([math.atan2(sign * aside, abs(ahead)), math.atan2(sign * down, abs(ahead))])


def _uncertainty(sways: tuple[Matrix, ...], at: Matrix) -> tuple[float, float]:
    """One sigma of lengths along the road (relative) and of places (m), over the given ground points."""
    stretch = [slopes(s, at)[:, :, 1] for s in sways]
    relative = np.sqrt(sum(np.square(np.linalg.norm(m, axis=1) - 1.0) for m in stretch))
    moved = np.sqrt(sum(np.square(apply_homography(s, at) - at).sum(axis=1) for s in sways))
    return float(np.max(relative)), float(np.sqrt(np.mean(np.square(moved))))

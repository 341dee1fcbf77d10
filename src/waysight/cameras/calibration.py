"""The road plane of a camera from surveyed points (OpenCV), and what every way of calibrating gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from waysight.domain.geometry import Matrix as FlatMatrix

Matrix = NDArray[np.float64]
Pixel = tuple[float, float]
MOST_ERROR_OF_DIAGONAL = 0.005  # 11 px at 1920x1080: more is a wrong point, not a survey's noise
_NO_PLANE = "the points do not fix a plane; spread them over the road, no three on one line"


@dataclass(frozen=True, slots=True)
class Residual:
    """One observation: its name, where it was seen, where the fit puts it (px), and what it measured."""

    name: str
    seen: Pixel
    fitted: Pixel
    detail: str = ""

    @property
    def off_px(self) -> float:
        """Distance between seen and fitted, px."""
        return float(np.hypot(self.fitted[0] - self.seen[0], self.fitted[1] - self.seen[1]))


@dataclass(frozen=True, slots=True)
class Plane:
    """A road plane: 3x3 matrix image px → ground m (w positive on the road) and how well it is known.

    `sways` are 3x3 maps ground m → ground m: the plane one sigma away along each independent error of the
    calibration. `error_m` is one sigma of a place near the observations, `error_px` the root mean square
    of the residuals.
    """

    matrix: Matrix
    residuals: tuple[Residual, ...]
    sways: tuple[Matrix, ...]
    error_m: float

    @property
    def error_px(self) -> float:
        """Root mean square of the residuals, px."""
        return float(np.sqrt(np.mean([r.off_px**2 for r in self.residuals]))) if self.residuals else 0.0

    def flat_sways(self) -> tuple[FlatMatrix, ...]:
        """The sways row by row, as the domain takes them; those that move nothing are left out."""
        moving = (s for s in self.sways if np.abs(s / s[2, 2] - np.eye(3)).max() > 1e-9)
        return tuple((a, b, c, d, e, f, g, h, i) for a, b, c, d, e, f, g, h, i in map(_listed, moving))


def fit_points(
    image_px: Matrix,
    ground_m: Matrix,
    image_size: tuple[int, int],
    error_m: float = 0.15,
    error_px: float = 0.0,
) -> Plane:
    """Least-squares plane of N ≥ 4 point pairs, (N, 2) each, with one sigma of survey (m) and picture (px).

    Raises ValueError when points are collinear, lie on both sides of the horizon, or disagree by more than
    0.5 % of the picture's diagonal. The sways come from moving each point by its sigma, widened where the
    points disagree more than that (Birge ratio).
    """
    to_image = _to_image(image_px, ground_m)
    homogeneous = np.column_stack([ground_m, np.ones(len(ground_m))]) @ to_image.T
    if len(np.unique(np.sign(homogeneous[:, 2]))) != 1:
        raise ValueError("the points lie on both sides of the horizon; check their order and signs")
    fitted = homogeneous[:, :2] / homogeneous[:, 2:]
    residuals = tuple(
        Residual(f"point {n}", _pixel(s), _pixel(f), f"at {g[0]:g}, {g[1]:g} m")
        for n, (s, f, g) in enumerate(zip(image_px, fitted, ground_m, strict=True), 1)
    )
    refuse_wrong(residuals, image_size, MOST_ERROR_OF_DIAGONAL, "survey it again")
    matrix = inverse(to_image)
    matrix = matrix / (matrix[2] @ np.array([*image_px.mean(axis=0), 1.0]))
    sigma = np.hypot(error_m, error_px * metres_per_px(matrix, image_px))
    off = (apply_homography(matrix, image_px) - ground_m) / np.maximum(sigma, 1e-6)
    freedom = 2 * len(image_px) - 8
    ratio = max(1.0, float(np.sqrt((off**2).sum() / freedom))) if freedom > 0 else 1.0
    sways = []
    for row, axis in np.ndindex(ground_m.shape):
        moved = ground_m.copy()
        moved[row, axis] += ratio * sigma[row, axis]
        sways.append(inverse(_to_image(image_px, moved)) @ to_image)
    return Plane(matrix, residuals, tuple(sways), error_m)


def apply_homography(matrix: Matrix, points: Matrix) -> Matrix:
    """Map (N, 2) points through a 3x3 matrix; infinite where a point lies on the horizon."""
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(homogeneous[:, :2] / homogeneous[:, 2:], dtype=np.float64)


def slopes(matrix: Matrix, points: Matrix) -> Matrix:
    """How the mapped points move with the given ones: (N, 2, 2), rows of the result, columns of the input."""
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    mapped = homogeneous[:, :2] / homogeneous[:, 2:]
    return np.asarray(
        (matrix[None, :2, :2] - mapped[:, :, None] * matrix[None, 2:, :2]) / homogeneous[:, 2, None, None]
    )


def metres_per_px(matrix: Matrix, points: Matrix) -> Matrix:
    """How far (m) X and Y move for one sigma of 1 px in both image axes: (N, 2)."""
    return np.asarray(np.linalg.norm(slopes(matrix, points), axis=2))


def refuse_wrong(
    residuals: tuple[Residual, ...], image_size: tuple[int, int], share: float, remedy: str
) -> None:
    """Raise ValueError, naming the worst, when observations disagree by more than a share of the diagonal."""
    limit_px = share * float(np.hypot(*image_size))
    error_px = float(np.sqrt(np.mean([r.off_px**2 for r in residuals])))
    if error_px > limit_px:
        worst = max(residuals, key=lambda r: r.off_px)
        kind = worst.name.split()[0]
        raise ValueError(
            f"the {kind}s disagree by {error_px:.1f} px (limit {limit_px:.1f}); "
            f"worst is {worst.name}, image {list(worst.seen)}, {worst.off_px:.1f} px off: {remedy}"
        )


def _to_image(image_px: Matrix, ground_m: Matrix) -> Matrix:
    found, _ = cv2.findHomography(ground_m, image_px, 0)
    if found is None or not np.isfinite(found).all() or _collinear(image_px) or _collinear(ground_m):
        raise ValueError(_NO_PLANE)
    return np.asarray(found, dtype=np.float64)


def inverse(matrix: Matrix) -> Matrix:
    """The inverse of a 3x3 matrix; raises ValueError where there is none."""
    try:
        return np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    except np.linalg.LinAlgError:
        raise ValueError(_NO_PLANE) from None


def _collinear(points: Matrix) -> bool:
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return bool(spread[1] < 1e-3 * max(float(spread[0]), 1e-9))


def _pixel(point: Iterable[float]) -> Pixel:
    x, y = point
    return float(x), float(y)


def _listed(matrix: Matrix) -> list[float]:
    return [float(v) for v in (matrix / matrix[2, 2]).ravel()]

"""From surveyed points to the matrix that turns image px into road-plane metres (OpenCV)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
MOST_ERROR_OF_DIAGONAL = 0.005  # 11 px at 1920x1080: more is a wrong point, not a survey's noise


def fit_homography(image_px: Matrix, ground_m: Matrix, image_size: tuple[int, int]) -> tuple[Matrix, float]:
    """Least-squares homography of N ≥ 4 point pairs.

    `image_px` and `ground_m` are (N, 2); returns the 3x3 matrix image px → ground m, scaled so that w is
    positive on the road, and the root mean square reprojection error in px. Raises ValueError when points
    are collinear, lie on both sides of the horizon, or disagree by more than 0.5 % of the picture's diagonal.
    """
    to_image, _ = cv2.findHomography(ground_m, image_px, 0)
    if to_image is None or not np.isfinite(to_image).all() or _collinear(image_px) or _collinear(ground_m):
        raise ValueError("the points do not fix a plane; spread them over the road, no three on one line")
    try:
        to_ground = np.linalg.inv(to_image)
    except np.linalg.LinAlgError:
        raise ValueError(
            "the points do not fix a plane; spread them over the road, no three on one line"
        ) from None
    homogeneous = np.column_stack([ground_m, np.ones(len(ground_m))]) @ to_image.T
    if len(np.unique(np.sign(homogeneous[:, 2]))) != 1:
        raise ValueError("the points lie on both sides of the horizon; check their order and signs")
    residual = homogeneous[:, :2] / homogeneous[:, 2:] - image_px
    error_px = float(np.sqrt((residual**2).sum(axis=1).mean()))
    limit_px = MOST_ERROR_OF_DIAGONAL * float(np.hypot(*image_size))
    if error_px > limit_px:
        worst = int((residual**2).sum(axis=1).argmax())
        raise ValueError(
            f"the points disagree by {error_px:.1f} px (limit {limit_px:.1f}); "
            f"worst is point {worst + 1}, image {image_px[worst].tolist()}: survey it again"
        )
    anchor = np.array([*image_px.mean(axis=0), 1.0])
    return np.asarray(to_ground / (to_ground[2] @ anchor), dtype=np.float64), error_px


def apply_homography(matrix: Matrix, points: Matrix) -> Matrix:
    """Map (N, 2) points through a 3x3 matrix; infinite where a point lies on the horizon."""
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(homogeneous[:, :2] / homogeneous[:, 2:], dtype=np.float64)


def _collinear(points: Matrix) -> bool:
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return bool(spread[1] < 1e-3 * max(float(spread[0]), 1e-9))

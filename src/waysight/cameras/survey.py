"""The `calibration` of a camera: surveyed points, or measured markings and vanishing points (docs/cameras.md)."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from waysight.cameras.calibration import Plane, fit_points
from waysight.cameras.pinhole import Direction, Mark, Observations, Sigmas, fit_pinhole

Point = tuple[float, float]
Way = Literal["points", "markings", "vanishing points"]


class Model(BaseModel):
    """Closed and immutable: an unknown field is an error, not a silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SurveyedPoint(Model):
    """One point seen at `image` (px) and surveyed at `ground` (m; X right, Y along the road, away)."""

    image: Point
    ground: Point


class RoadMark(Model):
    """A segment on the road (px): a measured length (m), a direction, or both."""

    image: tuple[Point, Point]
    length_m: float | None = Field(None, gt=0, le=1000)
    direction: Direction | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.length_m is None and self.direction is None:
            raise ValueError("give length_m, direction (along or across), or both")
        if self.image[0] == self.image[1]:
            raise ValueError("its two image points are the same")
        return self


class VanishingPoints(Model):
    """Where lines along and across the road meet in the picture (px); either may lie far outside it."""

    along: Point | None = None
    across: Point | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.along is None and self.across is None:
            raise ValueError("give along, across, or both")
        return self


class Calibration(Model):
    """From what image px become road-plane metres; errors are one sigma.

    Either at least four surveyed `points`, or `marks` and `vanishing` with a length or `camera_height_m`.
    `error_m` is of a surveyed point, `error_px` of every image point, `length_error_m` of a mark's length,
    `direction_error_deg` of a mark's direction, `vanishing_error_deg` of a vanishing point. The principal
    point is the picture's middle unless given. `surveyed_on` and `surveyed_by` go into evidence packages.
    """

    image_size: tuple[Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0)]]
    points: tuple[SurveyedPoint, ...] = ()
    marks: tuple[RoadMark, ...] = ()
    vanishing: VanishingPoints | None = None
    camera_height_m: float | None = Field(None, gt=0, le=200)
    principal_point: Point | None = None
    error_m: float = Field(0.15, ge=0, le=5)
    error_px: float = Field(1.0, gt=0, le=50)
    length_error_m: float = Field(0.02, gt=0, le=5)
    height_error_m: float = Field(0.1, gt=0, le=5)
    direction_error_deg: float = Field(0.3, gt=0, le=20)
    vanishing_error_deg: float = Field(0.3, gt=0, le=20)
    surveyed_on: date | None = None
    surveyed_by: str = ""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if bool(self.points) == bool(self.marks or self.vanishing):
            raise ValueError("give either points, or marks and vanishing points")
        if self.points and len(self.points) < 4:
            raise ValueError(f"{len(self.points)} points fix no plane; survey at least 4")
        width, height = self.image_size
        seen = [(p.image, "point") for p in self.points] + [(e, "mark") for m in self.marks for e in m.image]
        for image, kind in seen:
            if not (-width <= image[0] <= 2 * width and -height <= image[1] <= 2 * height):
                raise ValueError(f"{kind} {image} is far outside the {width}x{height} picture")
        self.solve()
        return self

    @property
    def way(self) -> Way:
        """How it was calibrated."""
        return "points" if self.points else "vanishing points" if self.vanishing else "markings"

    def solve(self) -> Plane:
        """The road plane with its residuals and errors; ValueError if the observations do not fix one."""
        return _solved(self)


@lru_cache(maxsize=256)
def _solved(calibration: Calibration) -> Plane:
    if calibration.points:
        image = np.array([p.image for p in calibration.points], dtype=np.float64)
        ground = np.array([p.ground for p in calibration.points], dtype=np.float64)
        return fit_points(image, ground, calibration.image_size, calibration.error_m, calibration.error_px)
    towards = calibration.vanishing or VanishingPoints.model_construct()
    ways: tuple[tuple[Direction, Point | None], ...] = (("along", towards.along), ("across", towards.across))
    seen = Observations(
        marks=tuple(Mark(m.image, m.length_m, m.direction) for m in calibration.marks),
        vanishing=tuple((direction, point) for direction, point in ways if point is not None),
        height_m=calibration.camera_height_m,
        sigmas=Sigmas(
            image_px=calibration.error_px,
            length_m=calibration.length_error_m,
            direction_deg=calibration.direction_error_deg,
            vanishing_deg=calibration.vanishing_error_deg,
            height_m=calibration.height_error_m,
        ),
    )
    return fit_pinhole(seen, calibration.image_size, calibration.principal_point)

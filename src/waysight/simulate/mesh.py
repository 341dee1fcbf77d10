"""Convex parts with flat faces: what a vehicle's body is made of."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(slots=True)
class Face:
    """A flat polygon: corners (n, 3) in metres, its material, what is painted on it, an optional picture.

    `image` is a key of the painter's pictures; its corners are those of the face, from top left, clockwise
    as seen from outside.
    """

    corners: Array
    material: str
    decals: list["Face"] = field(default_factory=list)
    image: str | None = None


@dataclass(slots=True)
class Part:
    """A convex solid; parts are drawn by rising `layer`, then from far to near."""

    faces: list[Face]
    layer: int = 1

    @property
    def centre(self) -> Array:
        return np.asarray(np.concatenate([face.corners for face in self.faces]).mean(axis=0))


@dataclass(slots=True)
class Polygon:
    """A face or decal as rows of its body's corner list."""

    rows: slice
    material: str
    image: str | None
    decals: list["Polygon"]


@dataclass(slots=True)
class Solid:
    """A part, ready to draw: polygons with outward unit normals (n, 3) and middles (n, 3)."""

    layer: int
    faces: list[Polygon]
    normals: Array
    middles: Array
    centre: Array


def outward(face: Face, centre: Array) -> Array:
    """The unit normal of a face that points away from `centre`; zeros for a degenerate face."""
    a, b, c = face.corners[0], face.corners[1], face.corners[2]
    normal = np.cross(b - a, c - b)
    length = float(np.linalg.norm(normal))
    if length < 1e-9:
        return np.zeros(3)
    sign = 1.0 if (face.corners.mean(axis=0) - centre) @ normal >= 0 else -1.0
    return np.asarray(sign / length * normal)


def flatten(parts: list[Part]) -> tuple[Array, list[Solid]]:
    """All corners (n, 3) of some parts, and the parts as solids that index them."""
    corners: list[Array] = []
    count = 0

    def take(face: Face) -> Polygon:
        nonlocal count
        corners.append(face.corners)
        count += len(face.corners)
        rows = slice(count - len(face.corners), count)
        return Polygon(rows, face.material, face.image, [take(decal) for decal in face.decals])

    solids = []
    for part in parts:
        # A lone disc has no inside of its own: its outside is the side away from the body's middle.
        centre = part.centre if len(part.faces) > 1 else np.array([0.0, 0.0, 0.3])
        normals = np.array([outward(face, centre) for face in part.faces])
        middles = np.array([face.corners.mean(axis=0) for face in part.faces])
        solids.append(
            Solid(part.layer, [take(face) for face in part.faces], normals, middles, middles.mean(axis=0))
        )
    return np.concatenate(corners) if corners else np.zeros((0, 3)), solids


@dataclass
class Body:
    """One vehicle standing at the origin and driving towards +y.

    `plates` holds the corners (4, 3) of each number plate, top left first, clockwise as seen from outside.
    """

    label: str
    parts: list[Part]
    size_m: tuple[float, float, float]
    plates: dict[str, Array] = field(default_factory=dict)
    lamps: dict[str, list[Array]] = field(default_factory=dict)

    @cached_property
    def flat(self) -> tuple[Array, list[Solid]]:
        """Its parts as one corner list and solids; parts must not change afterwards."""
        return flatten(self.parts)


def prism(
    profile: Sequence[tuple[float, float]],
    half_widths: Sequence[float] | float,
    materials: Sequence[str] | str,
    layer: int = 1,
    side: str = "paint",
) -> Part:
    """A side profile of (y, z) points, closed, extruded across x.

    Face i joins points i and i+1; the last two faces are the left and the right side.
    """
    n = len(profile)
    widths = [half_widths] * n if isinstance(half_widths, int | float) else list(half_widths)
    names = [materials] * n if isinstance(materials, str) else list(materials)
    left = np.array([(-w, y, z) for (y, z), w in zip(profile, widths, strict=True)])
    right = left * np.array([-1.0, 1.0, 1.0])
    faces = []
    for i in range(n):
        j = (i + 1) % n
        faces.append(Face(np.stack([left[i], right[i], right[j], left[j]]), names[i]))
    faces += [Face(left, side), Face(right, side)]
    return Part(faces, layer)


def box(
    x: tuple[float, float], y: tuple[float, float], z: tuple[float, float], material: str, layer: int = 1
) -> Part:
    """An axis-aligned box; faces in the order bottom-up rear, top, front, bottom, left, right."""
    part = prism(
        [(y[0], z[0]), (y[0], z[1]), (y[1], z[1]), (y[1], z[0])], (x[1] - x[0]) / 2, material, layer, material
    )
    for face in part.faces:
        face.corners[:, 0] += (x[0] + x[1]) / 2
    return part


def patch(
    face: Face, u: tuple[float, float], v: tuple[float, float], material: str, image: str | None = None
) -> Face:
    """A rectangle on a four-cornered face, in its own 0..1 coordinates: u along its first edge."""
    a, b, c, d = face.corners

    def at(s: float, t: float) -> Array:
        return np.asarray((1 - t) * ((1 - s) * a + s * b) + t * ((1 - s) * d + s * c))

    if image is None:
        corners = np.stack([at(u[0], v[0]), at(u[1], v[0]), at(u[1], v[1]), at(u[0], v[1])])
    else:
        corners = np.stack([at(u[0], v[1]), at(u[1], v[1]), at(u[1], v[0]), at(u[0], v[0])])
    decal = Face(corners, material, image=image)
    face.decals.append(decal)
    return decal


def disc(centre: tuple[float, float, float], radius_m: float, material: str, corners: int = 14) -> Face:
    """A disc in the plane x = const, as a polygon."""
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    x, y, z = centre
    return Face(
        np.stack([np.full(corners, x), y + radius_m * np.cos(angles), z + radius_m * np.sin(angles)], axis=1),
        material,
    )


def rear_rectangle(centre: tuple[float, float, float], width_m: float, height_m: float) -> Array:
    """Corners of an upright rectangle facing -y, top left first as seen from behind."""
    x, y, z = centre
    w, h = width_m / 2, height_m / 2
    return np.array([[x - w, y, z + h], [x + w, y, z + h], [x + w, y, z - h], [x - w, y, z - h]])


def front_rectangle(centre: tuple[float, float, float], width_m: float, height_m: float) -> Array:
    """Corners of an upright rectangle facing +y, top left first as seen from the front."""
    corners = rear_rectangle(centre, width_m, height_m)
    corners[:, 0] = 2 * centre[0] - corners[:, 0]
    return corners

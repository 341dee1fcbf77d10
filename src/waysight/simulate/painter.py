"""Paints bodies onto a picture: shading, shadows, lamps, plates, and the blur of lens and motion."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from waysight.simulate.geometry import View
from waysight.simulate.mesh import Body, Polygon, Solid

Array = NDArray[np.float64]
Image = NDArray[np.uint8]
SHIFT = 3

MATERIALS: dict[str, tuple[float, float, float]] = {
    "glass": (62, 54, 44),
    "trim": (44, 44, 46),
    "under": (26, 26, 28),
    "grille": (30, 30, 32),
    "tyre": (34, 34, 36),
    "rim": (150, 150, 152),
    "sign": (60, 170, 250),
    "lamp_rear": (38, 30, 170),
    "lamp_front": (225, 228, 228),
    "frame": (30, 30, 30),
    "white": (225, 225, 225),
}


@dataclass(frozen=True)
class Light:
    """How the scene is lit: `sun` and `sky` gains, `dark` 0 (day) to 1 (night), a colour cast (B, G, R)."""

    sun: float = 0.5
    sky: float = 0.62
    dark: float = 0.0
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)
    direction: tuple[float, float, float] = (-0.4, -0.55, 0.73)
    shadow: float = 0.5


@dataclass(frozen=True)
class Pose:
    """Where a body stands: ground point in metres, heading in radians (0 drives away from the camera)."""

    x_m: float
    y_m: float
    heading_rad: float = 0.0

    def place(self, points: Array) -> Array:
        """Local points (n, 3) to world points (n, 3), metres."""
        return np.asarray(points @ self.turn.T + np.array([self.x_m, self.y_m, 0.0]))

    @property
    def turn(self) -> Array:
        """The rotation from local to world axes, (3, 3)."""
        c, s = np.cos(self.heading_rad), np.sin(self.heading_rad)
        return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])


@dataclass
class Look:
    """Colours (B, G, R, 0-255) and pictures of one vehicle, and whether its lamps burn."""

    colours: Mapping[str, tuple[float, float, float]]
    images: Mapping[str, Image] = field(default_factory=dict)
    plate: Image | None = None
    plate_size_m: tuple[float, float] = (0.52, 0.112)
    headlamps: bool = False
    braking: bool = False


@dataclass
class Painted:
    """What was painted: box xyxy in pixels (unclipped), plate corners (4, 2) px or None, mask of the region."""

    xyxy: tuple[float, float, float, float]
    plate_quad: Array | None
    region: tuple[int, int, int, int]
    mask: Image | None


def fixed(points: Array) -> NDArray[np.int32]:
    """Pixels to OpenCV's fixed-point polygon coordinates; far-off points are clamped."""
    return np.rint(np.clip(points, -8000, 16000) * (1 << SHIFT)).astype(np.int32)


def shade(colour: tuple[float, float, float], normal: Array, light: Light) -> tuple[float, float, float]:
    """The colour of a surface with this outward unit normal."""
    x, y, z = normal.tolist()
    sun = light.direction
    gain = light.sky * (0.72 + 0.28 * z) + light.sun * max(0.0, x * sun[0] + y * sun[1] + z * sun[2])
    b, g, r = light.cast
    return (
        min(255.0, colour[0] * gain * b),
        min(255.0, colour[1] * gain * g),
        min(255.0, colour[2] * gain * r),
    )


def plate_corners(corners: Array, size_m: tuple[float, float]) -> Array:
    """The 1 x 1 m plate rectangle of a body, scaled about its centre to the plate's own size."""
    centre = corners.mean(axis=0)
    across, up = corners[1] - corners[0], corners[0] - corners[3]
    w, h = across * size_m[0] / 2, up * size_m[1] / 2
    return np.stack([centre - w + h, centre + w + h, centre + w - h, centre - w - h])


def warp_into(picture: Image, source: Image, quad: Array, gain: float, cast: tuple[float, ...]) -> None:
    """Draws `source` into the quadrilateral `quad` (4, 2) px (from top left, clockwise) of `picture`, in place."""
    low = np.floor(quad.min(axis=0)).astype(int) - 1
    high = np.ceil(quad.max(axis=0)).astype(int) + 2
    low = np.maximum(low, 0)
    high = np.minimum(high, [picture.shape[1], picture.shape[0]])
    width, height = (high - low).tolist()
    if width <= 1 or height <= 1:
        return
    target_w = max(4, int(np.ceil(np.linalg.norm(quad[1] - quad[0]) * 1.3)))
    target_h = max(4, int(np.ceil(np.linalg.norm(quad[3] - quad[0]) * 1.3)))
    if target_w < source.shape[1]:
        source = cv2.resize(source, (target_w, target_h), interpolation=cv2.INTER_AREA)
    h, w = source.shape[:2]
    corners = np.array([[-0.5, -0.5], [w - 0.5, -0.5], [w - 0.5, h - 0.5], [-0.5, h - 0.5]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, (quad - low).astype(np.float32))
    warped = cv2.warpPerspective(source, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, fixed(quad - low), 255, cv2.LINE_AA, SHIFT)
    alpha = mask[:, :, None].astype(np.float32) / 255
    lit = np.minimum(warped.astype(np.float32) * (gain * np.asarray(cast, np.float32)), 255)
    region = picture[low[1] : high[1], low[0] : high[0]]
    region[:] = (region * (1 - alpha) + lit * alpha).astype(np.uint8)


def paint_shadow(
    picture: Image, view: View, size_m: tuple[float, float, float], pose: Pose, light: Light
) -> None:
    """Darkens the ground under and beside a body, in place."""
    half_w, half_l, height = size_m[0] / 2, size_m[1] / 2, size_m[2]
    base = np.array([[-half_w, -half_l, 0], [half_w, -half_l, 0], [half_w, half_l, 0], [-half_w, half_l, 0]])
    ground = pose.place(base)
    sun = np.asarray(light.direction)
    cast = ground - np.array([sun[0], sun[1], 0.0]) / max(sun[2], 0.3) * height * 0.8
    for points, strength in ((np.concatenate([ground, cast]), light.shadow * light.sun), (ground, 0.45)):
        pixels, depth = view.project(points)
        if depth.min() < 1.0 or strength < 0.04:
            continue
        hull = cv2.convexHull(pixels.astype(np.float32))[:, 0].astype(float)
        pad = int(np.clip(0.02 * (hull[:, 0].max() - hull[:, 0].min()), 1, 9)) * 2
        low = np.maximum(np.floor(hull.min(axis=0)).astype(int) - pad, 0)
        high = np.minimum(np.ceil(hull.max(axis=0)).astype(int) + pad, [picture.shape[1], picture.shape[0]])
        if (high - low).min() <= 2:
            continue
        mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
        cv2.fillConvexPoly(mask, fixed(hull - low), int(255 * min(0.75, strength)), cv2.LINE_AA, SHIFT)
        mask = cv2.blur(mask, (pad + 1, pad + 1))
        region = picture[low[1] : high[1], low[0] : high[0]]
        keep = cv2.cvtColor(255 - mask, cv2.COLOR_GRAY2BGR)
        region[:] = cv2.multiply(region, keep, scale=1 / 255)


class Brush:
    """Fills faces on one picture, keeping track of the box and of the silhouette."""

    def __init__(self, picture: Image, view: View, light: Light, look: Look) -> None:
        self.picture, self.view, self.light, self.look = picture, view, light, look

    def colour(self, material: str, normal: Array) -> tuple[float, float, float]:
        """The lit colour of a material; dark variants are the body's paint, darkened."""
        base = self.look.colours.get(material) or MATERIALS.get(material)
        if base is None:
            base = self.look.colours["paint"]
            factor = 0.8 if material.endswith(("dark", "panel")) else 1.0
            base = (base[0] * factor, base[1] * factor, base[2] * factor)
        if material == "glass":
            sky = 150 * max(0.0, float(normal[2])) * self.light.sky
            base = (base[0] + sky, base[1] + sky * 0.95, base[2] + sky * 0.9)
        return shade(base, normal, self.light)

    def solid(self, solid: Solid, pixels: Array, turn: Array, place: Array) -> None:
        """Draws the faces of a solid that are turned towards the camera, with what is painted on them."""
        normals = solid.normals @ turn.T
        sight = self.view.eye - (solid.middles @ turn.T + place)
        facing = np.einsum("ij,ij->i", normals, sight) > 0
        corners = fixed(pixels)
        for k in np.flatnonzero(facing).tolist():
            self._polygon(solid.faces[k], pixels, corners, normals[k])

    def _polygon(self, polygon: Polygon, pixels: Array, corners: NDArray[np.int32], normal: Array) -> None:
        if polygon.image is not None and polygon.image in self.look.images:
            gain = sum(self.colour("white", normal)) / 3 / 255
            warp_into(
                self.picture, self.look.images[polygon.image], pixels[polygon.rows], gain, self.light.cast
            )
        else:
            colour = self.colour(polygon.material, normal)
            cv2.fillPoly(self.picture, [corners[polygon.rows]], colour, cv2.LINE_AA, SHIFT)
        for decal in polygon.decals:
            self._polygon(decal, pixels, corners, normal)


def _glow(picture: Image, centre: Array, radius_px: float, colour: tuple[float, float, float]) -> None:
    radius = int(np.clip(radius_px, 2, 160))
    low = np.floor(centre).astype(int) - radius
    x0, y0 = max(low[0], 0), max(low[1], 0)
    x1, y1 = min(low[0] + 2 * radius, picture.shape[1]), min(low[1] + 2 * radius, picture.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    axis = (np.arange(2 * radius) - radius) / radius
    falloff = np.exp(-4.5 * (axis[:, None] ** 2 + axis[None] ** 2)).astype(np.float32)
    part = falloff[y0 - low[1] : y1 - low[1], x0 - low[0] : x1 - low[0], None] * np.asarray(
        colour, np.float32
    )
    region = picture[y0:y1, x0:x1]
    region[:] = cv2.add(region, part.astype(np.uint8))


def paint_lamps(picture: Image, view: View, body: Body, pose: Pose, look: Look, light: Light) -> None:
    """Draws lamp glasses; where they burn, their glow."""
    for end, quads in body.lamps.items():
        facing = 1 if end == "front" else -1
        for quad in quads:
            world = pose.place(quad)
            outward = pose.place(np.array([[0.0, facing, 0.0]]))[0] - pose.place(np.zeros((1, 3)))[0]
            if (view.eye - world.mean(axis=0)) @ outward <= 0:
                continue
            pixels, depth = view.project(world)
            if depth.min() < 0.6:
                continue
            on = look.headlamps or (end == "rear" and look.braking)
            colour = MATERIALS["lamp_" + end]
            gain = 0.35 + 0.65 * light.sky
            if on:
                gain = 1.5 if end == "front" or look.braking else 1.15
            cv2.fillPoly(
                picture, [fixed(pixels)], tuple(min(255.0, c * gain) for c in colour), cv2.LINE_AA, SHIFT
            )
            if on:
                size = float(np.ptp(pixels[:, 0])) + 1
                strength = 0.35 + 0.65 * light.dark
                glow = (
                    (235.0, 235.0, 240.0)
                    if end == "front"
                    else (20.0, 15.0, 190.0 if look.braking else 120.0)
                )
                reach = (2.2 if end == "front" else 1.0) * (0.6 + light.dark)
                _glow(picture, pixels.mean(axis=0), size * reach, tuple(c * strength for c in glow))  # type: ignore[arg-type]


def paint_body(
    picture: Image, view: View, body: Body, pose: Pose, look: Look, light: Light, with_mask: bool = False
) -> Painted:
    """Paints a body with its shadow in place and says where it is."""
    paint_shadow(picture, view, body.size_m, pose, light)
    corners, solids = body.flat
    pixels, depth = view.project(pose.place(corners))
    x0, y0 = pixels.min(axis=0).tolist()
    x1, y1 = pixels.max(axis=0).tolist()
    box = (x0 - 2, y0 - 2, x1 + 3, y1 + 3)
    sizes = (view.width_px, view.height_px)
    left, top, right, bottom = (int(min(max(v, 0), sizes[i % 2])) for i, v in enumerate(box))
    region = (left, top, right, bottom)
    if right <= left or bottom <= top or depth.min() < 0.6:
        return Painted((x0, y0, x1, y1), None, region, None)
    mask = silhouette(solids, pixels, region) if with_mask else None
    centres = pose.place(np.array([solid.centre for solid in solids]))
    far = np.linalg.norm(centres - view.eye, axis=1)
    brush, place = Brush(picture, view, light, look), np.array([pose.x_m, pose.y_m, 0.0])
    for i in sorted(range(len(solids)), key=lambda i: (solids[i].layer, -far[i])):
        brush.solid(solids[i], pixels, pose.turn, place)
    _weather(picture, region, light)
    paint_lamps(picture, view, body, pose, look, light)
    quad = _paint_plate(picture, view, body, pose, look, light)
    return Painted((x0, y0, x1, y1), quad, region, mask)


def _weather(picture: Image, region: tuple[int, int, int, int], light: Light) -> None:
    """Softens the painted edges as a lens does."""
    x0, y0, x1, y1 = region
    if x1 - x0 > 6 and y1 - y0 > 6 and x1 - x0 < 900:
        part = picture[y0:y1, x0:x1]
        part[:] = cv2.GaussianBlur(part, (3, 3), 0.7 + 0.4 * light.dark)


def silhouette(solids: list[Solid], pixels: Array, region: tuple[int, int, int, int]) -> Image:
    """Mask uint8 (h, w) of all faces inside a region x0, y0, x1, y1."""
    x0, y0, x1, y1 = region
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    corners = fixed(pixels - [x0, y0])
    for solid in solids:
        for face in solid.faces:
            cv2.fillPoly(mask, [corners[face.rows]], 255, cv2.LINE_8, SHIFT)
    return mask


def visible_plate(
    view: View, body: Body, pose: Pose, size_m: tuple[float, float]
) -> tuple[str, Array] | None:
    """The plate turned to the camera: its end ("rear" or "front") and corners (4, 2) px, or None."""
    for end, corners in body.plates.items():
        world = pose.place(plate_corners(corners, size_m))
        outward = np.cross(world[3] - world[0], world[1] - world[0])
        sight = view.eye - world.mean(axis=0)
        if sight @ outward / (np.linalg.norm(sight) * np.linalg.norm(outward)) < 0.35:
            continue
        pixels, depth = view.project(world)
        if depth.min() > 1.0:
            return end, pixels
    return None


def _paint_plate(
    picture: Image, view: View, body: Body, pose: Pose, look: Look, light: Light
) -> Array | None:
    if look.plate is None:
        return None
    seen = visible_plate(view, body, pose, look.plate_size_m)
    if seen is None:
        return None
    end, pixels = seen
    holder = tuple(s + 0.03 for s in look.plate_size_m)
    rim, _ = view.project(pose.place(plate_corners(body.plates[end], (holder[0], holder[1]))))
    cv2.fillPoly(picture, [fixed(rim)], tuple(c * light.sky for c in MATERIALS["frame"]), cv2.LINE_AA, SHIFT)
    # A plate is retroreflective: under an infrared or white flash it stays bright when the paint does not.
    gain = (light.sky + 0.35 * light.sun) * (1 - light.dark) + 0.78 * light.dark
    warp_into(picture, look.plate, pixels, gain, light.cast)
    return pixels

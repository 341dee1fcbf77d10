"""Bodies of motor vehicles, built from convex parts with sizes drawn at random."""

from collections.abc import Callable

import numpy as np

from waysight.simulate.mesh import Body, Face, Part, box, disc, front_rectangle, patch, prism, rear_rectangle

Rng = np.random.Generator


def _wheels(half_width: float, axles: list[float], radius: float) -> list[Part]:
    """Tyres as seen from outside: treads from behind and in front, discs from the sides."""
    parts = []
    for y in axles:
        for side in (-1, 1):
            x = side * (half_width - 0.11)
            parts.append(
                box(
                    (x - 0.11, x + 0.11), (y - 0.75 * radius, y + 0.75 * radius), (0, 1.3 * radius), "tyre", 0
                )
            )
            outer = side * (half_width + 0.005)
            disc_faces = [disc((outer, y, radius), radius, "tyre")]
            disc_faces[0].decals.append(disc((outer + side * 0.004, y, radius), 0.66 * radius, "rim"))
            if side < 0:
                disc_faces[0].corners = disc_faces[0].corners[::-1]
            parts.append(Part(disc_faces, 3))
    return parts


def _lamps(body: Body, rear_y: float, front_y: float, x: float, z: float, w: float, h: float) -> None:
    body.lamps["rear"] = [rear_rectangle((side * x, rear_y, z), w, h) for side in (-1, 1)]
    body.lamps["front"] = [front_rectangle((side * x, front_y, z - 0.12), w * 1.1, h) for side in (-1, 1)]


def _car(rng: Rng, kind: str) -> Body:
    scale = {"sedan": 1.0, "hatch": 0.96, "suv": 1.18, "wagon": 1.03, "minivan": 1.25}[kind]
    length = {"sedan": 4.6, "hatch": 3.95, "suv": 4.65, "wagon": 4.7, "minivan": 4.75}[kind] * rng.uniform(
        0.95, 1.05
    )
    half = {"sedan": 0.9, "hatch": 0.86, "suv": 0.96, "wagon": 0.91, "minivan": 0.95}[kind] * rng.uniform(
        0.96, 1.04
    )
    height = {"sedan": 1.45, "hatch": 1.48, "suv": 1.75, "wagon": 1.5, "minivan": 1.82}[kind] * rng.uniform(
        0.97, 1.04
    )
    r, f = -length / 2, length / 2
    belt, sill = 0.93 * scale**0.6, 0.26 * scale
    tail = {"sedan": 1.05, "hatch": 0.12, "suv": 0.1, "wagon": 0.12, "minivan": 0.1}[kind]
    slope = {"sedan": 0.75, "hatch": 0.5, "suv": 0.35, "wagon": 0.45, "minivan": 0.22}[kind]
    nose = 0.55 if kind == "minivan" else rng.uniform(1.0, 1.25)
    hood = belt - 0.06 if kind != "minivan" else belt + 0.05
    lower = prism(
        [
            (r + 0.06, sill),
            (r, sill + 0.25),
            (r + 0.07, belt - 0.08),
            (r + tail, belt + 0.02),
            (f - nose, hood),
            (f - 0.16, hood - 0.16),
            (f, sill + 0.24),
            (f - 0.05, sill - 0.04),
        ],
        [half - 0.05, half - 0.05, half - 0.04, half, half, half - 0.06, half - 0.09, half - 0.09],
        [
            "trim" if rng.random() < 0.4 else "paint",
            "paint",
            "paint",
            "paint",
            "paint",
            "paint",
            "trim",
            "under",
        ],
        layer=1,
    )
    cabin = prism(
        [
            (r + tail - 0.05, belt - 0.04),
            (r + tail + slope, height),
            (f - nose - 0.75, height),
            (f - nose + 0.12, hood - 0.02),
        ],
        [half - 0.06, half - 0.22, half - 0.24, half - 0.07],
        "paint",
        layer=2,
    )
    patch(cabin.faces[0], (0.07, 0.93), (0.14, 0.9), "glass")
    patch(cabin.faces[2], (0.05, 0.95), (0.07, 0.93), "glass")
    for side in (4, 5):
        patch(cabin.faces[side], (0.14, 0.88), (0.07, 0.47), "glass")
        patch(cabin.faces[side], (0.14, 0.88), (0.5, 0.93), "glass")
    if rng.random() < 0.4:
        patch(cabin.faces[1], (0.2, 0.8), (0.45, 0.8), "glass")
    rear, grille = lower.faces[1], lower.faces[5]
    plate_z = 0.72 if kind in ("sedan", "wagon") and rng.random() < 0.7 else 0.45 * scale + 0.12
    patch(rear, (0.3, 0.7), (0.28, 0.62), "paint_dark")
    if rng.random() < 0.6:
        patch(lower.faces[0], (0.1, 0.9), (0.2, 0.9), "trim")
    patch(grille, (0.26, 0.74), (0.35, 0.68), "grille")
    if rng.random() < 0.5:
        patch(lower.faces[6], (0.2, 0.8), (0.3, 0.8), "grille")
    body = Body(
        "car",
        [lower, cabin, *_wheels(half, [r + 0.8, f - 0.85], 0.31 * scale**0.7)],
        (2 * half, length, height),
    )
    body.parts += [
        box(
            (side * (half + 0.09) - 0.08, side * (half + 0.09) + 0.08),
            (f - nose - 0.3, f - nose - 0.2),
            (hood, hood + 0.14),
            "paint",
            3,
        )
        for side in (-1, 1)
    ]
    _lamps(body, r - 0.005, f - 0.07, half - 0.26, belt - 0.14, 0.36, 0.15 * scale)
    if kind in ("suv", "hatch", "minivan") and rng.random() < 0.5:
        body.lamps["rear"] = [
            rear_rectangle((s * (half - 0.14), r - 0.005, belt - 0.04), 0.18, 0.4) for s in (-1, 1)
        ]
    body.plates["rear"] = rear_rectangle((0, r - 0.012, plate_z), 1, 1)
    body.plates["front"] = front_rectangle((0, f + 0.012, sill + 0.26), 1, 1)
    return body


def _bus(rng: Rng) -> Body:
    length, half, height = rng.uniform(8.5, 12), rng.uniform(1.2, 1.27), rng.uniform(2.8, 3.2)
    r, f = -length / 2, length / 2
    hull = prism(
        [(r, 0.35), (r, height - 0.25), (r + 0.25, height), (f - 0.3, height), (f, height - 0.4), (f, 0.35)],
        half,
        "paint",
    )
    patch(hull.faces[0], (0.1, 0.9), (0.5, 0.9), "glass")
    patch(hull.faces[0], (0.15, 0.85), (0.08, 0.3), "grille")
    patch(hull.faces[4], (0.04, 0.96), (0.05, 0.58), "glass")
    patch(hull.faces[4], (0.2, 0.8), (0.78, 0.92), "trim")
    patch(hull.faces[3], (0.15, 0.85), (0.15, 0.8), "sign")
    count = int(length / 1.4)
    for side, x in ((6, -half - 0.004), (7, half + 0.004)):
        for k in range(count):
            y0 = r + 0.35 + k * (length - 0.7) / count
            y1 = y0 + (length - 0.7) / count - 0.12
            hull.faces[side].decals.append(_side_quad(x, (y0, y1), (1.45, height - 0.45), "glass"))
        hull.faces[side].decals.append(_side_quad(x, (r, f), (0.35, 0.6), "stripe"))
    body = Body("bus", [hull, *_wheels(half, [r + 2.2, f - 2.3], 0.48)], (2 * half, length, height))
    _lamps(body, r - 0.01, f + 0.01, half - 0.25, 0.95, 0.24, 0.3)
    body.plates["rear"] = rear_rectangle((0, r - 0.015, 0.75), 1, 1)
    body.plates["front"] = front_rectangle((0, f + 0.015, 0.6), 1, 1)
    return body


def _side_quad(
    x: float, y: tuple[float, float], z: tuple[float, float], material: str, image: str | None = None
) -> Face:
    """A rectangle in the plane x = const, top left first as seen from outside."""
    near, far = (y[1], y[0]) if x < 0 else (y[0], y[1])
    return Face(
        np.array([[x, near, z[1]], [x, far, z[1]], [x, far, z[0]], [x, near, z[0]]]), material, image=image
    )


def _truck(rng: Rng) -> Body:
    length, half = rng.uniform(5.5, 10.5), rng.uniform(1.05, 1.27)
    height, cab_height = rng.uniform(2.7, 3.9), rng.uniform(2.2, 2.9)
    cab_length = rng.uniform(1.6, 2.2)
    r, f = -length / 2, length / 2
    split = f - cab_length - 0.15
    cargo = box((-half, half), (r, split), (0.95, height), "cargo", 2)
    if rng.random() < 0.75:
        for u in ((0.02, 0.485), (0.515, 0.98)):
            patch(cargo.faces[0], u, (0.02, 0.97), "cargo_panel")
    if rng.random() < 0.6:
        for x in (-half - 0.004, half + 0.004):
            middle, size = (r + split) / 2, 0.36 * (split - r)
            face = cargo.faces[4 if x < 0 else 5]
            face.decals.append(
                _side_quad(x, (middle - size, middle + size), (1.6, height - 0.5), "cargo", "writing")
            )
    if rng.random() < 0.35:
        patch(cargo.faces[0], (0.15, 0.85), (0.55, 0.8), "cargo", "writing")
    chassis = box((-0.55, 0.55), (r + 0.1, f - 0.4), (0.5, 0.95), "trim", 0)
    bumper = box((-half + 0.1, half - 0.1), (r, r + 0.12), (0.45, 0.68), "trim", 1)
    cab = prism(
        [
            (split + 0.15, 0.6),
            (split + 0.15, cab_height),
            (f - 0.35, cab_height),
            (f - 0.02, cab_height * 0.55),
            (f, 0.4),
        ],
        half - 0.04,
        "paint",
        layer=2,
    )
    patch(cab.faces[2], (0.06, 0.94), (0.2, 0.98), "glass")
    patch(cab.faces[3], (0.15, 0.85), (0.15, 0.6), "grille")
    for x in (-half + 0.035, half - 0.035):
        face = cab.faces[5 if x < 0 else 6]
        face.decals.append(
            _side_quad(x, (f - 1.2, f - 0.45), (cab_height * 0.58, cab_height * 0.88), "glass")
        )
    axles = [r + 1.3, f - 0.9] if length < 8 else [r + 1.2, r + 2.3, f - 1.0]
    body = Body(
        "truck", [chassis, bumper, cargo, cab, *_wheels(half, axles, 0.46)], (2 * half, length, height)
    )
    _lamps(body, r - 0.01, f + 0.01, half - 0.28, 0.82, 0.34, 0.16)
    body.plates["rear"] = rear_rectangle((rng.choice([0.0, -0.45]), r - 0.015, 0.57), 1, 1)
    body.plates["front"] = front_rectangle((0, f + 0.015, 0.55), 1, 1)
    return body


def _van(rng: Rng) -> Body:
    """A panel van: labelled truck, as traffic law counts goods vehicles."""
    length, half, height = rng.uniform(5.0, 6.0), rng.uniform(0.95, 1.02), rng.uniform(2.1, 2.6)
    r, f = -length / 2, length / 2
    hull = prism(
        [(r, 0.35), (r + 0.06, height), (f - 1.75, height), (f - 0.95, 1.25), (f - 0.05, 0.95), (f, 0.35)],
        [half, half - 0.08, half - 0.08, half, half - 0.04, half - 0.04],
        "paint",
    )
    for u in ((0.06, 0.48), (0.52, 0.94)):
        patch(hull.faces[0], u, (0.52, 0.86), "glass" if rng.random() < 0.5 else "paint_dark")
    patch(hull.faces[2], (0.06, 0.94), (0.08, 0.95), "glass")
    patch(hull.faces[4], (0.2, 0.8), (0.1, 0.5), "grille")
    for x in (-half - 0.004, half + 0.004):
        face = hull.faces[6 if x < 0 else 7]
        face.decals.append(_side_quad(x, (f - 2.2, f - 1.5), (1.3, height - 0.35), "glass"))
        if rng.random() < 0.5:
            face.decals.append(_side_quad(x, (r + 0.6, f - 2.5), (1.2, height - 0.5), "paint", "writing"))
    body = Body("truck", [hull, *_wheels(half, [r + 1.0, f - 0.95], 0.36)], (2 * half, length, height))
    _lamps(body, r - 0.01, f + 0.01, half - 0.14, 0.95, 0.16, 0.5)
    body.lamps["front"] = [front_rectangle((s * (half - 0.3), f + 0.01, 0.82), 0.4, 0.22) for s in (-1, 1)]
    body.plates["rear"] = rear_rectangle((0, r - 0.015, 0.6), 1, 1)
    body.plates["front"] = front_rectangle((0, f + 0.015, 0.5), 1, 1)
    return body


KINDS: dict[str, Callable[[Rng], Body]] = {
    "sedan": lambda rng: _car(rng, "sedan"),
    "hatch": lambda rng: _car(rng, "hatch"),
    "suv": lambda rng: _car(rng, "suv"),
    "wagon": lambda rng: _car(rng, "wagon"),
    "minivan": lambda rng: _car(rng, "minivan"),
    "bus": _bus,
    "truck": _truck,
    "van": _van,
}


def make_body(kind: str, rng: Rng) -> Body:
    """A body of `kind` (one of `KINDS`) with sizes drawn from `rng`; plates are 1 x 1 m until scaled."""
    return KINDS[kind](rng)

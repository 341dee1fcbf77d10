"""People drawn from jointed rods and hulls, with clothes, hair and bags of many kinds: cut-outs for training.

Open pictures of people in the street are few; these stand in for them where a public detector takes them
for people (`cutouts.py` asks it).
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Bgr = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Rng = np.random.Generator
Colour = npt.NDArray[np.float64]
TALL_PX, WIDE_PX = 260, 240
PX_PER_M = 120.0
SKIN = ((95, 130, 190), (120, 155, 215), (75, 105, 160), (50, 75, 120), (35, 50, 85), (140, 175, 230))
HAIR = (
    (25, 25, 28),
    (30, 38, 52),
    (40, 60, 90),
    (90, 140, 180),
    (150, 150, 150),
    (60, 70, 130),
    (200, 200, 205),
)


class Canvas:
    """Picture and coverage on which parts are laid over one another, uint8 BGR and float alpha 0..1."""

    def __init__(self, rng: Rng) -> None:
        self.rng = rng
        self.bgr = np.zeros((TALL_PX, WIDE_PX, 3), np.float32)
        self.alpha = np.zeros((TALL_PX, WIDE_PX), np.float32)
        self.sun = rng.normal(0, 1, 2)
        self.contrast = float(rng.uniform(0.15, 0.7))

    def part(self, points: Floats, radii: Floats, colour: Colour, cloth: float = 1.0) -> None:
        """The hull of circles at `points` (n, 2) px with `radii` (n,), shaded as something round."""
        angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        ring = np.stack([np.cos(angles), np.sin(angles)], 1)
        cloud = (points[:, None] + ring[None] * np.maximum(radii, 0.7)[:, None, None]).reshape(-1, 2)
        self.polygon(cv2.convexHull(cloud.astype(np.float32))[:, 0], colour, cloth)

    def polygon(self, outline: npt.NDArray[np.float32], colour: Colour, cloth: float = 1.0) -> None:
        """A filled outline (n, 2) px with rounded shading, folds and perhaps a pattern."""
        low = np.maximum(np.floor(outline.min(0)).astype(int) - 1, 0)
        high = np.minimum(np.ceil(outline.max(0)).astype(int) + 2, [WIDE_PX, TALL_PX])
        if (high - low < 2).any():
            return
        size = (int(high[1] - low[1]), int(high[0] - low[0]))
        mask = np.zeros(size, np.uint8)
        cv2.fillPoly(mask, [np.rint((outline - low) * 8).astype(np.int32)], 255, cv2.LINE_AA, 3)
        share = mask.astype(np.float32) / 255
        depth = cv2.distanceTransform((mask > 127).astype(np.uint8), cv2.DIST_L2, 3)
        depth = np.minimum(depth / max(1.0, float(depth.max())), 0.8)
        slope_y, slope_x = np.gradient(cv2.GaussianBlur(depth, (0, 0), 2.0))
        light = (0.75 + 0.3 * depth) + self.contrast * 4 * (slope_x * self.sun[0] + slope_y * self.sun[1])
        light += cloth * self._folds(size)
        paint = light[..., None] * colour.astype(np.float32)
        region = (slice(low[1], high[1]), slice(low[0], high[0]))
        self.bgr[region] = self.bgr[region] * (1 - share[..., None]) + paint * share[..., None]
        self.alpha[region] = np.maximum(self.alpha[region], share)

    def _folds(self, size: tuple[int, int]) -> npt.NDArray[np.float32]:
        coarse = self.rng.normal(0, 0.1, (max(2, size[0] // 12), max(2, size[1] // 7))).astype(np.float32)
        folds = cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
        kind = self.rng.random()
        if kind < 0.12:
            period = float(self.rng.uniform(3, 12))
            axis = np.arange(size[0] if kind < 0.08 else size[1]) % period < period / 2
            stripes = 0.25 * axis.astype(np.float32)
            folds = folds + (stripes[:, None] if kind < 0.08 else stripes[None])
        elif kind < 0.3:
            folds = folds + self.rng.normal(0, 0.12, size).astype(np.float32)
        return np.asarray(folds, np.float32)


def _cloth(rng: Rng, dark: float) -> Colour:
    if rng.random() < dark:
        grey = rng.uniform(15, 75)
        return np.clip(grey + rng.normal(0, 8, 3), 5, 250)
    hue, vivid, value = rng.integers(0, 180), int(170 * rng.random() ** 2), rng.integers(40, 245)
    pixel = np.array([[[hue, vivid, value]]], np.uint8)
    return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0], np.float64)


def _pick(rng: Rng, colours: tuple[tuple[int, int, int], ...]) -> Colour:
    return np.array(colours[int(rng.integers(len(colours)))], np.float64) * rng.uniform(0.8, 1.15)


class Stance:
    """Joints of one person in metres (x right, y ahead, z up), seen from a random side and height."""

    def __init__(self, rng: Rng) -> None:
        self.rng = rng
        self.yaw = float(rng.uniform(0, 2 * np.pi))
        self.pitch = float(abs(rng.normal(0.12, 0.22)))
        self.stout = float(np.clip(rng.normal(1.0, 0.16), 0.75, 1.5))
        self.height = float(rng.choice([rng.uniform(1.5, 1.95), rng.uniform(0.95, 1.5)], p=[0.9, 0.1])) / 1.75
        swing = float(np.sin(rng.uniform(0, 2 * np.pi))) * float(rng.choice([1, 0.25], p=[0.7, 0.3]))
        self.joints: dict[str, Floats] = {}
        for side, name in ((-1, "l"), (1, "r")):
            reach = side * swing * float(rng.uniform(0.7, 1.1))
            put = self.joints
            put[f"hip_{name}"] = np.array([side * 0.095, 0.0, 0.93])
            put[f"knee_{name}"] = np.array([side * 0.1, 0.22 * reach + 0.05, 0.5])
            put[f"foot_{name}"] = np.array([side * 0.1, 0.36 * reach - 0.03, 0.08 + 0.1 * max(0.0, -reach)])
            put[f"toe_{name}"] = put[f"foot_{name}"] + np.array([0.02 * side, 0.16, -0.04])
            put[f"shoulder_{name}"] = np.array([side * 0.19, 0.0, 1.42])
            bent = float(rng.choice([0.0, 1.0], p=[0.7, 0.3])) * float(rng.uniform(0.3, 1))
            elbow = np.array([side * 0.25, -0.12 * reach - 0.03, 1.13])
            hand = np.array(
                [side * (0.27 - 0.2 * bent), -0.26 * reach + 0.07 + 0.2 * bent, 0.87 + 0.33 * bent]
            )
            put[f"elbow_{name}"], put[f"hand_{name}"] = elbow, hand
        self.joints |= {
            "pelvis": np.array([0, 0, 0.97]),
            "waist": np.array([0, 0, 1.1]),
            "chest": np.array([0, 0.01, 1.32]),
            "neck": np.array([0, 0.0, 1.5]),
            "head": np.array([rng.normal(0, 0.01), 0.03, 1.64]),
        }

    def at(self, *names: str) -> Floats:
        """Pixels of joints (n, 2)."""
        return self.pixels(np.array([self.joints[name] for name in names]))

    def pixels(self, metres: Floats) -> Floats:
        """Pixels (n, 2) of points in metres (n, 3)."""
        x, _, z = (metres * self.height).T
        ahead = self.depth(metres)
        across = x * np.cos(self.yaw) + (metres[:, 1] * self.height) * np.sin(self.yaw)
        upwards = z * np.cos(self.pitch) + ahead * np.sin(self.pitch)
        return np.stack([WIDE_PX / 2 + across * PX_PER_M, TALL_PX - 22 - upwards * PX_PER_M], 1)

    def depth(self, metres: Floats) -> Floats:
        """How far behind the body's middle points (n, 3) are, metres."""
        return np.asarray(
            (metres[:, 1] * np.cos(self.yaw) - metres[:, 0] * np.sin(self.yaw)) * self.height, np.float64
        )

    def width(self, side_m: float, front_m: float) -> float:
        """Half width in pixels of a trunk so wide in front and so deep from the side."""
        share = abs(np.cos(self.yaw))
        return float((front_m * share + side_m * (1 - share)) * PX_PER_M * self.height * self.stout)


def beside(px: float) -> Floats:
    """A step to the right, pixels."""
    return np.array([px, 0.0])


def below(px: float) -> Floats:
    """A step down, pixels."""
    return np.array([0.0, px])


def person(rng: Rng) -> tuple[Bgr, list[tuple[str, npt.NDArray[np.float32]]]]:
    """A person as BGRA uint8 (260, 240, 4), and the boxes xyxy px of the person and any bags."""
    canvas, body = Canvas(rng), Stance(rng)
    m = PX_PER_M * body.height
    skin, hair, shoes = _pick(rng, SKIN), _pick(rng, HAIR), _cloth(rng, 0.6)
    top, legs = _cloth(rng, 0.4), _cloth(rng, 0.6)
    sleeve = float(rng.choice([0.0, 0.5, 1.0], p=[0.08, 0.25, 0.67]))
    bottom = str(rng.choice(["trousers", "shorts", "skirt", "coat"], p=[0.62, 0.14, 0.12, 0.12]))
    loose = float(rng.uniform(0.9, 1.35))
    trunk_skin = bottom == "skirt" and rng.random() < 0.6
    layers: list[tuple[float, int]] = []

    def limb(names: tuple[str, str], radii: tuple[float, float], colour: Colour, cloth: float = 1.0) -> None:
        canvas.part(body.at(*names), np.array(radii) * m, colour, cloth)

    def leg(side: str) -> None:
        bare = bottom in ("shorts", "skirt") and (bottom == "shorts" or trunk_skin)
        stout = 0.5 + body.stout / 2
        limb(
            (f"knee_{side}", f"foot_{side}"),
            (0.058 * loose, 0.045 * loose),
            skin if bare else legs,
            0.3 if bare else 1,
        )
        limb((f"foot_{side}", f"toe_{side}"), (0.05, 0.042), shoes)
        limb((f"hip_{side}", f"knee_{side}"), (0.095 * stout, 0.068 * loose), legs)

    def arm(side: str) -> None:
        forearm = top if sleeve == 1.0 else skin
        limb((f"elbow_{side}", f"hand_{side}"), (0.042 * loose, 0.034 * loose), forearm)
        hand = body.joints[f"hand_{side}"]
        canvas.part(
            body.pixels(np.array([hand, hand - [0, -0.02, 0.07]])), np.array([0.036, 0.03]) * m, skin, 0
        )
        limb((f"shoulder_{side}", f"elbow_{side}"), (0.062 * loose, 0.048 * loose), top if sleeve else skin)

    def trunk() -> None:
        hips, chest = body.width(0.12, 0.16), body.width(0.13, 0.19)
        points, waist = body.at("pelvis", "waist", "chest"), body.width(0.11, 0.14)
        spread = np.array([[1.0, 0.0]])
        if bottom in ("skirt", "coat"):
            hem = body.pixels(np.array([[0, 0, rng.uniform(0.35, 0.75)]]))
            flare = hips * rng.uniform(1.0, 1.4)
            outline = np.concatenate(
                [
                    points[1] + spread * waist,
                    hem + spread * flare,
                    hem - spread * flare,
                    points[1] - spread * waist,
                ]
            )
            canvas.polygon(outline.astype(np.float32), top if bottom == "coat" else legs)
        else:
            canvas.part(
                points[[0, 0]] + np.array([[-hips * 0.45, 0], [hips * 0.45, 0]]), np.full(2, hips * 0.6), legs
            )
        shoulders = body.at("shoulder_l", "shoulder_r")
        low = points[0] + np.array([0, 0.03 * m * rng.uniform(-1, 2)])
        ring = np.stack(
            [
                low - beside(hips * 0.55),
                low + beside(hips * 0.55),
                points[2] - beside(chest * 0.5),
                points[2] + beside(chest * 0.5),
                *shoulders,
            ]
        )
        radii = np.array([hips * 0.42, hips * 0.42, chest * 0.5, chest * 0.5, 0.055 * m, 0.055 * m])
        canvas.part(ring, radii, top)
        if rng.random() < 0.2 and np.cos(body.yaw) > 0.2 and sleeve:
            canvas.part(body.at("waist", "neck"), np.array([0.035, 0.03]) * m, _cloth(rng, 0.2))

    def head() -> None:
        neck, centre = body.at("neck", "head")
        canvas.part(np.stack([neck, neck - below(0.05 * m)]), np.array([0.06, 0.055]) * m, skin, 0)
        chin, crown = centre + below(0.05 * m), centre - below(0.03 * m)
        away = -np.cos(body.yaw)
        covered = rng.random()
        long_hair = rng.random() < 0.4
        if long_hair and away < 0.3:
            canvas.part(
                np.stack([crown, centre + below(rng.uniform(0.1, 0.3) * m)]), np.array([0.115, 0.1]) * m, hair
            )
        canvas.part(np.stack([chin, crown]), np.array([0.075, 0.095]) * m, skin, 0.3)
        cap = hair if covered < 0.75 else _cloth(rng, 0.5)
        shift = beside(-0.05 * m * float(np.sin(body.yaw)))
        if away > 0.2:
            drop = rng.uniform(0.12, 0.35) if long_hair else rng.uniform(0.0, 0.05)
            canvas.part(
                np.stack([crown - below(0.02 * m), centre + below(drop * m)]),
                np.array([0.108, 0.095]) * m,
                cap,
            )
        elif rng.random() > 0.06:
            canvas.part(
                np.stack([crown + shift - below(0.04 * m), crown + shift * 1.4]),
                np.array([0.095, 0.09]) * m,
                cap,
            )
            face = centre + below(0.025 * m) - shift * 0.8
            canvas.part(np.stack([face, face + below(0.04 * m)]), np.array([0.07, 0.06]) * m, skin, 0.3)

    parts = [lambda: leg("l"), lambda: leg("r"), trunk, lambda: arm("l"), lambda: arm("r"), head]
    for number, names in enumerate(
        (("knee_l",), ("knee_r",), ("pelvis",), ("elbow_l",), ("elbow_r",), ("chest",))
    ):
        behind = float(body.depth(np.array([body.joints[name] for name in names]))[0])
        layers.append((behind + (0.3, 0.3, 0.0, 0, 0, -0.01)[number], number))
    bags = []
    carries = str(rng.choice(["none", "backpack", "hand", "case"], p=[0.6, 0.16, 0.16, 0.08]))
    if carries == "backpack":
        layers.append((float(body.depth(np.array([[0.0, -0.25, 1.25]]))[0]), 6))
        parts.append(lambda: bags.append(backpack(canvas, body)))
    elif carries != "none":
        side = "l" if rng.random() < 0.5 else "r"
        bags_depth = float(body.depth(body.joints[f"hand_{side}"][None])[0])
        layers.append((bags_depth - 0.01, 6))
        parts.append(lambda: bags.append(carried(canvas, body, side, carries)))
    for _, number in sorted(layers, reverse=True):
        parts[number]()
    return _finish(canvas, [bag for bag in bags if bag is not None])


def backpack(canvas: Canvas, body: Stance) -> npt.NDArray[np.float32] | None:
    """A backpack behind the chest; its box xyxy px, or None where the body hides it."""
    rng = canvas.rng
    half, low, high = rng.uniform(0.11, 0.17), rng.uniform(0.95, 1.08), rng.uniform(1.36, 1.46)
    corners = np.array([[x, y, z] for x in (-half, half) for y in (-0.14, -0.3) for z in (low, high)])
    return _bag(canvas, body.pixels(corners), body, 0.03) if np.cos(body.yaw) < 0.35 else None


def carried(canvas: Canvas, body: Stance, side: str, kind: str) -> npt.NDArray[np.float32] | None:
    """A handbag below the hand, or a suitcase on the ground beside it; its box xyxy px."""
    rng, hand = canvas.rng, body.joints[f"hand_{side}"]
    out = np.sign(hand[0]) * 0.06
    if kind == "case":
        half, deep, low, high = rng.uniform(0.17, 0.25), rng.uniform(0.08, 0.14), 0.04, rng.uniform(0.5, 0.75)
        middle = np.array([hand[0] + 2 * out, hand[1] - 0.1, 0])
        handle = body.pixels(np.array([hand, [*middle[:2], high]]))
        canvas.part(handle, np.array([1.5, 1.5]), np.array([60.0, 60, 62]), 0)
    else:
        half, deep, high = rng.uniform(0.1, 0.2), rng.uniform(0.05, 0.1), hand[2] - rng.uniform(0.05, 0.15)
        low, middle = high - rng.uniform(0.18, 0.34), np.array([hand[0] + out, hand[1], 0])
        canvas.part(
            body.pixels(np.array([hand, [*middle[:2], high]])),
            np.array([2.0, 4.0]),
            np.array([70.0, 60, 60]),
            0,
        )
    corners = (
        np.array([[x, y, z] for x in (-deep, deep) for y in (-half, half) for z in (low, high)]) + middle
    )
    return _bag(canvas, body.pixels(corners), body, 0.025)


def _bag(canvas: Canvas, corners: Floats, body: Stance, round_m: float) -> npt.NDArray[np.float32]:
    colour = _cloth(canvas.rng, 0.45)
    canvas.part(corners, np.full(len(corners), round_m * PX_PER_M * body.height), colour)
    middle = corners.mean(0)
    pocket = middle + (corners - middle) * 0.55 + [0, 0.06 * PX_PER_M]
    canvas.part(pocket, np.full(len(corners), 1.0), colour * canvas.rng.uniform(0.7, 1.25))
    grow = round_m * PX_PER_M * body.height
    return np.array([*(corners.min(0) - grow), *(corners.max(0) + grow)], np.float32)


def _finish(
    canvas: Canvas, bags: list[npt.NDArray[np.float32]]
) -> tuple[Bgr, list[tuple[str, npt.NDArray[np.float32]]]]:
    bgr = cv2.GaussianBlur(np.clip(canvas.bgr, 0, 255), (0, 0), 0.6)
    bgr = np.clip(bgr + canvas.rng.normal(0, 4, bgr.shape), 0, 255)
    ys, xs = np.nonzero(canvas.alpha > 0.5)
    box = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], np.float32)
    picture = np.dstack([bgr, canvas.alpha * 255]).astype(np.uint8)
    return picture, [("person", box), *(("bag", np.clip(bag, 0, [WIDE_PX, TALL_PX] * 2)) for bag in bags)]

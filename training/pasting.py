"""Sets cut-outs into pictures: crowds and single people, vehicles, nearer ones over farther ones."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from waysight.triton_models.vision.objects import OBJECT_LABELS

Bgr = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Labelled = tuple[Bgr, Boxes, Labels]
PERSON = OBJECT_LABELS.index("person")
# Heights beside a person's.
TALL = {"person": 1.0, "bicycle": 1.0, "motorcycle": 0.95, "car": 0.9, "bus": 1.7, "truck": 1.55}
HIDDEN, HALF_HIDDEN, COVERED = 0.2, 0.42, 0.5
POST = 255  # owner of what has no box of its own
LEAST_TALL_PX, LEAST_SHARP_PX = 9, 40
REAL_GROUPS = ("moving", "labelled")


@dataclass(frozen=True)
class Cutout:
    """BGRA uint8 (h, w, 4), classes and boxes xyxy px of what it shows (the main thing first), and a weight."""

    bgra: Bgr
    labels: npt.NDArray[np.int64]
    boxes: Boxes
    weight: float


class Pool:
    """Cut-outs of people and of vehicles, drawn by group and weight."""

    def __init__(self, groups: dict[str, list[Cutout]]) -> None:
        self.people, self.vehicles = [], []
        for name, things in groups.items():
            for kind, chosen in ((self.people, True), (self.vehicles, False)):
                part = [
                    t for t in things if (t.labels[0] == PERSON) == chosen and len(t.bgra) >= LEAST_SHARP_PX
                ]
                if part:
                    weights = np.cumsum([_weight(t) for t in part])
                    kind.append((name in REAL_GROUPS, part, weights / weights[-1]))

    def draw(self, rng: np.random.Generator, people: bool) -> tuple[bool, Cutout] | None:
        """Whether it is real, and the cut-out; None when there are none of the kind."""
        groups = self.people if people else self.vehicles
        if not groups:
            return None
        # Of real people there are few: too often seen, they would be learnt by heart.
        shares = np.array([0.4 if real and people else 1.0 for real, _, _ in groups])
        real, things, weights = groups[int(rng.choice(len(groups), p=shares / shares.sum()))]
        return real, things[int(np.searchsorted(weights, rng.random()))]


def _weight(thing: Cutout) -> float:
    # Cars are everywhere already; the rest has few real pictures.
    return thing.weight * (0.25 if OBJECT_LABELS[thing.labels[0]] == "car" else 1.0)


def paste(rng: np.random.Generator, scene: Labelled, pool: Pool) -> Labelled:
    """A copy of a labelled picture with people or vehicles set in, as seen by one camera."""
    image, boxes, labels = scene[0].copy(), scene[1], scene[2]
    if not pool.people and not pool.vehicles:
        return image, boxes, labels
    height, width = image.shape[:2]
    horizon = height * rng.uniform(-0.35, 0.55)
    crowded = rng.random() < 0.5
    largest = 90 if crowded and rng.random() < 0.5 else 330
    nearest = float(np.exp(rng.uniform(np.log(20), np.log(largest))))
    count = int(rng.integers(7, 28)) if crowded else int(rng.integers(1, 6))
    share_people = float(rng.choice([1.0, 0.8, 0.3], p=[0.5, 0.3, 0.2]))
    feet = np.sort(horizon + (rng.uniform(0.03, 1.3, count) ** (0.8 if crowded else 1)) * (height - horizon))
    middles = rng.uniform(0, width, 3)
    owner = np.zeros((height, width), np.uint8)
    placed: list[tuple[Boxes, Labels, int]] = []
    for _ in range(int(rng.choice([0, 1, 3, 6], p=[0.4, 0.2, 0.2, 0.2]))):
        _set_post(rng, image, owner)
    for foot in feet:
        drawn = pool.draw(rng, bool(rng.random() < share_people))
        if drawn is None:
            continue
        near_middle = crowded and rng.random() < 0.6
        x = float(rng.normal(rng.choice(middles), width / 10) if near_middle else rng.uniform(0, width))
        tall = (
            nearest * (foot - horizon) / (height - horizon) * TALL.get(OBJECT_LABELS[drawn[1].labels[0]], 1)
        )
        tall *= float(np.exp(rng.normal(0, 0.09)))
        if tall >= LEAST_TALL_PX:
            placed.append(_set(rng, image, owner, drawn, (x, float(foot), tall), len(placed) + 1))
    kept = boxes, np.where(_covered(boxes, owner) > COVERED, -1, labels)
    parts = [kept] + [_seen(owner, entry, number + 1) for number, entry in enumerate(placed)]
    return image, np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def _set_post(rng: np.random.Generator, image: Bgr, owner: Bgr) -> None:
    """Something upright that is no person: a piece of the picture itself, on a post perhaps."""
    height, width = image.shape[:2]
    tall = int(np.exp(rng.uniform(np.log(12), np.log(120))))
    wide = max(4, int(tall * rng.uniform(0.2, 0.7)))
    if tall >= height or wide >= width:
        return
    (x, y), (u, v) = ((int(rng.integers(width - wide)), int(rng.integers(height - tall))) for _ in range(2))
    piece = image[v : v + tall, u : u + wide].astype(np.float32)
    mask = np.zeros((tall, wide), np.uint8)
    board = int(tall * rng.uniform(0.4, 1.0))
    cv2.rectangle(mask, (0, 0), (wide - 1, board - 1), 255, -1)
    cv2.rectangle(mask, (int(wide * 0.4), 0), (int(wide * 0.6), tall), 255, -1)
    if rng.random() < 0.4:
        mask[:] = 0
        cv2.ellipse(mask, (wide // 2, tall // 2), (wide // 2, tall // 2), 0, 0, 360, 255, -1)
    tint = rng.uniform(0.4, 1.3, 3) * (1.0 if rng.random() < 0.5 else rng.uniform(0.2, 0.8))
    if rng.random() < 0.4:
        piece[:] = piece.mean((0, 1))
    region = image[y : y + tall, x : x + wide]
    share = cv2.GaussianBlur(mask, (0, 0), 0.7)[..., None].astype(np.float32) / 255
    region[:] = (region * (1 - share) + np.clip(piece * tint, 0, 255) * share).astype(np.uint8)
    owner[y : y + tall, x : x + wide][mask > 0] = POST


def _set(
    rng: np.random.Generator,
    image: Bgr,
    owner: Bgr,
    drawn: tuple[bool, Cutout],
    place: tuple[float, float, float],
    number: int,
) -> tuple[Boxes, Labels, int]:
    """Blends one cut-out in, its foot at x, y and so tall (px); returns boxes, classes and its pixels inside."""
    real, thing = drawn
    x, foot, tall = place
    scale = tall / thing.bgra.shape[0]
    wide = scale * float(rng.uniform(0.9, 1.12))
    size = (max(3, round(thing.bgra.shape[1] * wide)), max(3, round(tall)))
    small = cv2.resize(thing.bgra, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    boxes = thing.boxes * np.array(
        [size[0] / thing.bgra.shape[1], size[1] / thing.bgra.shape[0]] * 2, np.float32
    )
    if rng.random() < 0.5:
        small = small[:, ::-1]
        boxes = boxes[:, [2, 1, 0, 3]] * np.array([-1, 1, -1, 1], np.float32) + np.array(
            [size[0], 0] * 2, np.float32
        )
    left, top = round(x - size[0] / 2), round(foot - size[1])
    x0, y0 = max(0, left), max(0, top)
    if x0 >= min(image.shape[1], left + size[0]) or y0 >= min(image.shape[0], top + size[1]):
        return boxes[:0], thing.labels[:0], 0
    part = small[y0 - top : image.shape[0] - top, x0 - left : image.shape[1] - left]
    region = image[y0 : y0 + part.shape[0], x0 : x0 + part.shape[1]]
    share = part[..., 3:].astype(np.float32) / 255
    region[:] = (region * (1 - share) + _dressed(rng, part[..., :3], region, real) * share).astype(np.uint8)
    mask = part[..., 3] > 127
    owner[y0 : y0 + part.shape[0], x0 : x0 + part.shape[1]][mask] = number
    return boxes + np.array([left, top, left, top], np.float32), thing.labels, int(mask.sum())


def _dressed(rng: np.random.Generator, part: Bgr, ground: Bgr, real: bool) -> npt.NDArray[np.float32]:
    """The cut-out's colours in the light of the place, other clothes on real people."""
    if real and rng.random() < 0.7:
        hsv = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_BGR2HSV).astype(np.float32)
        lift = np.zeros((part.shape[0], 1, 3), np.float32)
        cut = int(rng.uniform(0.35, 0.6) * part.shape[0])
        for rows in (slice(0, cut), slice(cut, None)):
            lift[rows, 0] = (
                rng.uniform(0, 180),
                rng.choice([0, 70]) * rng.random(),
                rng.choice([0, 90]) * rng.random(),
            )
        lift[: round(0.13 * part.shape[0])] *= 0.2
        hsv += lift
        hsv[..., 0] %= 180
        part = cv2.cvtColor(np.clip(hsv, 0, 255).astype(np.uint8), cv2.COLOR_HSV2BGR)
    light = float(np.clip((ground[::3, ::3].mean() + 60) / 180, 0.35, 1.25)) * float(rng.uniform(0.75, 1.25))
    haze = float(rng.uniform(0, 0.25)) * ground[::3, ::3].mean((0, 1))
    result = part.astype(np.float32) * light * (1 - rng.uniform(0, 0.2)) + haze
    if rng.random() < 0.3:
        result = cv2.GaussianBlur(result, (0, 0), float(rng.uniform(0.4, 0.9)))
    return np.asarray(np.clip(result, 0, 255), np.float32)


def _seen(owner: Bgr, entry: tuple[Boxes, Labels, int], number: int) -> tuple[Boxes, Labels]:
    """A cut-out's boxes; those mostly behind others are to be ignored, those quite hidden are left out."""
    boxes, labels, pixels = entry
    share = float((owner == number).sum()) / max(1, pixels)
    if share < HIDDEN:
        return boxes[:0], labels[:0]
    return boxes, np.full_like(labels, -1) if share < HALF_HIDDEN else labels


def _covered(boxes: Boxes, owner: Bgr) -> npt.NDArray[np.float32]:
    result = np.zeros(len(boxes), np.float32)
    for index, (x0, y0, x1, y1) in enumerate(boxes.astype(int)):
        inside = owner[max(0, y0) : y1, max(0, x0) : x1]
        result[index] = (inside > 0).mean() if inside.size else 0
    return result

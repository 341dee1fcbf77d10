"""Number plates in crops of vehicles: one pass over each crop, then a closer look at each find."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from .boxes import Bgr, Floats, Placement, grown, place, sigmoid, suppress, to_batch

Network = Callable[[Floats], Floats]
Region = tuple[int, tuple[float, float, float, float]]
STRIDE = 8
CROP_PX, LARGE_CROP_PX, WHOLE_PX, CLOSE_PX = (208, 176), (288, 240), (512, 320), (128, 96)
LARGE_FROM_PX = 300
CLOSE_PLATE_PX, CLOSE_PLATE_HIGH_PX = 88, 64
FIRST_SCORE, SCORE, OVERLAP = 0.25, 0.4, 0.3


@dataclass(frozen=True, slots=True)
class PlateBox:
    """A plate's place: which region it was found for, box xyxy in picture pixels, score 0..1."""

    region: int
    box: tuple[float, float, float, float]
    score: float


@lru_cache(maxsize=8)
def cells(rows: int, columns: int) -> Floats:
    """Centres x, y of the map's cells, float32 (rows * columns, 2)."""
    ys, xs = np.mgrid[0:rows, 0:columns]
    return (np.stack([xs, ys], -1).reshape(-1, 2) * STRIDE + STRIDE / 2).astype(np.float32)


def boxes_of(output: Floats, score: float) -> tuple[Floats, Floats]:
    """Boxes (n, 4) in input pixels and scores (n,) of one map (5, rows, columns), suppressed, best first."""
    flat = output.reshape(5, -1)
    chosen = np.nonzero(flat[0] > np.log(score / (1 - score)))[0]
    centre, edges = cells(*output.shape[1:])[chosen], flat[1:, chosen].T
    boxes, scores = np.hstack([centre - edges[:, :2], centre + edges[:, 2:]]), sigmoid(flat[0, chosen])
    kept = suppress(boxes, scores, OVERLAP)
    return boxes[kept], scores[kept]


def find_plates(
    network: Network,
    pictures: Sequence[Bgr],
    regions: Sequence[Region],
    size: tuple[int, int] | None = None,
    most: int = 2,
) -> list[PlateBox]:
    """Plates in regions (picture index, xyxy), at most `most` a region; boxes refined by a second pass.

    `size` is the first pass's input (w, h); without it, crops wider than 300 px get a larger input.
    """
    if not regions:
        return []
    first: dict[int, tuple[Floats, npt.NDArray[np.float32]]] = {}
    sizes = [size or (LARGE_CROP_PX if x1 - x0 > LARGE_FROM_PX else CROP_PX) for _, (x0, _, x1, _) in regions]
    for chosen in set(sizes):
        members = [k for k, one in enumerate(sizes) if one == chosen]
        outputs = _pass(network, pictures, [regions[k] for k in members], chosen, FIRST_SCORE)
        first |= dict(zip(members, outputs, strict=True))
    hits = [(k, box) for k in range(len(regions)) for box in first[k][0][:most]]
    closer = [(regions[k][0], _closer(box)) for k, box in hits]
    found: list[PlateBox] = []
    for (k, rough), (boxes, scores) in zip(
        hits, _pass(network, pictures, closer, CLOSE_PX, SCORE) if hits else (), strict=True
    ):
        if len(boxes):
            middle = (rough[:2] + rough[2:]) / 2
            nearest = int(np.abs((boxes[:, :2] + boxes[:, 2:]) / 2 - middle).sum(1).argmin())
            found.append(PlateBox(k, tuple(float(v) for v in boxes[nearest]), float(scores[nearest])))  # type: ignore[arg-type]
    return _without_doubles(found, [region[0] for region in regions])


def _pass(
    network: Network, pictures: Sequence[Bgr], regions: Sequence[Region], size: tuple[int, int], score: float
) -> list[tuple[Floats, npt.NDArray[np.float32]]]:
    placed: list[tuple[Bgr, Placement]] = [place(pictures[index], box, size) for index, box in regions]
    maps = network(to_batch([canvas for canvas, _ in placed]))
    results = []
    for output, (_, placement) in zip(maps, placed, strict=True):
        boxes, scores = boxes_of(output, score)
        results.append((placement.to_picture(boxes), scores))
    return results


def _closer(box: Floats) -> tuple[float, float, float, float]:
    """The region in which the plate would be 88 px wide (or 64 px high) on the second pass's input."""
    scale = min(
        CLOSE_PLATE_PX / max(1.0, float(box[2] - box[0])),
        CLOSE_PLATE_HIGH_PX / max(1.0, float(box[3] - box[1])),
    )
    middle = (box[:2] + box[2:]) / 2
    half = np.array(CLOSE_PX, np.float32) / scale / 2
    return grown(np.concatenate([middle - half, middle + half]), 0, 0)


def _without_doubles(found: list[PlateBox], picture_of: list[int]) -> list[PlateBox]:
    if len(found) < 2:
        return found
    # Boxes of different pictures are set apart so that one suppression serves all of them.
    shift = np.array([picture_of[plate.region] * 1e5 for plate in found], np.float32)[:, None]
    boxes = np.array([plate.box for plate in found], np.float32) + shift
    return [
        found[k] for k in suppress(boxes, np.array([plate.score for plate in found], np.float32), OVERLAP)
    ]

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
CROP_PX, LARGE_CROP_PX, WHOLE_PX, CLOSE_PX = (176, 144), (288, 240), (512, 320), (128, 96)
# Closer looks at a region: input, from which width on, and below which score of what was found so far.
CLOSER_LOOKS = ((LARGE_CROP_PX, 240, 0.6), (WHOLE_PX, 560, 0.5))
CLOSE_PLATE_PX, CLOSE_PLATE_HIGH_PX = 88, 64
FIRST_SCORE, SCORE, OVERLAP = 0.2, 0.3, 0.3
# Of a region's finds those with this share of the best one's score are looked at closely, and then kept.
RELATIVE, RELATIVE_CLOSE = 0.4, 0.5
WITHIN, TIMES_WIDER = 0.75, 2.5


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


def distinct_regions(regions: Sequence[Region]) -> list[int]:
    """Indices of the regions worth searching: not those that lie in another one not much wider."""
    kept: list[int] = []
    for k in sorted(range(len(regions)), key=lambda k: -_area(regions[k][1])):
        picture, box = regions[k]
        inside = (
            regions[other][0] == picture
            and _shared(box, regions[other][1]) >= WITHIN * _area(box)
            and regions[other][1][2] - regions[other][1][0] <= TIMES_WIDER * (box[2] - box[0])
            for other in kept
        )
        if not any(inside):
            kept.append(k)
    return sorted(kept)


def _area(box: Sequence[float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _shared(one: Sequence[float], other: Sequence[float]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    return max(0.0, width) * max(0.0, min(one[3], other[3]) - max(one[1], other[1]))


def find_plates(
    network: Network,
    pictures: Sequence[Bgr],
    regions: Sequence[Region],
    size: tuple[int, int] | None = None,
    most: int = 2,
) -> list[PlateBox]:
    """Plates in regions (picture index, xyxy), at most `most` a region; boxes refined by a second pass.

    `size` is the first pass's input (w, h); without it, a small one, and larger ones for wide regions in which
    the smaller show no plate for certain.
    """
    if not regions:
        return []
    first = _pass(network, pictures, regions, size or CROP_PX, FIRST_SCORE)
    for large, from_px, content in () if size else CLOSER_LOOKS:
        again = [
            k
            for k, (_, (x0, _, x1, _)) in enumerate(regions)
            if x1 - x0 > from_px and max(first[k][1], default=0.0) < content
        ]
        if again:
            outputs = _pass(network, pictures, [regions[k] for k in again], large, FIRST_SCORE)
            for k, output in zip(again, outputs, strict=True):
                first[k] = output if len(output[1]) else first[k]
    rough = [
        PlateBox(k, tuple(float(v) for v in box), float(score))  # type: ignore[arg-type]
        for k, (boxes, scores) in enumerate(first)
        for box, score in list(zip(boxes, scores, strict=True))[:most]
        if score >= RELATIVE * scores[0]
    ]
    hits = without_doubles(rough, [region[0] for region in regions])
    closer = [(regions[hit.region][0], _closer(np.array(hit.box, np.float32))) for hit in hits]
    found: list[PlateBox] = []
    for hit, (boxes, scores) in zip(
        hits, _pass(network, pictures, closer, CLOSE_PX, SCORE) if hits else (), strict=True
    ):
        if len(boxes):
            middle = (np.array(hit.box[:2]) + np.array(hit.box[2:])) / 2
            nearest = int(np.abs((boxes[:, :2] + boxes[:, 2:]) / 2 - middle).sum(1).argmin())
            x0, y0, x1, y1 = (float(v) for v in boxes[nearest])
            found.append(PlateBox(hit.region, (x0, y0, x1, y1), float(scores[nearest])))
    best: dict[int, float] = {}
    for plate in found:
        best[plate.region] = max(best.get(plate.region, 0.0), plate.score)
    found = [plate for plate in found if plate.score >= RELATIVE_CLOSE * best[plate.region]]
    return without_doubles(found, [region[0] for region in regions])


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


def without_doubles(found: list[PlateBox], picture_of: Sequence[int]) -> list[PlateBox]:
    """Of boxes that overlap on one picture the best; `picture_of` tells each region's picture."""
    if len(found) < 2:
        return found
    # Boxes of different pictures are set apart so that one suppression serves all of them.
    shift = np.array([picture_of[plate.region] * 1e5 for plate in found], np.float32)[:, None]
    boxes = np.array([plate.box for plate in found], np.float32) + shift
    return [
        found[k] for k in suppress(boxes, np.array([plate.score for plate in found], np.float32), OVERLAP)
    ]

"""Any YOLOX as the detector: letterboxed BGR 0..255 in, rows of box, objectness and classes out.

Source: Ge et al., "YOLOX: Exceeding YOLO Series in 2021", arXiv:2107.08430 (heads of strides 8, 16, 32;
anchor-free; score = objectness x class).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from .boxes import Bgr, Floats, place
from .objects import OVERLAP, Found, distinct

STRIDES = {False: (8, 16, 32), True: (8, 16, 32, 64)}  # without and with the P6 head
# Of COCO's 80 classes those that are ours: backpack, handbag and suitcase are bags.
_COCO = {
    0: "person",
    1: "bicycle",
    2: "car",
    3: "motorcycle",
    5: "bus",
    7: "truck",
    24: "bag",
    26: "bag",
    28: "bag",
}
COCO = tuple(_COCO.get(index, "") for index in range(80))
SCORE = 0.3


@lru_cache(maxsize=4)
def grid(width: int, height: int, rows: int) -> Floats:
    """Cell x, cell y, stride of each row, float32 (rows, 3); raises ValueError when the input has other cells."""
    for strides in STRIDES.values():
        if sum((width // s) * (height // s) for s in strides) != rows:
            continue
        parts = []
        for stride in strides:
            ys, xs = np.mgrid[0 : height // stride, 0 : width // stride]
            parts.append(np.stack([xs, ys, np.full_like(xs, stride)], -1).reshape(-1, 3))
        return np.concatenate(parts).astype(np.float32)
    raise ValueError(
        f"{rows} rows do not fit an input of {width}x{height} px with strides 8, 16, 32: no YOLOX head"
    )


def is_decoded(rows: Floats, width: int, height: int) -> bool:
    """Whether rows (n, 5 + classes) hold boxes in input pixels already, not offsets within their cells."""
    cells = grid(width, height, len(rows))
    stride = cells[:, 2:]
    as_pixels = np.abs(rows[:, :2] / stride - cells[:, :2]).mean()
    as_offsets = np.abs(rows[:, :2]).mean()
    return bool(as_pixels < as_offsets)


def decoded(rows: Floats, width: int, height: int) -> Floats:
    """Boxes cx, cy, w, h (n, 4) in input pixels from the heads' raw rows."""
    cells = grid(width, height, len(rows))
    stride = cells[:, 2:]
    # A width past the input means nothing, and exp of a huge one would overflow.
    sides = np.exp(np.minimum(rows[:, 2:4], 8.0)) * stride
    return np.hstack([(rows[:, :2] + cells[:, :2]) * stride, sides]).astype(np.float32)


class YoloxDetector:
    """A YOLOX network, its rows (n, 5 + classes) turned into our objects.

    `labels` names our label for each of its classes, "" for those that are of no interest; `size_px` is the
    input's width and height; `in_pixels` says that boxes come decoded.
    """

    def __init__(
        self,
        network: Callable[[Floats], Floats],
        size_px: tuple[int, int],
        labels: Sequence[str] = COCO,
        score: float = SCORE,
        overlap: float = OVERLAP,
        in_pixels: bool = False,
    ) -> None:
        self._network, self._size, self._in_pixels = network, size_px, in_pixels
        self._score, self._overlap = score, overlap
        self._columns = [index for index, label in enumerate(labels) if label]
        self._labels = [labels[index] for index in self._columns]

    def __call__(self, pictures: Sequence[Bgr], least: float | None = None) -> list[list[Found]]:
        """Objects per picture, best first; all pictures go through the network as one batch."""
        placed = [place(p, (0, 0, p.shape[1], p.shape[0]), self._size) for p in pictures]
        batch = np.stack([canvas for canvas, _ in placed]).transpose(0, 3, 1, 2)
        outputs = self._network(np.ascontiguousarray(batch, np.float32))
        found = []
        for rows, (_, placement), picture in zip(outputs, placed, pictures, strict=True):
            labels, scores, boxes, sure = self._objects(rows, self._score if least is None else least)
            height, width = picture.shape[:2]
            boxes = placement.to_picture(boxes)
            found.append(distinct(labels, scores, boxes, width, height, self._overlap, sure))
        return found

    def _objects(self, rows: Floats, least: float) -> tuple[list[str], Floats, Floats, Floats]:
        chances = rows[:, 5:][:, self._columns]
        best: npt.NDArray[np.intp] = chances.argmax(1)
        scores = rows[:, 4] * chances[np.arange(len(rows)), best]
        chosen = np.nonzero(scores >= least)[0]
        boxes = rows[:, :4] if self._in_pixels else decoded(rows, *self._size)
        middle, half = boxes[chosen, :2], boxes[chosen, 2:4] / 2
        corners = np.hstack([middle - half, middle + half]).astype(np.float32)
        # Each class has its own sigmoid: what the label is worth is its share among ours.
        share = chances.max(1)[chosen] / np.maximum(chances[chosen].sum(1), 1e-6)
        return [self._labels[k] for k in best[chosen]], scores[chosen], corners, share

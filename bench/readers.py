"""What a user would install instead, as workers in Triton's environment: see `waysight.triton_models.vision.worker`.

python bench/readers.py rapidocr: text detection, then recognition, on the whole picture (its defaults, one thread).
python bench/readers.py chain Y5FU.onnx: HyperLPR's plate detector, then rapidocr's recogniser on each box, as the
package fast-alpr chains a detector and a reader. Answers are rows text, score, x1, y1, x2, y2 (pixels).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rapidocr import RapidOCR
from vision.boxes import Bgr, Floats, place, suppress
from vision.sessions import open_network
from vision.worker import serve

SIDE_PX, SCORE, OVERLAP = 640, 0.3, 0.5
ONE_THREAD = {
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    "Global.log_level": "error",
}
Rows = list[list[Any]]


def rapidocr() -> Callable[[Bgr], Rows]:
    """Every text on a picture."""
    engine = RapidOCR(params=ONE_THREAD)

    def read(picture: Bgr) -> Rows:
        found = engine(picture)
        if found.txts is None or found.boxes is None:
            return []
        corners = [np.asarray(quad) for quad in found.boxes]
        boxes = [[*map(float, quad.min(0)), *map(float, quad.max(0))] for quad in corners]
        return [[text, float(s), *box] for text, s, box in zip(found.txts, found.scores, boxes, strict=True)]

    return read


def chain(weights: Path) -> Callable[[Bgr], Rows]:
    """The text of every plate that the detector finds."""
    network, engine = open_network(weights), RapidOCR(params=ONE_THREAD)

    def read(picture: Bgr) -> Rows:
        rows = []
        for box, score in zip(*plates(network, picture), strict=True):
            x1, y1, x2, y2 = (max(0, round(float(edge))) for edge in box)
            cut = picture[y1:y2, x1:x2]
            if min(cut.shape[:2]) < 4:
                continue
            found = engine(cut, use_det=False, use_cls=False, use_rec=True)
            if found.txts:
                rows.append([found.txts[0], float(found.scores[0] * score), x1, y1, x2, y2])
        return rows

    return read


def plates(network: Callable[[Floats], Floats], picture: Bgr) -> tuple[Floats, Floats]:
    """Boxes xyxy (n, 4) in pixels and scores (n,) of y5fu: rows of cx, cy, w, h, objectness, four corners, two classes."""
    canvas, placement = place(picture, (0, 0, picture.shape[1], picture.shape[0]), (SIDE_PX, SIDE_PX))
    batch = cv2.cvtColor(canvas, cv2.COLOR_BGR2RGB).transpose(2, 0, 1)[None].astype(np.float32) / np.float32(
        255
    )
    rows = network(np.ascontiguousarray(batch))[0]
    scores = rows[:, 4] * rows[:, 13:15].max(1)
    rows, scores = rows[scores >= SCORE], scores[scores >= SCORE]
    boxes = placement.to_picture(np.hstack([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2]))
    kept = suppress(boxes, scores, OVERLAP)
    return boxes[kept], scores[kept]


if __name__ == "__main__":
    serve(rapidocr if sys.argv[1] == "rapidocr" else lambda: chain(Path(sys.argv[2])))

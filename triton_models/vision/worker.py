"""A model in a process of its own, for comparisons: pictures in on stdin, one line of JSON out for each.

`python -m vision.worker YOLOX.onnx SCORE` serves a reference detector. A picture is its length (four bytes, big
endian), then its JPEG bytes; an answer is {"result": …}, or {"error": …} where the picture cannot be used.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from .boxes import Bgr
from .detectors import input_size
from .pictures import Unreadable, decode
from .sessions import open_network
from .yolox import YoloxDetector

LENGTH_BYTES = 4


def serve(prepare: Callable[[], Callable[[Bgr], Any]]) -> None:
    """Answer pictures until stdin ends; `prepare` gives the function of a decoded picture, BGR uint8 (h, w, 3)."""
    cv2.setNumThreads(1)
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints must not come between the answers
    work = prepare()
    print(json.dumps({"result": "ready"}), file=answers, flush=True)
    while len(head := sys.stdin.buffer.read(LENGTH_BYTES)) == LENGTH_BYTES:
        payload = sys.stdin.buffer.read(int.from_bytes(head))
        try:
            answer = {"result": work(decode(payload, "jpeg"))}
        except Unreadable as problem:
            answer = {"error": str(problem)}
        print(json.dumps(answer), file=answers, flush=True)


def detector(weights: Path, score: float) -> Callable[[Bgr], list[list[Any]]]:
    """A YOLOX as a function from a picture to rows label, score, x1, y1, x2, y2 (pixels)."""
    network = YoloxDetector(open_network(weights), input_size(weights, (0, 0)))
    return lambda picture: [[t.label, t.score, *t.box] for t in network([picture], score)[0]]


if __name__ == "__main__":
    serve(lambda: detector(Path(sys.argv[1]), float(sys.argv[2])))

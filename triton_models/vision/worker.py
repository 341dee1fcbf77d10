"""Models in a process of their own, for comparisons and simulations: requests on stdin, a line of JSON for each.

`python -m vision.worker detector YOLOX.onnx SCORE` serves a reference detector: requests are JPEGs.
`python -m vision.worker plates REPOSITORY` reads plates as `frame_analysis` does: requests are parcels of crops.
A request is its length (four bytes, big endian), then its bytes; an answer is {"result": …}, or {"error": …} where
the request cannot be used.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2

from .analysis import look_at_crops
from .boxes import Bgr
from .detectors import input_size
from .loading import open_networks
from .parcel import unpack
from .pictures import decode
from .sessions import large_reader_path, open_network, open_recogniser
from .yolox import YoloxDetector

LENGTH_BYTES = 4


def picture_in(payload: bytes) -> Bgr:
    """The decoded JPEG, BGR uint8 (h, w, 3); raises Unreadable, a ValueError."""
    return decode(payload, "jpeg")


def serve(prepare: Callable[[], Callable[[Any], Any]], unpacked: Callable[[bytes], Any] = picture_in) -> None:
    """Answer requests until stdin ends; `prepare` gives the function of what `unpacked` makes of a request."""
    cv2.setNumThreads(1)
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints must not come between the answers
    work = prepare()
    print(json.dumps({"result": "ready"}), file=answers, flush=True)
    while len(head := sys.stdin.buffer.read(LENGTH_BYTES)) == LENGTH_BYTES:
        payload = sys.stdin.buffer.read(int.from_bytes(head))
        try:
            answer = {"result": work(unpacked(payload))}
        except ValueError as problem:
            answer = {"error": str(problem)}
        print(json.dumps(answer), file=answers, flush=True)


def detector(weights: Path, score: float) -> Callable[[Bgr], list[list[Any]]]:
    """A YOLOX as a function from a picture to rows label, score, x1, y1, x2, y2 (pixels)."""
    network = YoloxDetector(open_network(weights), input_size(weights, (0, 0)))
    return lambda picture: [[t.label, t.score, *t.box] for t in network([picture], score)[0]]


def plates(repository: Path) -> Callable[[list[Bgr]], list[dict[str, Any] | None]]:
    """The production reading of crops that are one plate each: entries as in `frame_analysis`, None: nothing legible."""
    weights = large_reader_path()
    networks = open_networks(repository, open_recogniser(weights), weights)

    def read(crops: list[Bgr]) -> list[dict[str, Any] | None]:
        return [found[0] if found else None for _, found in look_at_crops(networks, crops)]

    return read


def main(words: Sequence[str]) -> None:
    """Serve what the words name."""
    if words[0] == "detector":
        serve(lambda: detector(Path(words[1]), float(words[2])))
    else:
        serve(lambda: plates(Path(words[1])), unpack)


if __name__ == "__main__":
    main(sys.argv[1:])

"""Reading plates: several views of each, one batch through the network, a vote over views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from .boxes import Bgr, Floats
from .ctc import alternatives, best_path, log_softmax, text_probabilities

Network = Callable[[Floats], Floats]
Grey = npt.NDArray[np.uint8]
WIDTH_PX, HEIGHT_PX = 128, 40
# Margins added left, top, right, bottom, as shares of the box's width and height.
VIEWS = ((0.03, 0.04, 0.03, 0.04), (0.0, 0.0, 0.0, 0.0), (0.08, 0.1, 0.08, 0.1), (0.1, 0.05, 0.02, 0.12))
TWO_LINE_SEAMS = (0.5, 0.46)
TWO_LINE_ASPECT = 2.6
SURE = 0.97
MIN_WIDTH_PX = 14.0


@dataclass(frozen=True, slots=True)
class Read:
    """A plate's text ("" when nothing is legible), its probability, and what else it may be.

    `confidences` holds one value per character, `candidates` up to five (text, probability), best first.
    """

    text: str
    confidence: float
    confidences: tuple[float, ...]
    candidates: tuple[tuple[str, float], ...]
    two_line: bool


NOTHING = Read("", 0.0, (), (), False)


def fit(crop: Grey) -> Grey:
    """A grey crop resized to the reader's input, uint8 (40, 128)."""
    method = cv2.INTER_AREA if crop.shape[1] > WIDTH_PX else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, (WIDTH_PX, HEIGHT_PX), interpolation=method), np.uint8)


def unfold(crop: Grey, seam: float) -> Grey:
    """A two-line plate as one line: the part below the seam is set to the right of the part above."""
    height, width = crop.shape
    half = max(4, round(height * 0.52))
    cut = round(height * seam)
    upper, lower = crop[max(0, cut - half) : max(4, cut + 1)], crop[min(height - 4, cut - 1) : cut + half]
    size = (max(8, width), max(6, half))
    return np.hstack([cv2.resize(upper, size), cv2.resize(lower, size)])


def cut(picture: Bgr, box: Sequence[float], margins: Sequence[float]) -> Grey:
    """The grey crop of a box with margins, at least 4 px a side, cut off at the picture's edge."""
    width, height = box[2] - box[0], box[3] - box[1]
    left = int(np.clip(round(box[0] - margins[0] * width), 0, picture.shape[1] - 4))
    top = int(np.clip(round(box[1] - margins[1] * height), 0, picture.shape[0] - 4))
    right = int(np.clip(round(box[2] + margins[2] * width), left + 4, picture.shape[1]))
    bottom = int(np.clip(round(box[3] + margins[3] * height), top + 4, picture.shape[0]))
    return np.asarray(cv2.cvtColor(picture[top:bottom, left:right], cv2.COLOR_BGR2GRAY), np.uint8)


def read_plates(network: Network, plates: Sequence[tuple[Bgr, Sequence[float]]]) -> list[Read]:
    """Reads plates given as (picture, box xyxy); two views first, the others for those not yet sure."""
    reads = [NOTHING] * len(plates)
    views: list[list[Floats]] = [[] for _ in plates]
    open_plates = [k for k, (_, box) in enumerate(plates) if box[2] - box[0] >= MIN_WIDTH_PX]
    for margins in (VIEWS[:2], VIEWS[2:]):
        crops: list[Grey] = []
        owners: list[tuple[int, bool]] = []
        for k in open_plates:
            picture, box = plates[k]
            for index, margin in enumerate(margins):
                grey = cut(picture, box, margin)
                crops.append(fit(grey))
                owners.append((k, False))
                if grey.shape[1] < TWO_LINE_ASPECT * grey.shape[0]:
                    crops.append(fit(unfold(grey, TWO_LINE_SEAMS[index])))
                    owners.append((k, True))
        if not crops:
            break
        log_p = log_softmax(network(np.stack(crops)[:, None].astype(np.float32) / np.float32(255)))
        for k in open_plates:
            single = [log_p[i] for i, owner in enumerate(owners) if owner == (k, False)]
            double = [log_p[i] for i, owner in enumerate(owners) if owner == (k, True)]
            views[k] = [*views[k], *single]
            reads[k] = _better(vote(views[k], False), vote(double, True)) if double else vote(views[k], False)
        open_plates = [k for k in open_plates if reads[k].confidence < SURE]
    return reads


def _better(one: Read, other: Read) -> Read:
    """The more probable of two readings; a view that shows nothing legible says nothing against the other."""
    if bool(one.text) != bool(other.text):
        return one if one.text else other
    return max(one, other, key=lambda read: read.confidence)


def vote(views: Sequence[Floats], two_line: bool) -> Read:
    """One reading from log probabilities (steps, 37) of several views: the text most probable on average."""
    texts = list(dict.fromkeys(text for view in views for text in alternatives(view)))
    scores = text_probabilities(np.stack(views), texts).mean(0)
    order = np.argsort(-scores, kind="stable")
    text = texts[int(order[0])]
    confidences: tuple[float, ...] = ()
    for view in sorted(views, key=lambda view: -float(view.max(1).sum())):
        path, characters, _ = best_path(view)
        if path == text:
            confidences = tuple(round(c, 4) for c in characters)
            break
    else:
        confidences = tuple([round(float(scores[order[0]]), 4)] * len(text))
    candidates = tuple(
        (texts[int(k)], round(min(1.0, float(scores[k])), 4)) for k in order[:5] if texts[int(k)]
    )
    return Read(text, round(min(1.0, float(scores[order[0]])), 4), confidences, candidates, two_line)

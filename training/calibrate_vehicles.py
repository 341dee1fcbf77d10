"""Fits what the detector's logits are worth: `python -m training.calibrate_vehicles`, after each training.

SLOPE and OFFSET give the chance that a box is an object, LABEL_SLOPE the chance that its label is right
(Guo et al., "On Calibration of Modern Neural Networks", arXiv:1706.04599). Fitted on pictures that training
never saw: fresh scenes, fresh pictures with cut-outs set in, and the photographs of the half that may be tuned
on, where the public teacher stands for the truth. Prints the three numbers for `vision/vehicles.py`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from waysight.triton_models.vision.boxes import Bgr, Floats, overlap, place, suppress, to_batch
from waysight.triton_models.vision.objects import OVERLAP
from waysight.triton_models.vision.sessions import open_network
from waysight.triton_models.vision.vehicles import INPUT_PX, LABELS, cells

from training.evaluate_vehicles import fresh_scenes
from training.loop import CACHE
from training.teacher import PERSON, open_teacher
from training.traffic import overhead_pictures, real_pictures
from training.traffic_patches import HEIGHT_PX, WIDTH_PX, Library, view

Labels = npt.NDArray[np.int64]
Case = tuple[Bgr, Floats, Labels]
LEAST_LOGIT, SURE, HIT = -2.0, 0.4, 0.5
SCENES, COMPOSED, SEED = 40, 80, 1234


def photographs(data: Path) -> Iterator[Case]:
    """Every fourth photograph by name (of the half that may be tuned on), labelled by the teacher; its doubts are -1."""
    teacher = open_teacher(data)
    for folder in ("eu", "us", "br"):
        for path in sorted((data / "plates" / folder).glob("*.jp*g"))[::4]:
            image = np.asarray(cv2.imread(str(path)), np.uint8)
            rows = teacher(image, 0.1)
            yield image, rows[:, :4], np.where(rows[:, 4] >= SURE, rows[:, 5], -1).astype(np.int64)


def scenes() -> Iterator[Case]:
    """Simulated scenes of a seed that training does not use."""
    for image, truth in zip(*fresh_scenes(SCENES), strict=True):
        boxes = np.array([box for _, box in truth], np.float32).reshape(-1, 4)
        yield image, boxes, np.array([LABELS.index(label) for label, _ in truth], np.int64)


def composed(data: Path, cache: Path) -> Iterator[Case]:
    """Views of training pictures with people and vehicles newly set in."""
    from training.cutouts import cutouts
    from training.pasting import Pool, paste

    rng = np.random.default_rng(SEED)
    real = [picture.small() for picture in [*real_pictures(data, cache), *overhead_pictures(data, cache)]]
    library, pool = Library([(1.0, real)]), Pool(cutouts(data, cache, []))
    for _ in range(COMPOSED):
        image, boxes, labels = paste(rng, view(rng, library, (WIDTH_PX, HEIGHT_PX), (0.9, 2.5)), pool)
        yield image, np.clip(boxes, 0, [WIDTH_PX, HEIGHT_PX] * 2).astype(np.float32), labels


def answers(network: Callable[[Floats], Floats], image: Bgr) -> tuple[Floats, Floats]:
    """Boxes xyxy px (n, 4) and class logits (n, classes) after suppression, best first."""
    canvas, placement = place(image, (0, 0, image.shape[1], image.shape[0]), INPUT_PX)
    rows = network(to_batch([canvas]))[0]
    best = rows[:, :-4].max(1)
    chosen = np.nonzero(best > LEAST_LOGIT)[0]
    centre, edges, marks = cells(*INPUT_PX)[chosen], rows[chosen, -4:], rows[chosen, :-4]
    boxes = placement.to_picture(np.hstack([centre - edges[:, :2], centre + edges[:, 2:]]))
    apart = (marks.argmax(1) == PERSON)[:, None] * np.float32(1e5)
    kept = suppress(boxes + apart, best[chosen], OVERLAP)
    return boxes[kept], marks[kept]


def judged(boxes: Floats, marks: Floats, truth: Floats, labels: Labels) -> Iterator[tuple[bool, Floats, int]]:
    """Per answer: whether it is an object, its logits, the true class (-1 unknown); doubtful ones left out."""
    taken: set[int] = set()
    for box, mark in zip(boxes, marks, strict=True):
        shares = overlap(box, truth) if len(truth) else np.zeros(0, np.float32)
        if len(shares) and (shares[labels < 0] > 0.3).any():
            continue
        shares[labels < 0] = 0
        shares[list(taken)] = 0
        best = int(shares.argmax()) if len(shares) else -1
        hit = best >= 0 and bool(shares[best] >= HIT)
        taken |= {best} if hit else set()
        yield hit, mark, int(labels[best]) if hit else -1


def logistic(x: Floats, y: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset of the odds, by Newton's method."""
    design, weights = np.stack([x, np.ones_like(x)], 1).astype(float), np.zeros(2)
    for _ in range(30):
        chance = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        curvature = design.T @ (design * (chance * (1 - chance))[:, None]) + 1e-3 * np.eye(2)
        weights += np.linalg.solve(curvature, design.T @ (y - chance))
    return float(weights[0]), float(weights[1])


def label_slope(marks: Floats, labels: Labels) -> float:
    """The factor on the logits under which the true labels are likeliest."""
    factors = np.geomspace(0.2, 8, 60)
    rows = marks - marks.max(1, keepdims=True)
    likely = [
        (f * rows[np.arange(len(rows)), labels] - np.log(np.exp(f * rows).sum(1))).mean() for f in factors
    ]
    return float(factors[int(np.argmax(likely))])


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit the confidences of the vehicle detector.")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--model", type=Path, default=Path("triton_models/vehicle_detector/1/model.onnx"))
    options = parser.parse_args()
    network = open_network(options.model)
    hits, logits, classes = [], [], []
    groups = {
        "scenes": scenes(),
        "composed": composed(options.data, options.cache),
        "photographs": photographs(options.data),
    }
    for name, cases in groups.items():
        before = len(hits)
        for image, truth, labels in cases:
            for hit, mark, label in judged(*answers(network, image), truth, labels):
                hits.append(hit)
                logits.append(mark)
                classes.append(label)
        print(f"{name}: {sum(hits[before:])} objects among {len(hits) - before} answers", flush=True)
    marks, found, truth_of = np.array(logits), np.array(hits), np.array(classes)
    slope, offset = logistic(marks.max(1), found)
    known = truth_of >= 0
    factor = label_slope(marks[known], truth_of[known])
    right = (marks[known].argmax(1) == truth_of[known]).mean()
    print(f"SLOPE, OFFSET = {slope:.2f}, {offset:.2f}")
    print(f"LABEL_SLOPE = {factor:.2f}  # {right:.3f} of labels right")


if __name__ == "__main__":
    main()

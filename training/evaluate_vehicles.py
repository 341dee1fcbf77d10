"""Finds vehicles in held-out CCTV stills and in fresh simulator scenes: `python -m training.evaluate_vehicles`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from waysight.triton_models.vision.boxes import Bgr, overlap
from waysight.triton_models.vision.sessions import open_network
from waysight.triton_models.vision.vehicles import SCORE, Found, detect_vehicles

from training.traffic import HELD_OUT, LABELS, Boxes, voc_boxes

Truth = list[tuple[str, Boxes]]
FRESH_SEED = 77


def average_precision(
    found: Sequence[list[Found]], truth: Sequence[Truth], labels: Sequence[str], iou: float = 0.5
) -> float:
    """AP at an overlap of `iou` over all points, of the given labels taken as one class."""
    rows: list[tuple[float, bool]] = []
    total = 0
    for things, objects in zip(found, truth, strict=True):
        boxes = [box for label, box in objects if label in labels]
        total += len(boxes)
        taken: set[int] = set()
        for thing in sorted((t for t in things if t.label in labels), key=lambda t: -t.score):
            shares = overlap(np.array(thing.box, np.float32), np.array(boxes, np.float32).reshape(-1, 4))
            best = int(shares.argmax()) if len(shares) else -1
            hit = best >= 0 and shares[best] >= iou and best not in taken
            taken |= {best} if hit else set()
            rows.append((thing.score, hit))
    rows.sort(reverse=True)
    hits = np.cumsum([hit for _, hit in rows])
    precision = hits / np.arange(1, len(rows) + 1)
    best_after = np.maximum.accumulate(precision[::-1])[::-1]
    return float(sum(p for p, (_, hit) in zip(best_after, rows, strict=True) if hit) / max(1, total))


def held_out_stills(data: Path) -> tuple[list[Bgr], list[Truth]]:
    """The CCTV stills that are never trained on, with their labels."""
    pictures, truth = [], []
    for path in sorted((data / "detection" / "cctv").glob("*.jpg")):
        if int(path.stem.removeprefix("frame")) in HELD_OUT:
            boxes, labels = voc_boxes(path.with_suffix(".xml"))
            pictures.append(np.asarray(cv2.imread(str(path)), np.uint8))
            truth.append([(LABELS[label], box) for label, box in zip(labels, boxes, strict=True)])
    return pictures, truth


def fresh_scenes(count: int) -> tuple[list[Bgr], list[Truth]]:
    """Simulator scenes of a seed that training does not use."""
    from waysight.simulate.scene import render_training_scene

    scenes = [render_training_scene(np.random.default_rng([FRESH_SEED, index])) for index in range(count)]
    truth = [[(label, np.asarray(box, np.float32)) for label, box, _, _ in objects] for _, objects in scenes]
    return [np.asarray(image, np.uint8) for image, _ in scenes], truth


def recall(
    found: Sequence[list[Found]], truth: Sequence[Truth], label: str, min_width_px: float
) -> tuple[int, int]:
    """How many objects of a label, at least so wide, are found at an overlap of 0.5 by any vehicle box; and of how many."""
    hits = total = 0
    for things, objects in zip(found, truth, strict=True):
        boxes = np.array(
            [t.box for t in things if (t.label == "person") == (label == "person")], np.float32
        ).reshape(-1, 4)
        for kind, box in objects:
            if kind == label and box[2] - box[0] >= min_width_px:
                total += 1
                hits += bool(len(boxes) and overlap(box, boxes).max() >= 0.5)
    return hits, total


def main() -> None:
    parser = argparse.ArgumentParser(description="Evaluate the vehicle detector.")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--model", type=Path, default=Path("triton_models/vehicle_detector/1/model.onnx"))
    parser.add_argument("--scenes", type=int, default=40)
    options = parser.parse_args()
    run = open_network(options.model)
    for name, (pictures, truth) in (
        ("held-out CCTV", held_out_stills(options.data)),
        ("fresh scenes", fresh_scenes(options.scenes)),
    ):
        started = time.process_time()
        found = [detect_vehicles(run, [picture], 0.01)[0] for picture in pictures]
        cpu_ms = (time.process_time() - started) / max(1, len(pictures)) * 1000
        used = sorted({label for objects in truth for label, _ in objects})
        per_label = {label: round(average_precision(found, truth, [label]), 3) for label in used}
        print(
            f"{name}: {len(pictures)} pictures, AP50 {per_label}, class-agnostic {_agnostic(found, truth):.3f}, {cpu_ms:.1f} CPU-ms"
        )
        confident = [[t for t in things if t.score >= SCORE] for things in found]
        for label in used:
            print(
                f"  {label}: recall {recall(confident, truth, label, 0)}, from 80 px wide {recall(confident, truth, label, 80)}"
            )


def _agnostic(found: Sequence[list[Found]], truth: Sequence[Truth]) -> float:
    return average_precision(
        [[Found("any", t.score, t.box) for t in things] for things in found],
        [[("any", box) for _, box in objects] for objects in truth],
        ["any"],
    )


if __name__ == "__main__":
    main()

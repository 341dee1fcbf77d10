"""Finds vehicles in held-out CCTV stills and in fresh simulator scenes: `python -m training.evaluate_vehicles`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
from waysight.triton_models.vision.boxes import Bgr
from waysight.triton_models.vision.sessions import open_network
from waysight.triton_models.vision.vehicles import SCORE, detect_vehicles

from training.traffic import HELD_OUT, LABELS, Boxes, voc_boxes
from waysight.evaluation.detection_scores import curve, recalls
from waysight.evaluation.scenes import LabelledObject, Scene

Truth = list[tuple[str, Boxes]]
FRESH_SEED = 77


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
        scenes = [_scene(objects) for objects in truth]
        used = sorted({label for objects in truth for label, _ in objects})
        per_label = {label: curve(found, scenes, label).ap for label in used}
        print(
            f"{name}: {len(pictures)} pictures, AP50 {per_label}, any object {curve(found, scenes).ap}, {cpu_ms:.1f} CPU-ms"
        )
        for label, rates in recalls(
            [[t for t in things if t.score >= SCORE] for things in found], scenes
        ).items():
            print(f"  {label}: {rates}")


def _scene(objects: Truth) -> Scene:
    boxes = [(label, tuple(float(v) for v in box)) for label, box in objects]
    return Scene(Path(), tuple(LabelledObject(label, label, box) for label, box in boxes))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()

"""Labelled pictures of traffic: real ones (CCTV labels and a public teacher) and the simulator's scenes.

Real labels are the MIT stills' own boxes, completed by YOLOX-nano (Apache-2.0) where vehicles are
unlabelled; what the teacher only suspects is marked to be ignored. Cached below `.waysight/training`.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from waysight.triton_models.vision.boxes import overlap
from waysight.triton_models.vision.objects import OBJECT_LABELS

from training.cutouts import OVERHEAD, overhead_cars
from training.sources import clip_frames, shrink
from training.teacher import open_teacher, taught_boxes

Bgr = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float32]
LABELS = OBJECT_LABELS
CLIPS_EVERY_S = {
    "street-us.mp4": 0.25,
    "highway-small.avi": 0.2,
    "toll-1.mp4": 0.2,
    "persons-indoor.mp4": 1.5,
}
LONG_SIDE_PX = 832
SURE = 0.33
HELD_OUT = range(1741, 1776)  # CCTV stills by number: never trained on


@dataclass(frozen=True)
class Picture:
    """One training picture: file, boxes xyxy in its pixels, class per box (-1: ignore inside)."""

    path: Path
    boxes: Boxes
    labels: npt.NDArray[np.int64]
    plates: tuple[dict[str, Any], ...] = ()

    def image(self) -> Bgr:
        """The picture as stored, uint8 BGR (h, w, 3)."""
        return np.asarray(cv2.imread(str(self.path)), np.uint8)

    def small(self) -> tuple[Bgr, Boxes, npt.NDArray[np.int64]]:
        """The picture with a long side of at most 832 px, its boxes and classes."""
        image = self.image()
        reduced = shrink(image, LONG_SIDE_PX)
        return reduced, self.boxes * (reduced.shape[1] / image.shape[1]), self.labels


def voc_boxes(path: Path) -> tuple[Boxes, npt.NDArray[np.int64]]:
    """Boxes xyxy in pixels and our classes of a Pascal VOC file."""
    boxes, labels = [], []
    for entry in ET.parse(path).getroot().iter("object"):
        box = entry.find("bndbox")
        if box is not None:
            boxes.append([float(box.findtext(edge, "0")) for edge in ("xmin", "ymin", "xmax", "ymax")])
            labels.append(LABELS.index(entry.findtext("name", "car")))
    return np.array(boxes, np.float32).reshape(-1, 4), np.array(labels, np.int64)


def merge(
    boxes: Boxes, labels: npt.NDArray[np.int64], taught: npt.NDArray[np.float32]
) -> tuple[Boxes, npt.NDArray[np.int64]]:
    """Human boxes first, then the teacher's elsewhere; suspected ones and riders become ignore boxes."""
    for row in taught:
        if len(boxes) and overlap(row[:4], boxes).max() > 0.45:
            continue
        label = int(row[5]) if row[4] >= SURE else -1
        if label == 0 and _rides(row, boxes, labels):
            label = -1
        boxes, labels = np.vstack([boxes, row[None, :4]]), np.append(labels, label)
    return boxes, labels


def _rides(person: npt.NDArray[np.float32], boxes: Boxes, labels: npt.NDArray[np.int64]) -> bool:
    for box, label in zip(boxes, labels, strict=True):
        if label in (1, 2):
            low, high = np.maximum(person[:2], box[:2]), np.minimum(person[2:4], box[2:4])
            if np.prod(np.clip(high - low, 0, None)) > 0.4 * np.prod(person[2:4] - person[:2]):
                return True
    return False


def cached(folder: Path, make: Callable[[Path], None]) -> list[Picture]:
    """The pictures of a cache folder, made by `make` when it is not complete."""
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        make(folder)
        (folder / "complete").touch()
    pictures = []
    for path in sorted(folder.glob("*.json")):
        entry = json.loads(path.read_text())
        boxes = np.array(entry["boxes"], np.float32).reshape(-1, 4)
        pictures.append(
            Picture(
                path.with_suffix(".jpg"),
                boxes,
                np.array(entry["labels"], np.int64),
                tuple(entry.get("plates", ())),
            )
        )
    return pictures


def keep(
    folder: Path, name: str, image: Bgr, boxes: Boxes, labels: npt.NDArray[np.int64], **more: Any
) -> None:
    """Writes one picture and its labels into a cache folder."""
    cv2.imwrite(str(folder / f"{name}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 93])
    (folder / f"{name}.json").write_text(
        json.dumps({"boxes": boxes.tolist(), "labels": labels.tolist(), **more})
    )


def real_pictures(data: Path, cache: Path) -> list[Picture]:
    """Openly licensed real pictures with labels, without the held-out stills; empty without the data folder."""
    if not (data / "detection").is_dir():
        return []

    def make(folder: Path) -> None:
        teacher = open_teacher(data)
        nothing = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
        for still in sorted((data / "detection" / "cctv").glob("*.jpg")):
            if int(still.stem.removeprefix("frame")) not in HELD_OUT:
                image = np.asarray(cv2.imread(str(still)), np.uint8)
                keep(
                    folder,
                    still.stem,
                    image,
                    *merge(*voc_boxes(still.with_suffix(".xml")), taught_boxes(teacher, image)),
                )
        for clip, every_s in CLIPS_EVERY_S.items():
            for index, image in enumerate(clip_frames(data / "footage" / clip, every_s)):
                boxes, labels = merge(*nothing, taught_boxes(teacher, image))
                if len(boxes) or index % 4 == 0:
                    keep(folder, f"{Path(clip).stem}-{index:04d}", image, boxes, labels)

    return cached(cache / "traffic-2", make)


def overhead_pictures(data: Path, cache: Path) -> list[Picture]:
    """Cars from straight above, found by difference to the empty scene; empty without the data folder."""
    clip, every_s = OVERHEAD
    if not (data / "footage" / clip).exists():
        return []

    def make(folder: Path) -> None:
        for index, (image, boxes) in enumerate(overhead_cars(data / "footage" / clip, every_s)):
            if len(boxes):
                labels = np.full(len(boxes), LABELS.index("car"), np.int64)
                keep(folder, f"above-{index:04d}", image, boxes, labels)

    return cached(cache / "overhead", make)


def rendered_pictures(cache: Path, count: int, seed: int) -> list[Picture]:
    """Scenes of the simulator with exact labels."""
    from waysight.simulate.scene import render_training_scene

    def make(folder: Path) -> None:
        for index in range(count):
            image, objects = render_training_scene(np.random.default_rng([seed, index]))
            boxes = np.array([entry[1] for entry in objects], np.float32).reshape(-1, 4)
            labels = np.array([LABELS.index(entry[0]) for entry in objects], np.int64)
            plates = [
                {"quad": np.asarray(quad).tolist(), "text": text}
                for _, _, quad, text in objects
                if quad is not None
            ]
            keep(folder, f"scene-{index:05d}", image, boxes, labels, plates=plates)

    return cached(cache / f"scenes-{seed}-{count}", make)

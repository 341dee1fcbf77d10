"""Fits how sure a plate's reading is of itself: `python -m training.plate_confidence`.

Reads rendered plates, and photographs of the half that may be tuned on (every second by name, from the first), with
production's networks, and fits the logistic model of vision/confidence.py to whether the whole text was right.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from waysight.triton_models.vision.analysis import Networks, plates_of
from waysight.triton_models.vision.boxes import Bgr, overlap
from waysight.triton_models.vision.confidence import FEATURES, features
from waysight.triton_models.vision.fusion import LARGE, Ranked
from waysight.triton_models.vision.loading import open_networks
from waysight.triton_models.vision.reading import SURE, Plate, Readers, read_plates
from waysight.triton_models.vision.sessions import open_recogniser

from training.reader_crops import sight
from training.sources import backgrounds

Floats = npt.NDArray[np.float64]
ALIKE = str.maketrans("OI", "01")
# Of these labels O and 0, I and 1 are used at will: readings are compared with both taken as one.
LOOSE_LABELS = ("eu",)
REGIONS = ("eu", "us", "br")
RIDGE, FEWEST_PX, FLOOR, ROUNDS, RARELY = 0.02, 14, 0.002, 40, 0.1
# What is fitted: few and plain, because more features only fitted the photographs that they were fitted on.
FITTED = ("constant", "small_log", "large_log", "margin", "weakest", "short")
BELIEFS = ("small_log", "large_log", "margin", "agreeing", "weakest")


@dataclass
class Recorder:
    """Stands in for fitted coefficients: notes what is asked, and is never sure, so that both readers are heard."""

    asked: list[tuple[bool, str, Floats]] = field(default_factory=list)

    def of(self, ranked: Ranked, height_px: float) -> float:
        """Never sure, so that the large reader is asked."""
        large = any(view.reader == LARGE for view in ranked.views)
        self.asked.append((large, ranked.texts[0], features(ranked, height_px)))
        return 0.5


def rendered(data: Path, cache: Path, seed: int, count: int) -> Iterator[tuple[Plate, str, bool]]:
    """Rendered plates as photographed, their texts, and that texts are exact."""
    rng, pictures = np.random.default_rng(seed), backgrounds(data, cache)
    for _ in range(count):
        seen = sight(rng, pictures)
        height, width = seen.crop.shape
        if height < FEWEST_PX // 2 or width < FEWEST_PX:
            continue
        picture = np.asarray(cv2.cvtColor(seen.crop, cv2.COLOR_GRAY2BGR), np.uint8)
        margin_x, margin_y = width * float(rng.uniform(0, 0.1)), height * float(rng.uniform(0, 0.15))
        yield (picture, (margin_x, margin_y, width - margin_x, height - margin_y)), seen.text, False


def photographed(networks: Networks, folder: Path) -> Iterator[tuple[Plate, str, bool]]:
    """The labelled plates of the half that may be tuned on, where the analysis finds them."""
    for region in REGIONS:
        names = sorted(
            p for p in (folder / region).iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png")
        )
        for path in names[::2]:
            fields = path.with_suffix(".txt").read_text().split("\n")[0].split("\t")
            x, y, w, h = (float(value) for value in fields[1:5])
            box = np.array([x, y, x + w, y + h], np.float32)
            picture: Bgr = np.asarray(cv2.imread(str(path)), np.uint8)
            near = [
                plate
                for _, plate in plates_of(networks, [picture])
                if overlap(box, np.array([plate.box], np.float32))[0] > 0.3
            ]
            if near:
                yield (picture, near[0].box), fields[5].strip().upper(), region in LOOSE_LABELS


def examples(
    readers: Readers, plates: Iterator[tuple[Plate, str, bool]]
) -> dict[bool, tuple[list[Floats], list[bool]]]:
    """Features and whether the text was right, by whether the large reader had looked."""
    found: dict[bool, tuple[list[Floats], list[bool]]] = {False: ([], []), True: ([], [])}
    for plate, truth, loose in plates:
        recorder = Recorder()
        read_plates(replace(readers, chances=recorder), [plate])
        asked = {large: (text, values) for large, text, values in recorder.asked}
        if len(asked) == 2:
            for large, (text, values) in asked.items():
                same = text.translate(ALIKE) == truth.translate(ALIKE) if loose else text == truth
                found[large][0].append(values)
                found[large][1].append(same)
    return found


def fit(values: Floats, right: Floats, weights: Floats) -> Floats:
    """Coefficients of a logistic model by Newton's method with a ridge; beliefs may only speak for a text."""
    names = list(FEATURES)
    free = [
        k
        for k, name in enumerate(names)
        if name in FITTED and (np.ptp(values[:, k]) > 0 or name == "constant")
    ]
    while True:
        found = np.zeros(len(names))
        x, theta = values[:, free], np.zeros(len(free))
        ridge = np.diag([RIDGE * weights.sum() / 100 * (names[k] != "constant") for k in free])
        for _ in range(ROUNDS):
            p = np.clip(1 / (1 + np.exp(-np.clip(x @ theta, -30, 30))), FLOOR, 1 - FLOOR)
            gradient = x.T @ (weights * (right - p)) - ridge @ theta
            hessian = (x * (weights * p * (1 - p))[:, None]).T @ x + ridge + 1e-6 * np.eye(len(free))
            theta = theta + np.linalg.solve(hessian, gradient) * 0.7
        found[free] = theta
        against = [k for k in free if names[k] in BELIEFS and found[k] < 0]
        if not against:
            return found
        free = [k for k in free if k not in against]


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit the confidence of plate readings.")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=Path(".waysight/training"))
    parser.add_argument("--models", type=Path, default=Path("triton_models"))
    parser.add_argument(
        "--large", type=Path, required=True, help="the recogniser's ONNX file in the rapidocr wheel"
    )
    parser.add_argument("--rendered", type=int, default=900)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--share", type=float, default=0.3, help="weight of the photographs, 0..1")
    parser.add_argument("--out", type=Path, default=Path("triton_models/plate_reader/1/confidence.json"))
    options = parser.parse_args()
    networks = open_networks(options.models, open_recogniser(options.large))
    synthetic = examples(
        networks.readers, rendered(options.data, options.cache, options.seed, options.rendered)
    )
    folder = options.data / "plates"
    real = examples(networks.readers, photographed(networks, folder) if folder.exists() else iter(()))
    result: dict[str, dict[str, float]] = {}
    sure = np.zeros(0, bool)
    for large, name in ((False, "alone"), (True, "both")):
        values = np.array([*synthetic[large][0], *real[large][0]])
        right = np.array([*synthetic[large][1], *real[large][1]], float)
        counts = len(synthetic[large][1]), len(real[large][1])
        weights = np.concatenate(
            [
                np.full(counts[0], (1 - options.share) * sum(counts) / max(1, counts[0])),
                np.full(counts[1], options.share * sum(counts) / max(1, counts[1])),
            ]
        )
        if large:
            # The large reader is asked only where the small one is not sure: those plates are what counts.
            weights = weights * np.where(sure, RARELY, 1.0)
        theta = fit(values, right, weights)
        result[name] = {feature: round(float(v), 4) for feature, v in zip(FEATURES, theta, strict=True)}
        print(f"{name}: {counts[0]} rendered, {counts[1]} photographed")
        chances = 1 / (1 + np.exp(-values @ theta))
        sure = sure if large else chances >= SURE
        kinds = np.arange(len(right)) >= counts[0]
        for label, rows in (("rendered", ~kinds), ("photographed", kinds)):
            rows = rows & ~sure if large else rows
            for gate in (0.5, 0.8, 0.9, 0.95, 0.97, 0.98):
                taken = chances[rows] >= gate
                print(f"  {label} >= {gate}: {int(taken.sum())} taken, {int(right[rows][taken].sum())} right")
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(f"{options.out} written")


if __name__ == "__main__":
    main()

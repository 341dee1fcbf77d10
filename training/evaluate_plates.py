"""Reads labelled plate photographs with the production code: `python -m training.evaluate_plates`.

The photographs are for evaluation only; nothing is trained on them. Format: OpenALPR benchmark (a text file
beside each image: name, x, y, w, h, PLATE, tab separated).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from waysight.triton_models.vision.boxes import Bgr, overlap
from waysight.triton_models.vision.plates import WHOLE_PX, find_plates
from waysight.triton_models.vision.reading import Read, Readers, read_plates
from waysight.triton_models.vision.sessions import open_network

MERGED = str.maketrans("OIQ", "010")


def photographs(folder: Path) -> list[tuple[Bgr, tuple[float, float, float, float], str]]:
    """Pictures with the plate's box xyxy and its text."""
    found = []
    for path in sorted(folder.glob("*.txt")):
        fields = path.read_text().split("\n")[0].split("\t")
        image = cv2.imread(str(path.with_name(fields[0])))
        x, y, w, h = (float(value) for value in fields[1:5])
        found.append((np.asarray(image, np.uint8), (x, y, x + w, y + h), fields[5].strip().upper()))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Evaluate plate reading on labelled photographs.")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/plates"))
    parser.add_argument("--reader", type=Path, default=Path("triton_models/plate_reader/1/model.onnx"))
    parser.add_argument(
        "--detector", type=Path, help="find the plates too; default: read inside the true boxes"
    )
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    reader = open_network(options.reader)
    for region in ("eu", "us", "br"):
        truth = photographs(options.data / region)
        if options.detector:
            detector = open_network(options.detector)
            report_found(region, truth, detector, reader, options.verbose)
            continue
        started = time.process_time()
        reads = [read_plates(Readers(reader), [(image, box)])[0] for image, box, _ in truth]
        cpu_ms = (time.process_time() - started) / len(truth) * 1000
        report(region, [text for _, _, text in truth], reads, cpu_ms, options.verbose)


def shared(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes xyxy."""
    return float(overlap(np.array(one, np.float32), np.array([other], np.float32))[0])


def report_found(region: str, truth, detector, reader, verbose: bool) -> None:  # type: ignore[no-untyped-def]
    """Detection on the whole photograph, then reading; a missed plate counts as read wrongly."""
    reads, hits, boxes = [], 0, 0
    started = time.process_time()
    for image, box, _ in truth:
        height, width = image.shape[:2]
        plates = find_plates(detector, [image], [(0, (0, 0, width, height))], WHOLE_PX, most=3)
        boxes += len(plates)
        near = [p for p in plates if shared(p.box, box) > 0.3]
        hits += bool(near)
        reads.append(read_plates(Readers(reader), [(image, near[0].box)])[0] if near else Read("", 0.0, (), (), False))
    cpu_ms = (time.process_time() - started) / len(truth) * 1000
    print(f"{region}: {hits}/{len(truth)} plates found, {boxes - hits} other boxes")
    report(region, [text for _, _, text in truth], reads, cpu_ms, verbose)


def report(region: str, truth: list[str], reads: list[Read], cpu_ms: float, verbose: bool) -> None:
    """Exact reads, also with O=0 and I=1, and how exact the confident ones are."""
    exact = [read.text == text for read, text in zip(reads, truth, strict=True)]
    merged = [r.text.translate(MERGED) == t.translate(MERGED) for r, t in zip(reads, truth, strict=True)]
    print(
        f"{region}: {sum(exact)}/{len(truth)} exact, {sum(merged)} with O=0 I=1, {cpu_ms:.1f} CPU-ms a photograph"
    )
    for gate in (0.5, 0.7, 0.9, 0.97):
        accepted = [m for m, read in zip(merged, reads, strict=True) if read.confidence >= gate]
        print(f"  confidence >= {gate}: {len(accepted)} accepted, {sum(accepted)} of them right (merged)")
    if verbose:
        for read, text, ok in zip(reads, truth, merged, strict=True):
            if not ok:
                print(
                    f"  {text:9s} read {read.text:9s} {read.confidence:.2f} {'two lines' if read.two_line else ''}"
                )


if __name__ == "__main__":
    main()

"""Trains the plate detector: `python -m training.plate_detector`, see training/README.md."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from training.boxes import focal_loss, giou_loss
from training.export import export_onnx, output_path
from training.loop import Endless, arguments, trained
from training.nets import PlateDetector
from training.plate_patches import PATCH_PX, patch
from training.sources import backgrounds

STRIDE = 8
HOLD_OUT_SEED = 990_002
Boxes = np.ndarray[tuple[int, int], np.dtype[np.float32]]


def targets_of(boxes: Boxes, size: int = PATCH_PX) -> tuple[Tensor, Tensor, Tensor]:
    """Per cell of the map: 1 where a plate's middle is, the edges' distances (4, h, w), and 0 where undecided."""
    cells = size // STRIDE
    centre = np.arange(cells, dtype=np.float32) * STRIDE + STRIDE / 2
    score, weight = np.zeros((cells, cells), np.float32), np.ones((cells, cells), np.float32)
    edges = np.zeros((4, cells, cells), np.float32)
    for x0, y0, x1, y1 in boxes:
        inside = ((centre[:, None] > y0) & (centre[:, None] < y1)) & ((centre > x0) & (centre < x1))
        mid_x, mid_y = (x0 + x1) / 2, (y0 + y1) / 2
        near_x = np.abs(centre - mid_x) < max((x1 - x0) * 0.22, STRIDE / 2 + 0.01)
        near_y = np.abs(centre - mid_y) < max((y1 - y0) * 0.25, STRIDE / 2 + 0.01)
        chosen = near_y[:, None] & near_x[None, :]
        weight[inside & ~chosen] = 0
        score[chosen], weight[chosen] = 1, 1
        rows, columns = np.nonzero(chosen)
        edges[:, rows, columns] = np.stack(
            [centre[columns] - x0, centre[rows] - y0, x1 - centre[columns], y1 - centre[rows]]
        ).clip(0.5)
    return torch.from_numpy(score), torch.from_numpy(edges), torch.from_numpy(weight)


def patches(
    options: argparse.Namespace, rng: np.random.Generator
) -> Iterator[tuple[Tensor, tuple[Tensor, Tensor, Tensor]]]:
    """Endless batches of patches (n, 3, 192, 192) and their targets."""
    pictures = backgrounds(options.data, options.cache)
    while True:
        samples = [patch(rng, pictures) for _ in range(options.batch)]
        images = np.stack([image for image, _ in samples]).transpose(0, 3, 1, 2)
        parts = zip(*(targets_of(boxes) for _, boxes in samples), strict=True)
        score, edges, weight = (torch.stack(part) for part in parts)
        yield torch.from_numpy(np.ascontiguousarray(images)).float() / 255, (score, edges, weight)


def detector_loss(output: Tensor, targets: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Focal loss of the score map and GIoU loss of the edges, per positive cell."""
    score, edges, weight = targets
    positive = score > 0
    count = positive.sum().clamp(min=1)
    classes = focal_loss(output[:, 0], score, weight) / count
    predicted = output[:, 1:].permute(0, 2, 3, 1)[positive]
    wanted = edges.permute(0, 2, 3, 1)[positive]
    return classes + 1.5 * giou_loss(predicted, wanted).sum() / count


def main() -> None:
    options = arguments("Train the plate detector on synthetic plates.", steps=3000, batch=16)
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    model = trained(PlateDetector(), patches, detector_loss, options, "plate_detector")
    source = iter(Endless(patches, options, HOLD_OUT_SEED))
    with torch.no_grad():
        losses = [
            float(detector_loss(model(images), targets))
            for images, targets in (next(source) for _ in range(12))
        ]
    print(f"synthetic hold-out loss: {np.mean(losses):.4f}")
    axes = {"image": {0: "n", 2: "h", 3: "w"}, "map": {0: "n", 2: "rows", 3: "columns"}}
    export_onnx(
        model, torch.rand(2, 3, 192, 256), ("image", "map"), axes, output_path(options, "plate_detector")
    )


if __name__ == "__main__":
    main()

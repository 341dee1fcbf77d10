"""Trains the network that finds a plate's lines of characters: `python -m training.plate_corners`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from waysight.triton_models.vision.corners import HEIGHT_PX, WIDTH_PX, Floats

from training.export import export_onnx, output_path
from training.loop import Endless, arguments, trained
from training.nets import PlateCorners
from training.reader_crops import Sight, corner_crop
from training.sources import backgrounds

HOLD_OUT_SEED = 990_003
COORDINATES = 16
Targets = tuple[Tensor, Tensor, Tensor]


def targets_of(seen: Sight) -> tuple[Floats, Floats, Floats]:
    """Corners (16,) as shares of the crop, their weights (16,) in 1 / line height, and two-line and legible marks (2,)."""
    height, width = seen.crop.shape
    wanted, weights = np.zeros((2, 4, 2), np.float32), np.zeros((2, 4, 2), np.float32)
    for line, quad in enumerate(seen.quads):
        line_px = float(np.linalg.norm(quad[3] - quad[0]) + np.linalg.norm(quad[2] - quad[1])) / 2
        wanted[line] = quad / (width, height)
        weights[line] = np.array([width, height]) / line_px
    marks = np.array([len(seen.quads) == 2, len(seen.quads) > 0], np.float32)
    return wanted.reshape(-1), weights.reshape(-1), marks


def crops(options: argparse.Namespace, rng: np.random.Generator) -> Iterator[tuple[Tensor, Targets]]:
    """Endless batches of crops (n, 1, 64, 128) and their targets."""
    pictures = backgrounds(options.data, options.cache)
    while True:
        samples = [corner_crop(rng, pictures) for _ in range(options.batch)]
        images = np.stack([crop for crop, _ in samples])[:, None].astype(np.float32) / 255
        parts = zip(*(targets_of(seen) for _, seen in samples), strict=True)
        wanted, weights, marks = (torch.from_numpy(np.stack(part)) for part in parts)
        yield torch.from_numpy(images), (wanted, weights, marks)


def corner_loss(output: Tensor, targets: Targets) -> Tensor:
    """Corner errors in line heights (smooth L1), and cross entropy of the two marks."""
    wanted, weights, marks = targets
    error = (output[:, :COORDINATES] - wanted) * weights
    corners = torch.nn.functional.smooth_l1_loss(error, torch.zeros_like(error), beta=0.1, reduction="sum")
    count = (weights > 0).sum().clamp(min=1)
    legible = marks[:, 1:]
    both = torch.nn.functional.binary_cross_entropy_with_logits(
        output[:, COORDINATES:], marks, weight=torch.cat([legible, torch.ones_like(legible)], 1)
    )
    return corners / count * 10 + both


def hold_out_errors(model: torch.nn.Module, options: argparse.Namespace, batches: int = 16) -> str:
    """Corner errors in line heights and wrong marks on unseen synthetic crops, in words."""
    source = iter(Endless(crops, options, HOLD_OUT_SEED))
    errors, wrong_two, wrong_legible, total, legible_count = [], 0, 0, 0, 0
    for _ in range(batches):
        images, (wanted, weights, marks) = next(source)
        with torch.no_grad():
            output = model(images)
        errors.append(((output[:, :COORDINATES] - wanted).abs() * weights)[weights > 0])
        guessed = output[:, COORDINATES:] > 0
        legible = marks[:, 1] > 0
        wrong_two += int((guessed[:, 0] != (marks[:, 0] > 0))[legible].sum())
        wrong_legible += int((guessed[:, 1] != legible).sum())
        total, legible_count = total + len(marks), legible_count + int(legible.sum())
    spread = torch.cat(errors)
    return (
        f"corner error per coordinate in line heights: median {spread.median():.3f}, "
        f"95 % {spread.quantile(0.95):.3f}; lines miscounted {wrong_two}/{legible_count}, "
        f"legibility wrong {wrong_legible}/{total}"
    )


def main() -> None:
    options = arguments("Train the plate corner network on synthetic plates.", steps=5000, batch=48)
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    model = trained(PlateCorners(), crops, corner_loss, options, "plate_corners")
    print(f"synthetic hold-out: {hold_out_errors(model, options)}")
    export_onnx(
        model,
        torch.rand(3, 1, HEIGHT_PX, WIDTH_PX),
        ("image", "lines"),
        {"image": {0: "n"}, "lines": {0: "n"}},
        output_path(options, "plate_corners"),
    )


if __name__ == "__main__":
    main()

"""Trains the vehicle and person detector: `python -m training.vehicle_detector`, see training/README.md."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.boxes import giou
from training.cutouts import cutouts
from training.export import export_onnx, output_path
from training.loop import arguments, checkpoint_path, trained
from training.nets import VehicleDetector
from training.pasting import Pool
from training.traffic import LABELS, overhead_pictures, real_pictures, rendered_pictures
from training.traffic_patches import HEIGHT_PX, WIDTH_PX, Library, sample

SCENES = ((700, 21), (250, 22))  # how many, seed; the second after the simulator changed its looks
Targets = list[tuple[Tensor, Tensor]]


def cell_centres(width: int = WIDTH_PX, height: int = HEIGHT_PX) -> tuple[Tensor, Tensor]:
    """Centres (cells, 2) in pixels and strides (cells,) in the order of the network's rows."""
    centres, strides = [], []
    for stride in VehicleDetector.STRIDES:
        ys, xs = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
        centres.append(torch.stack([xs, ys], -1).reshape(-1, 2) * stride + stride / 2)
        strides.append(torch.full((centres[-1].shape[0],), float(stride)))
    return torch.cat(centres).float(), torch.cat(strides)


def samples(options: argparse.Namespace, rng: np.random.Generator) -> Iterator[tuple[Tensor, Targets]]:
    """Endless batches of pictures (n, 3, 256, 416) with, per picture, boxes (m, 4) and classes (m,)."""
    real = real_pictures(options.data, options.cache)
    stills = [picture for picture in real if picture.path.name.startswith("frame")]
    streets = [picture.small() for picture in stills]
    clips = [picture.small() for picture in real if not picture.path.name.startswith("frame")]
    above = [picture.small() for picture in overhead_pictures(options.data, options.cache)]
    scenes = [p.small() for count, seed in SCENES for p in rendered_pictures(options.cache, count, seed)]
    library = Library([(0.42, streets), (0.24, clips), (0.04, above), (0.3, scenes)])
    scenery = Library([(0.4, streets), (0.3, clips), (0.05, above), (0.25, scenes)])
    labelled = [(picture.image(), picture.boxes, picture.labels) for picture in stills]
    pool = Pool(cutouts(options.data, options.cache, labelled))
    while True:
        batch = [sample(rng, library, scenery, pool) for _ in range(options.batch)]
        images = np.ascontiguousarray(np.stack([image for image, _, _ in batch]).transpose(0, 3, 1, 2))
        yield (
            torch.from_numpy(images).float() / 255,
            [(torch.from_numpy(b), torch.from_numpy(k)) for _, b, k in batch],
        )


def assign(
    rows: Tensor, boxes: Tensor, labels: Tensor, centres: Tensor, strides: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Which cells answer for which box, by cost (the SimOTA rule of YOLOX, arXiv 2107.08430).

    Returns the cells' indices, the box index of each, and the overlap of each; all (k,).
    """
    wanted = torch.cat([centres[None] - boxes[:, None, :2], boxes[:, None, 2:] - centres[None]], 2)
    inside = wanted.min(2).values > 0
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    near = ((centres[None] - middle[:, None]).abs().max(2).values / strides[None]) < 2.0
    possible = (inside | near).any(0).nonzero()[:, 0]
    wanted = wanted[:, possible].clamp(min=0.5)
    edges = rows[possible, -4:]
    count, cells = len(boxes), len(possible)
    scores = (
        giou(edges[None].expand(count, -1, -1).reshape(-1, 4), wanted.reshape(-1, 4))
        .view(count, cells)
        .clamp(min=1e-4)
    )
    classes = rows[possible][:, labels].T.sigmoid().clamp(1e-4, 1 - 1e-4)
    both = (inside & near)[:, possible]
    cost = -classes.log() - 3 * scores.log() + 1e4 * (~both)
    matched = torch.zeros_like(cost, dtype=torch.bool)
    amounts = torch.topk(scores, min(10, cells), 1).values.sum(1).int().clamp(min=1)
    for index in range(count):
        matched[index, torch.topk(-cost[index], min(int(amounts[index]), cells)).indices] = True
    crowded = matched.sum(0) > 1
    if crowded.any():
        best = cost[:, crowded].argmin(0)
        matched[:, crowded] = False
        matched[best, crowded] = True
    used = matched.any(0).nonzero()[:, 0]
    owner = matched[:, used].int().argmax(0)
    return possible[used], owner, scores[owner, used]


def detector_loss(output: Tensor, targets: Targets, centres: Tensor, strides: Tensor) -> Tensor:
    """Quality-focal loss of the classes and GIoU loss of the boxes, per answering cell."""
    classes = output.shape[2] - 4
    centres, strides = centres.to(output.device), strides.to(output.device)
    goal, weight = torch.zeros_like(output[..., :classes]), torch.ones_like(output[..., 0])
    box_loss, total = output.new_zeros(()), 0
    for index, (boxes, labels) in enumerate(targets):
        ignored, real = boxes[labels < 0], labels >= 0
        for x0, y0, x1, y1 in ignored:
            hidden = (centres[:, 0] > x0) & (centres[:, 0] < x1) & (centres[:, 1] > y0) & (centres[:, 1] < y1)
            weight[index, hidden] = 0
        if not real.any():
            continue
        boxes, labels = boxes[real], labels[real]
        with torch.no_grad():
            cells, owner, _ = assign(output[index], boxes, labels, centres, strides)
        wanted = torch.cat([centres[cells] - boxes[owner, :2], boxes[owner, 2:] - centres[cells]], 1)
        score = giou(output[index, cells, -4:], wanted)
        box_loss = box_loss + (1 - score).sum()
        goal[index, cells, labels[owner]] = score.detach().clamp(0.05, 1)
        weight[index, cells] = 1
        total += len(cells)
    logits = output[..., :classes]
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, goal, reduction="none")
    focal = (goal - logits.sigmoid()).abs().detach() ** 2 * entropy * weight[..., None]
    return (focal.sum() * 1.5 + box_loss * 1.5) / max(1, total)


def widened(checkpoint: Path, classes: int) -> dict[str, Tensor]:
    """The weights of a checkpoint, its head enlarged to `classes`: the new ones start out unlikely."""
    weights: dict[str, Tensor] = torch.load(checkpoint, weights_only=True)["weights"]
    missing = classes + 4 - len(weights["head.bias"])
    for name, start in (("head.weight", 0.0), ("head.bias", -4.6)):
        known = weights[name]
        marks, edges = known[:-4], known[-4:]
        more = torch.full((missing, *known.shape[1:]), start) + 0.1 * (marks.mean(0) if start == 0 else 0)
        weights[name] = torch.cat([marks, more, edges])
    return weights


def main() -> None:
    options = arguments("Train the vehicle and person detector.", steps=6000, batch=8)
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    model = VehicleDetector(len(LABELS))
    if options.start_from and not options.export:
        begin = checkpoint_path(options, "vehicle_detector").with_suffix(".start")
        torch.save({"weights": widened(options.start_from, len(LABELS))}, begin)
        options.start_from = begin
        # What edges and colours look like is known by then; not to learn it again saves a fifth of a step.
        model.stem.requires_grad_(False)
    centres, strides = cell_centres()
    loss = partial(detector_loss, centres=centres, strides=strides)
    model = trained(model, samples, loss, options, "vehicle_detector")
    axes = {"images": {0: "n"}, "rows": {0: "n"}}
    export_onnx(
        model,
        torch.rand(2, 3, HEIGHT_PX, WIDTH_PX),
        ("images", "rows"),
        axes,
        output_path(options, "vehicle_detector"),
    )


if __name__ == "__main__":
    main()

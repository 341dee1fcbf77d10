"""Trains the looks network: `python -m training.looks`, see training/README.md.

Two crops of one vehicle are drawn together, those of others apart (InfoNCE, arXiv 1807.03748, as in SimCLR,
arXiv 2002.05709); a second head learns the colour from simulated vehicles and labelled open pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from waysight.triton_models.vision.colour import COLOURS
from waysight.triton_models.vision.looks import SIDE_PX as INPUT_PX
from waysight.triton_models.vision.looks import SIZE

from training.export import export_onnx, output_path
from training.look_views import SIDE_PX, labelled_colours, real_tracks, simulated
from training.loop import arguments, trained
from training.nets import Block, Residual
from training.plate_patches import weather

Bgr = npt.NDArray[np.uint8]
VEHICLES = (4000, 31)  # how many simulated ones, seed
SHARE_PX = 68  # of a kept crop, what the network sees in production
HEAT = 0.1
SIMULATED, REAL, LABELLED = 36, 16, 28  # pairs, pairs and single crops of a batch


class LooksNetwork(nn.Module):
    """BGR/255 crops (n, 3, 64, 64) -> (n, 74): a vector of 64 to be compared by angle, then ten colour logits."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            Block(3, 24, 3, 2),
            Block(24, 48, 3, 2),
            Block(48, 48),
            Block(48, 80, 3, 2),
            Residual(80),
            Block(80, 96, 3, 2),
            Block(96, 96),
        )
        self.look = nn.Linear(4 * 96, SIZE)
        self.colour = nn.Sequential(nn.Dropout(0.1), nn.Linear(4 * 96, len(COLOURS)))

    def forward(self, image: Tensor) -> Tensor:
        # Four rows are kept apart: roof, glass, lamps and bumper are not the same thing.
        rows = self.body(image).mean(3).flatten(1)
        return torch.cat([self.look(rows), self.colour(rows)], 1)


def jittered(rng: np.random.Generator, kept: Bgr, mild: bool) -> Bgr:
    """A kept crop as production may cut it (shifted, scaled, mirrored), in other weather; `mild` keeps colours true."""
    side = SHARE_PX * float(np.exp(rng.uniform(-0.13, 0.13)))
    middle = SIDE_PX / 2 + rng.normal(0, 2.2, 2)
    squeeze = float(np.exp(rng.normal(0, 0.05)))
    scale_x, scale_y = INPUT_PX / side * squeeze, INPUT_PX / side / squeeze
    matrix = np.array(
        [
            [scale_x, 0, INPUT_PX / 2 - scale_x * middle[0]],
            [0, scale_y, INPUT_PX / 2 - scale_y * middle[1]],
        ],
        np.float32,
    )
    image = cv2.warpAffine(kept, matrix, (INPUT_PX, INPUT_PX), borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.5:
        image = np.ascontiguousarray(image[:, ::-1])
    if rng.random() < 0.3:
        small = int(rng.integers(24, INPUT_PX))
        image = cv2.resize(
            cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA), (INPUT_PX, INPUT_PX)
        )
    if mild:
        gain = np.exp(rng.normal(0, 0.2)) * np.exp(rng.normal(0, 0.05, 3))
        bright = 255 * (image / 255.0) ** float(np.exp(rng.normal(0, 0.12))) * gain
        return np.clip(bright + rng.normal(0, 3, image.shape), 0, 255).astype(np.uint8)
    return weather(np.asarray(image, np.uint8), rng)


def samples(
    options: argparse.Namespace, rng: np.random.Generator
) -> Iterator[tuple[Tensor, tuple[Tensor, Tensor]]]:
    """Endless batches (n, 3, 64, 64) with identities (n,; -1: none) and accepted colours (n, 10; none: unknown)."""
    made = simulated(options.cache, options.data, *VEHICLES)
    names = np.array(
        [f"{kind} {colour}" for kind, colour in zip(made["kinds"], made["colours"], strict=True)]
    )
    alike = [np.flatnonzero(names == name) for name in np.unique(names)]
    real = real_tracks(options.cache, options.data)
    tracks = [np.flatnonzero(real["tracks"] == track) for track in np.unique(real["tracks"])]
    labelled = labelled_colours(options.cache, options.data)
    by_colour = [[k for k, (_, names) in enumerate(labelled) if colour in names] for colour in COLOURS]
    by_colour = [group for group in by_colour if group]
    shares = np.sqrt([len(group) for group in by_colour]) / max(1, np.sqrt([len(g) for g in by_colour]).sum())
    while True:
        crops: list[Bgr] = []
        identities: list[int] = []
        accepted = np.zeros((2 * (SIMULATED + REAL) + LABELLED, len(COLOURS)), np.float32)
        chosen = rng.choice(len(names), SIMULATED // 3, replace=False).tolist()
        while (
            len(chosen) < SIMULATED
        ):  # the rest are vehicles of the same kind and colour: hard to tell apart
            chosen += rng.choice(alike[int(rng.integers(len(alike)))], 4).tolist()
        for vehicle in dict.fromkeys(chosen[:SIMULATED]):
            for view in rng.choice(made["crops"].shape[1], 2, replace=False):
                mild = bool(rng.random() < 0.6)
                if mild and made["lit"][vehicle, view]:
                    accepted[len(crops), COLOURS.index(str(made["colours"][vehicle]))] = 1
                crops.append(jittered(rng, made["crops"][vehicle, view], mild))
                identities.append(int(vehicle))
        for track in rng.choice(len(tracks), min(REAL, len(tracks)), replace=False):
            for place in rng.choice(tracks[track], 2):
                crops.append(jittered(rng, real["crops"][place], bool(rng.random() < 0.3)))
                identities.append(100_000 + int(track))
        for _ in range(LABELLED if by_colour else 0):
            group = by_colour[int(rng.choice(len(by_colour), p=shares))]
            kept, colours = labelled[group[int(rng.integers(len(group)))]]
            for colour in colours:
                accepted[len(crops), COLOURS.index(colour)] = 1
            crops.append(jittered(rng, kept, True))
            identities.append(-1)
        images = np.ascontiguousarray(np.stack(crops).transpose(0, 3, 1, 2))
        yield (
            torch.from_numpy(images).float() / 255,
            (torch.tensor(identities), torch.from_numpy(accepted[: len(crops)])),
        )


def looks_loss(output: Tensor, targets: tuple[Tensor, Tensor]) -> Tensor:
    """InfoNCE between the crops of an identity, plus the cross entropy of the accepted colours."""
    identities, accepted = targets
    own = identities >= 0
    vectors = nn.functional.normalize(output[own, :SIZE], dim=1)
    near = vectors @ vectors.T / HEAT
    itself = torch.eye(len(near), dtype=torch.bool, device=near.device)
    near = near.masked_fill(itself, -1e4)
    same = (identities[own][:, None] == identities[own][None]) & ~itself
    log_p = near.log_softmax(1)
    alike = -torch.logsumexp(log_p.masked_fill(~same, -1e4), 1).mean()
    known = accepted.sum(1) > 0
    colours = output[known, SIZE:].log_softmax(1)
    wrong = -torch.logsumexp(colours.masked_fill(accepted[known] == 0, -1e4), 1)
    return alike + wrong.mean()


def main() -> None:
    options = arguments("Train the looks network.", steps=1600, batch=0)
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    model = trained(LooksNetwork(), samples, looks_loss, options, "vehicle_looks")
    axes = {"crops": {0: "n"}, "rows": {0: "n"}}
    example = torch.rand(2, 3, INPUT_PX, INPUT_PX)
    export_onnx(model, example, ("crops", "rows"), axes, output_path(options, "vehicle_looks"))


if __name__ == "__main__":
    main()

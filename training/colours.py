"""Trains the colours of vehicles: `python -m training.colours` (after `training.looks`, whose data it shares).

Labels on open pictures are few, so simulated vehicles weigh three times as much, and statistics are blurred by
noise. Several small networks are averaged into one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from waysight.triton_models.vision.colour import COLOURS, statistics

from training.look_views import labelled_colours, simulated
from training.looks import VEHICLES, jittered
from training.loop import CACHE

HIDDEN, MEMBERS, STEPS, BATCH = 48, 3, 600, 128
COPIES, SIMULATED_WEIGHT, NOISE = 8, 3.0, 0.6
OUT = Path("triton_models/vehicle_looks/1/colours.npz")


def samples(
    cache: Path, data: Path, seed: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Statistics (n, 76), accepted colours (n, 10; 0 or 1) and sampling weights (n,)."""
    rng = np.random.default_rng(seed)
    crops, accepted, weights = [], [], []
    labelled = labelled_colours(cache, data)
    shares = {name: sum(name in names for _, names in labelled) for name in COLOURS}
    for kept, names in labelled:
        for _ in range(COPIES):
            crops.append(jittered(rng, kept, True))
            accepted.append([float(name in names) for name in COLOURS])
            weights.append(float(np.mean([1 / np.sqrt(shares[name] + 1) for name in names])))
    real = sum(weights)
    made = simulated(cache, data, *VEHICLES)
    lit = [(k, int(np.flatnonzero(row)[0])) for k, row in enumerate(made["lit"]) if row.any()]
    for vehicle, view in lit:
        crops.append(jittered(rng, made["crops"][vehicle, view], True))
        accepted.append([float(name == str(made["colours"][vehicle])) for name in COLOURS])
        weights.append((real or 1.0) * SIMULATED_WEIGHT / len(lit))
    return statistics(np.stack(crops)), np.array(accepted, np.float32), np.array(weights) / sum(weights)


def train(x: Tensor, accepted: Tensor, weights: npt.NDArray[np.float64], seed: int) -> nn.Sequential:
    """One network on standardised statistics."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = nn.Sequential(
        nn.Linear(x.shape[1], HIDDEN), nn.ReLU(), nn.Dropout(0.3), nn.Linear(HIDDEN, len(COLOURS))
    )
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
    for _ in range(STEPS):
        chosen = rng.choice(len(x), BATCH, p=weights)
        log_p = model(x[chosen] + NOISE * torch.randn(BATCH, x.shape[1])).log_softmax(1)
        loss = -torch.logsumexp(log_p.masked_fill(accepted[chosen] == 0, -1e4), 1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the colours of vehicles.")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="openly licensed pictures")
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    x, accepted, weights = samples(options.cache, options.data, options.seed)
    mean, scale = x.mean(0), x.std(0) + 1e-3
    standard = torch.from_numpy((x - mean) / scale)
    members = [train(standard, torch.from_numpy(accepted), weights, options.seed + k) for k in range(MEMBERS)]
    first, last = [m[0] for m in members], [m[3] for m in members]
    with torch.no_grad():
        layers = {
            "w1": torch.cat([layer.weight for layer in first]).T,
            "b1": torch.cat([layer.bias for layer in first]),
            "w2": torch.cat([layer.weight.T for layer in last]) / MEMBERS,
            "b2": sum(layer.bias for layer in last) / MEMBERS,
        }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: np.asarray(layer.numpy(), np.float32) for name, layer in layers.items()}
    np.savez(options.out, mean=mean, scale=scale, **arrays)
    print(f"{options.out}: {len(x)} samples, {options.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()

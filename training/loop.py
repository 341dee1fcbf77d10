"""The training loop that all models share: schedule, averaged weights, checkpoints, progress."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

CACHE = Path(".waysight/training")


def arguments(description: str, steps: int, batch: int) -> argparse.Namespace:
    """The options every training command takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--steps", type=int, default=steps, help="optimiser steps in all")
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--lr", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="auto", help="cpu, cuda, or auto: a GPU where there is one")
    parser.add_argument("--workers", type=int, default=1, help="processes that make samples")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="openly licensed pictures")
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--name", default="", help="checkpoint name, the model's name by default")
    parser.add_argument("--start-from", type=Path, help="begin with the weights of this checkpoint")
    parser.add_argument("--restart", action="store_true", help="ignore an existing checkpoint")
    parser.add_argument("--export", action="store_true", help="only export the checkpoint to ONNX")
    parser.add_argument("--out", type=Path, help="where the ONNX file goes; default: the model's folder")
    return parser.parse_args()


class Endless(torch.utils.data.IterableDataset[Any]):
    """Endless batches of a generator; the same for the same seed and number of workers.

    `make(options, rng)` yields (inputs, targets) for ever.
    """

    def __init__(
        self, make: Callable[[argparse.Namespace, Any], Iterator[Any]], options: argparse.Namespace, seed: int
    ) -> None:
        self.make, self.options, self.seed = make, options, seed

    def __iter__(self) -> Iterator[Any]:
        cv2.setNumThreads(1)
        worker = torch.utils.data.get_worker_info()
        return self.make(self.options, np.random.default_rng([self.seed, worker.id if worker else 0]))


def batches_of(samples: Endless, options: argparse.Namespace) -> Iterator[Any]:
    """The batches of a data set, made ahead by `--workers` processes."""
    ahead = 8 if options.workers else None
    return iter(
        torch.utils.data.DataLoader(
            samples, batch_size=None, num_workers=options.workers, prefetch_factor=ahead
        )
    )


def device_of(options: argparse.Namespace) -> torch.device:
    """Where training runs."""
    if options.device != "auto":
        return torch.device(options.device)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def moved(value: Any, device: torch.device) -> Any:
    """The value with every tensor in its lists and tuples on the device."""
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, list | tuple):
        return type(value)(moved(part, device) for part in value)
    return value


def trained(
    model: nn.Module,
    samples: Callable[[argparse.Namespace, Any], Iterator[Any]],
    loss_of: Callable[[Tensor, Any], Tensor],
    options: argparse.Namespace,
    name: str,
) -> nn.Module:
    """The model as `options` want it: read from its checkpoint (`--export`), or trained on endless `samples`."""
    checkpoint = checkpoint_path(options, name)
    if options.export:
        return load_weights(model, checkpoint)
    batches = batches_of(Endless(samples, options, options.seed), options)
    return fit_model(model, batches, loss_of, options, checkpoint)


def checkpoint_path(options: argparse.Namespace, name: str) -> Path:
    """Where the checkpoint of a model is: under `--name` if given."""
    return Path(options.cache) / f"{options.name or name}.pt"


def fit_model(
    model: nn.Module,
    batches: Iterator[tuple[Tensor, Any]],
    loss_of: Callable[[Tensor, Any], Tensor],
    options: argparse.Namespace,
    checkpoint: Path,
) -> nn.Module:
    """Trains, resuming from `checkpoint` where it exists; returns the model with averaged weights, on the CPU."""
    torch.set_num_threads(options.threads)
    device = device_of(options)
    model.to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), lr=options.lr, weight_decay=0.02)
    averaged = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=_average, use_buffers=True)
    step = 0
    if checkpoint.exists() and not options.restart:
        saved = torch.load(checkpoint, weights_only=True, map_location=device)
        model.load_state_dict(saved["model"])
        averaged.load_state_dict(saved["averaged"])
        optimiser.load_state_dict(saved["optimiser"])
        step = int(saved["step"])
    elif options.start_from:
        adopt(model, torch.load(options.start_from, weights_only=True, map_location="cpu")["weights"])
        averaged.module.load_state_dict(model.state_dict())
    schedule = _schedule(options.lr, options.steps)
    started, mean_loss, first = time.process_time(), 0.0, step
    model.train()
    while step < options.steps:
        for group in optimiser.param_groups:
            group["lr"] = schedule(step)
        inputs, targets = moved(next(batches), device)
        loss = loss_of(model(inputs.contiguous(memory_format=torch.channels_last)), targets)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        averaged.update_parameters(model)
        step += 1
        mean_loss += (float(loss.detach()) - mean_loss) * max(0.02, 1 / (step - first))
        if step % 50 == 0:
            cpu_s = time.process_time() - started
            print(f"step {step}/{options.steps} loss {mean_loss:.4f} cpu {cpu_s:.0f} s", flush=True)
        if step % 200 == 0 or step == options.steps:
            _save(checkpoint, model, averaged, optimiser, step)
    result: nn.Module = averaged.module
    return result.cpu().eval()


def adopt(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Takes over the weights whose name and shape the model has; says how many of its own stay as they are."""
    own = model.state_dict()
    fitting = {
        name: value for name, value in weights.items() if name in own and own[name].shape == value.shape
    }
    model.load_state_dict(own | fitting)
    print(f"started from {len(fitting)} tensors; {len(own) - len(fitting)} begin anew", flush=True)


def _average(averaged: list[Tensor], current: list[Tensor], count: Tensor | int) -> None:
    """An exponential average that forgets the random start soon, so that short trainings get good weights, too."""
    decay = min(0.998, (1 + int(count)) / (20 + int(count)))
    torch.optim.swa_utils.get_ema_multi_avg_fn(decay)(averaged, current, count)


def _schedule(peak: float, steps: int) -> Callable[[int], float]:
    warm = min(200, steps // 10 + 1)

    def rate(step: int) -> float:
        if step < warm:
            return peak * (step + 1) / warm
        share = (step - warm) / max(1, steps - warm)
        return peak * (0.01 + 0.99 * 0.5 * (1 + float(torch.cos(torch.tensor(share * torch.pi)))))

    return rate


def _save(checkpoint: Path, model: nn.Module, averaged: nn.Module, optimiser: Any, step: int) -> None:
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    state = {
        "model": model.state_dict(),
        "averaged": averaged.state_dict(),
        "weights": averaged.module.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": step,
    }
    partial = checkpoint.with_suffix(".part")
    torch.save(state, partial)
    partial.replace(checkpoint)


def load_weights(model: nn.Module, checkpoint: Path) -> nn.Module:
    """The model with the averaged weights of a checkpoint, ready for inference."""
    model.load_state_dict(torch.load(checkpoint, weights_only=True, map_location="cpu")["weights"])
    return model.eval()

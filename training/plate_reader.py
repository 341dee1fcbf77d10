"""Trains the plate reader on synthetic crops: `python -m training.plate_reader`, see training/README.md."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from waysight.triton_models.vision.ctc import ALPHABET, best_path

from training.export import export_onnx, output_path
from training.loop import Endless, arguments, trained
from training.nets import PlateReader
from training.reader_crops import reader_crop
from training.sources import backgrounds

HOLD_OUT_SEED = 990_001


def crops(options: argparse.Namespace, rng: np.random.Generator) -> Iterator[tuple[Tensor, list[str]]]:
    """Endless batches of crops (n, 1, 40, 128) and their texts."""
    pictures = backgrounds(options.data, options.cache)
    while True:
        samples = [reader_crop(rng, pictures) for _ in range(options.batch)]
        images = np.stack([crop for crop, _ in samples])[:, None].astype(np.float32) / 255
        yield torch.from_numpy(images), [text for _, text in samples]


def ctc_loss(logits: Tensor, texts: list[str]) -> Tensor:
    """CTC loss of logits (n, 32, 37) against texts over 0-9A-Z; an empty text means blank throughout."""
    codes = [ALPHABET.index(c) + 1 for text in texts for c in text]
    targets = torch.tensor(codes, dtype=torch.long, device=logits.device)
    lengths = torch.tensor([len(text) for text in texts], dtype=torch.long)
    log_probabilities = logits.log_softmax(2).transpose(0, 1)
    steps = torch.full((len(texts),), logits.shape[1], dtype=torch.long)
    losses = torch.nn.functional.ctc_loss(
        log_probabilities, targets, steps, lengths, reduction="none", zero_infinity=True
    )
    return (losses / (lengths.to(logits.device) + 1)).mean()


def hold_out_accuracy(model: torch.nn.Module, options: argparse.Namespace, batches: int = 16) -> float:
    """Share of unseen synthetic crops read exactly (nothing legible counts as exact when read as nothing)."""
    source = iter(Endless(crops, options, HOLD_OUT_SEED))
    hits = total = 0
    for _ in range(batches):
        images, texts = next(source)
        with torch.no_grad():
            logits = model(images).numpy()
        hits += sum(best_path(one)[0] == text for one, text in zip(logits, texts, strict=True))
        total += len(texts)
    return hits / total


def main() -> None:
    options = arguments("Train the plate reader (CTC) on synthetic plates.", steps=3600, batch=64)
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    model = trained(PlateReader(), crops, ctc_loss, options, "plate_reader")
    print(f"synthetic hold-out: {hold_out_accuracy(model, options):.3f} exact")
    example = torch.rand(3, 1, 40, 128)
    export_onnx(
        model,
        example,
        ("image", "logits"),
        {"image": {0: "n"}, "logits": {0: "n"}},
        output_path(options, "plate_reader"),
    )


if __name__ == "__main__":
    main()

"""ONNX export, checked number by number against torch."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn
from waysight.triton_models.vision.sessions import open_network

TOLERANCE = 1e-3


def export_onnx(
    model: nn.Module,
    example: torch.Tensor,
    names: tuple[str, str],
    axes: dict[str, dict[int, str]],
    path: Path,
) -> str:
    """Writes `path` and returns the first 12 hex digits of its sha256; raises SystemExit where numbers differ."""
    path.parent.mkdir(parents=True, exist_ok=True)
    model.eval()
    torch.onnx.export(
        model,
        (example,),
        str(path),
        input_names=[names[0]],
        output_names=[names[1]],
        dynamic_axes=axes,
        dynamo=False,
        opset_version=17,
    )
    onnx.checker.check_model(str(path))
    with torch.no_grad():
        expected = model(example).numpy()
    actual = open_network(path)(example.numpy())
    difference = float(np.abs(expected - actual).max())
    if difference > TOLERANCE * max(1.0, float(np.abs(expected).max())):
        raise SystemExit(f"{path}: onnxruntime differs from torch by {difference:.2g}; do not ship this file")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    print(
        f"{path}: {path.stat().st_size / 1e6:.2f} MB, sha256 {digest}, differs from torch by at most {difference:.1e}"
    )
    return digest


def output_path(options: argparse.Namespace, model: str) -> Path:
    """Where a model's weights go: `--out`, else the Triton repository."""
    return options.out or Path("triton_models") / model / "1" / "model.onnx"

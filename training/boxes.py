"""Losses of anchor-free detectors: boxes as distances from a cell's centre to the four edges."""

from __future__ import annotations

import torch
from torch import Tensor


def focal_loss(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Sum of sigmoid focal losses (alpha 0.4, gamma 2) with per-element weights (0 ignores)."""
    probability = logits.sigmoid()
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    missed = torch.where(targets > 0, (targets - probability).abs(), probability)
    alpha = torch.where(targets > 0, 0.6, 0.4)
    return (alpha * missed**2 * entropy * weights).sum()


def giou_loss(edges: Tensor, wanted: Tensor) -> Tensor:
    """1 - GIoU per row of l, t, r, b distances from the same centre, both (n, 4)."""
    return 1 - giou(edges, wanted)


def giou(edges: Tensor, wanted: Tensor) -> Tensor:
    """Generalised intersection over union per row of l, t, r, b distances from the same centre (n, 4)."""
    inner = torch.minimum(edges, wanted)
    outer = torch.maximum(edges, wanted)
    shared = (inner[:, 0] + inner[:, 2]).clamp(min=0) * (inner[:, 1] + inner[:, 3]).clamp(min=0)
    area = (edges[:, 0] + edges[:, 2]) * (edges[:, 1] + edges[:, 3])
    area_wanted = (wanted[:, 0] + wanted[:, 2]) * (wanted[:, 1] + wanted[:, 3])
    union = area + area_wanted - shared + 1e-6
    hull = (outer[:, 0] + outer[:, 2]) * (outer[:, 1] + outer[:, 3]) + 1e-6
    return shared / union - (hull - union) / hull

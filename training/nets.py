"""The small networks: a CTC plate reader, and anchor-free detectors with one or three strides."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Block(nn.Sequential):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int | tuple[int, int] = 3, stride: int = 1) -> None:
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (sides[0] // 2, sides[1] // 2)
        super().__init__(
            nn.Conv2d(inputs, outputs, sides, stride, padding, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(True),
        )


class Residual(nn.Module):
    """Two blocks and a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(Block(channels, channels), Block(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class PlateReader(nn.Module):
    """Grey (n, 1, 40, 128), 0..1 -> CTC logits (n, 32, 37): 0 blank, 1-10 digits, 11-36 letters."""

    def __init__(self, classes: int = 37) -> None:
        super().__init__()
        self.body = nn.Sequential(
            Block(1, 16, 5, 2),
            Block(16, 32),
            nn.MaxPool2d(2),
            Block(32, 64),
            Residual(64),
            nn.MaxPool2d((2, 1)),
            Block(64, 128),
            Block(128, 128),
        )
        self.deep = Residual(128)
        self.collapse = nn.Sequential(
            nn.Conv2d(128, 128, (5, 1), bias=False), nn.BatchNorm2d(128), nn.ReLU(True)
        )
        self.along = nn.Sequential(Block(128, 128, (1, 5)), nn.Dropout(0.1), Block(128, 128, (1, 5)))
        self.head = nn.Conv2d(128, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        mean = image.mean((1, 2, 3), keepdim=True)
        spread = ((image - mean) ** 2).mean((1, 2, 3), keepdim=True).sqrt()
        x = self.collapse(self.deep(self.body((image - mean) / (spread + 0.02))))
        x = x + self.along(x)
        return self.head(x).squeeze(2).transpose(1, 2)


class PlateCorners(nn.Module):
    """Grey (n, 1, 64, 128), 0..1 -> (n, 18): two lines' corners as shares of the crop, two-line and legible logits."""

    def __init__(self, outputs: int = 18) -> None:
        super().__init__()
        self.body = nn.Sequential(
            Block(1, 16, 5, 2),
            Block(16, 32, 3, 2),
            Residual(32),
            Block(32, 64, 3, 2),
            Residual(64),
            Block(64, 96, 3, 2),
            Residual(96),
            Block(96, 48, 1),
        )
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(48 * 4 * 8, 192), nn.ReLU(True), nn.Linear(192, outputs)
        )
        with torch.no_grad():
            self.head[3].bias[:16] = torch.tensor([0.15, 0.3, 0.85, 0.3, 0.85, 0.7, 0.15, 0.7] * 2)

    def forward(self, image: Tensor) -> Tensor:
        mean = image.mean((1, 2, 3), keepdim=True)
        spread = ((image - mean) ** 2).mean((1, 2, 3), keepdim=True).sqrt()
        return self.head(self.body((image - mean) / (spread + 0.02)))


class PlateDetector(nn.Module):
    """BGR/255 (n, 3, h, w), sides multiples of 16 -> (n, 5, h/8, w/8): logit, then l, t, r, b in pixels.

    The distances are measured from the cell's centre, pixel (8 i + 4, 8 j + 4), to the box's edges.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            Block(3, 16, 3, 2),
            Block(16, 32, 3, 2),
            Block(32, 32),
            Block(32, 64, 3, 2),
            Residual(64),
            Residual(64),
        )
        self.wide = nn.Sequential(Block(64, 80, 3, 2), Residual(80), Block(80, 64, 1))
        self.neck = Block(64, 64)
        self.score = nn.Sequential(Block(64, 48), nn.Conv2d(48, 1, 1))
        self.edges = nn.Sequential(Block(64, 48), nn.Conv2d(48, 4, 1))
        nn.init.constant_(self.score[1].bias, -4.6)

    def forward(self, image: Tensor) -> Tensor:
        fine = self.body(image)
        coarse = nn.functional.interpolate(self.wide(fine), scale_factor=2.0, mode="nearest")
        x = self.neck(fine + coarse)
        edges = nn.functional.softplus(self.edges(x)) * 16.0
        return torch.cat([self.score(x), edges], 1)


class VehicleDetector(nn.Module):
    """BGR/255 letterbox (n, 3, h, w), sides multiples of 32 -> (n, cells, classes + 4).

    Rows are the cells of strides 8, 16, 32 in turn, row by row. Columns: class logits (their sigmoid is
    trained towards the box's overlap), then l, t, r, b in input pixels from the cell's centre.
    """

    STRIDES = (8, 16, 32)

    def __init__(self, classes: int = 6, width: int = 24) -> None:
        super().__init__()
        w = width
        self.stem = nn.Sequential(Block(3, 16, 3, 2), Block(16, w, 3, 2), Block(w, w))
        self.stage8 = nn.Sequential(Block(w, 2 * w, 3, 2), Residual(2 * w))
        self.stage16 = nn.Sequential(Block(2 * w, 4 * w, 3, 2), Residual(4 * w), Residual(4 * w))
        self.stage32 = nn.Sequential(Block(4 * w, 5 * w, 3, 2), Residual(5 * w))
        self.lateral = nn.ModuleList(Block(c, 2 * w, 1) for c in (2 * w, 4 * w, 5 * w))
        self.smooth = nn.ModuleList(Block(2 * w, 2 * w) for _ in self.STRIDES)
        self.tower = nn.Sequential(Block(2 * w, 2 * w))
        self.head = nn.Conv2d(2 * w, classes + 4, 1)
        self.scales = nn.Parameter(torch.ones(len(self.STRIDES)))
        self.classes = classes
        nn.init.constant_(self.head.bias[:classes], -4.6)

    def forward(self, image: Tensor) -> Tensor:
        c8 = self.stage8(self.stem(image))
        c16 = self.stage16(c8)
        c32 = self.stage32(c16)
        p32 = self.lateral[2](c32)
        p16 = self.lateral[1](c16) + nn.functional.interpolate(p32, scale_factor=2.0, mode="nearest")
        p8 = self.lateral[0](c8) + nn.functional.interpolate(p16, scale_factor=2.0, mode="nearest")
        rows = []
        for level, (feature, stride) in enumerate(zip((p8, p16, p32), self.STRIDES, strict=True)):
            out = self.head(self.tower(self.smooth[level](feature)))
            marks, edges = out[:, : self.classes], out[:, self.classes :]
            edges = nn.functional.softplus(edges) * self.scales[level] * (2.0 * stride)
            rows.append(torch.cat([marks, edges], 1).flatten(2).transpose(1, 2))
        return torch.cat(rows, 1)

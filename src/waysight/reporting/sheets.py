"""Sheets of pictures: one cell per sighting, cut from the kept evidence, with two lines of words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from waysight.adapters.evidence import EvidenceStore, frame_kind
from waysight.adapters.pictures import (
    GREEN,
    Picture,
    crop,
    decode_frame,
    draw_box,
    draw_text,
    fit_inside,
    grid,
)

CELL_W, CELL_H, COLUMNS = 384, 256, 5


def cell(store: EvidenceStore, evidence_ref: str, xyxy: Sequence[float], lines: tuple[str, str]) -> Picture:
    """The boxed object (px of its frame) of a kept frame above two lines; raises BadMessage when it is not kept."""
    picture = decode_frame(frame_kind(evidence_ref), store.get(evidence_ref))
    draw_box(picture, xyxy, "")
    drawn = np.full((CELL_H, CELL_W, 3), 24, dtype=np.uint8)
    view = fit_inside(crop(picture, xyxy, margin=0.25), CELL_W, CELL_H - 44)
    drawn[: view.shape[0], (CELL_W - view.shape[1]) // 2 :][:, : view.shape[1]] = view
    draw_text(drawn, (4, CELL_H - 42), lines[0], GREEN)
    draw_text(drawn, (4, CELL_H - 21), lines[1], GREEN)
    return drawn


def sheet(cells: Sequence[Picture]) -> Picture:
    """All cells, five in a row; of none, a cell that says so."""
    if not cells:
        empty = np.full((CELL_H, CELL_W, 3), 24, dtype=np.uint8)
        draw_text(empty, (10, CELL_H // 2), "no sighting", GREEN)
        return empty
    return grid(cells, COLUMNS)

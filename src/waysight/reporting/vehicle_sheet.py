"""The vehicles that a search found, drawn from kept evidence onto one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from waysight.adapters.evidence import EvidenceStore
from waysight.adapters.pictures import GREEN, Picture, draw_text
from waysight.errors import BadConfiguration, BadMessage
from waysight.reporting.sheets import CELL_H, CELL_W, cell, sheet

MOST = 60


def write_sheet(rows: Sequence[Mapping[str, Any]], store: EvidenceStore, path: Path) -> None:
    """Write a PNG with up to 60 found sightings in their order; raises BadConfiguration when it cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = sheet([_cell(row, store) for row in rows[:MOST]])
    try:
        written = cv2.imwrite(str(path), drawn)
    except cv2.error:
        written = False
    if not written:
        raise BadConfiguration(f"cannot write {path}; choose another --sheet, ending in .png")


def _cell(row: Mapping[str, Any], store: EvidenceStore) -> Picture:
    likeness = "" if row["likeness"] is None else f"{row['likeness']:.3f}  "
    seen = datetime.fromtimestamp(row["first_ms"] / 1000, UTC)
    lines = (
        f"{likeness}{row['colour']} {row['label']} {row['plate']}",
        f"{row['camera_id']} {seen:%d.%m. %H:%M:%SZ}",
    )
    try:
        return cell(store, row["evidence_ref"], row["box"], lines)
    except BadMessage:  # the frame's retention is over, or it was never kept
        empty = np.full((CELL_H, CELL_W, 3), 24, dtype=np.uint8)
        draw_text(empty, (4, CELL_H // 2), "not kept", GREEN)
        draw_text(empty, (4, CELL_H - 42), lines[0], GREEN)
        draw_text(empty, (4, CELL_H - 21), lines[1], GREEN)
        return empty

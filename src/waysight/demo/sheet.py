"""The contact sheet: one annotated picture per sighting, drawn from the evidence as it was received."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from waysight.adapters.clickhouse import ClickHouse
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
from waysight.messages import Sighting
from waysight.storage.records import record_of

CELL_W, CELL_H, COLUMNS, MOST = 384, 256, 5, 60


def contact_sheet(clickhouse: ClickHouse, store: EvidenceStore, path: Path) -> int:
    """Write a PNG with up to 60 sightings, those with a plate first per camera; returns how many it shows."""
    rows = clickhouse.rows(
        "SELECT * FROM sightings_current WHERE final AND best_frame.evidence_ref != '' "
        f"ORDER BY plate = '', camera_id, first_ms, sighting_id LIMIT {MOST}"
    )
    cells = [_cell(record_of(row, Sighting), store) for row in rows]
    cv2.imwrite(str(path), _grid(cells))
    return len(cells)


def _cell(sighting: Sighting, store: EvidenceStore) -> Picture:
    frame = sighting.best_frame
    assert frame is not None
    picture = decode_frame(frame_kind(frame.evidence_ref), store.get(frame.evidence_ref))
    name = f"{sighting.colour} {sighting.label}".strip()
    draw_box(picture, (frame.x1, frame.y1, frame.x2, frame.y2), "")
    cell = np.full((CELL_H, CELL_W, 3), 24, dtype=np.uint8)
    view = fit_inside(
        crop(picture, (frame.x1, frame.y1, frame.x2, frame.y2), margin=0.25), CELL_W, CELL_H - 44
    )
    cell[: view.shape[0], (CELL_W - view.shape[1]) // 2 :][:, : view.shape[1]] = view
    speed = f" {sighting.speed_kmh:.0f} km/h" if sighting.speed_kmh is not None else ""
    draw_text(
        cell,
        (4, CELL_H - 42),
        f"{sighting.plate or '-'} {sighting.plate_confidence:.2f}  {name}{speed}",
        GREEN,
    )
    draw_text(cell, (4, CELL_H - 21), f"{sighting.camera_id}", GREEN)
    return cell


def _grid(cells: Sequence[Picture]) -> Picture:
    if not cells:
        empty = np.full((CELL_H, CELL_W, 3), 24, dtype=np.uint8)
        draw_text(empty, (10, CELL_H // 2), "no sighting", GREEN)
        return empty
    return grid(cells, COLUMNS)

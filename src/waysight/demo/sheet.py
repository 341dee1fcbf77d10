"""The contact sheet: one annotated picture per sighting, drawn from the evidence as it was received."""

from __future__ import annotations

from pathlib import Path

import cv2

from waysight.adapters.clickhouse import ClickHouse
from waysight.adapters.evidence import EvidenceStore
from waysight.adapters.pictures import Picture
from waysight.messages import Sighting
from waysight.reporting.sheets import cell, sheet
from waysight.storage.records import record_of

MOST = 60


def contact_sheet(clickhouse: ClickHouse, store: EvidenceStore, path: Path) -> int:
    """Write a PNG with up to 60 sightings, those with a plate first per camera; returns how many it shows."""
    rows = clickhouse.rows(
        "SELECT * FROM sightings_current WHERE final AND best_frame.evidence_ref != '' "
        f"ORDER BY plate = '', camera_id, first_ms, sighting_id LIMIT {MOST}"
    )
    cells = [_cell(record_of(row, Sighting), store) for row in rows]
    cv2.imwrite(str(path), sheet(cells))
    return len(cells)


def _cell(sighting: Sighting, store: EvidenceStore) -> Picture:
    frame = sighting.best_frame
    assert frame is not None
    name = f"{sighting.colour} {sighting.label}".strip()
    speed = f" {sighting.speed_kmh:.0f} km/h" if sighting.speed_kmh is not None else ""
    words = f"{sighting.plate or '-'} {sighting.plate_confidence:.2f}  {name}{speed}"
    box = (frame.x1, frame.y1, frame.x2, frame.y2)
    return cell(store, frame.evidence_ref, box, (words, sighting.camera_id))

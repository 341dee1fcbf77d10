"""What the measurements share: cameras, hotlists, and where their results go."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from waysight.adapters.kafka import Publisher
from waysight.cameras.files import load_cameras, to_records
from waysight.messages import WatchlistEntry
from waysight.settings import get_settings

FAR_MS = 4_000_000_000_000  # beyond every date of a measurement, UTC epoch ms


def publish_cameras(publisher: Publisher, file: Path) -> None:
    """Register the cameras of a file."""
    for record in to_records(load_cameras(file)):
        publisher.publish("cameras", record.camera_id, record)
    publisher.flush()


def publish_hotlist(publisher: Publisher, plates: Iterable[str]) -> None:
    """Look for these plates at all times."""
    for number, plate in enumerate(plates):
        entry = WatchlistEntry(
            entry_id=f"e{number}",
            plate=plate,
            kind="stolen",
            priority=1,
            legal_basis="bench",
            authority="bench",
            case_number="bench",
            source="bench",
            audience="",
            valid_from_ms=0,
            expires_ms=FAR_MS,
        )
        publisher.publish("watchlist", entry.entry_id, entry)
    publisher.flush()


def save(name: str, result: dict[str, Any]) -> dict[str, Any]:
    """Write out/bench/NAME.json; returns the result."""
    path = get_settings().out_dir / "bench" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
    return result

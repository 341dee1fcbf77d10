"""What tests of officers' commands on the real parts share: a database of their own, plates, a frame."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterator
from itertools import count as count_from
from itertools import islice
from pathlib import Path

import numpy as np
from workers import running

from waysight import settings as settings_module
from waysight.adapters.clickhouse import connect
from waysight.adapters.evidence import EvidenceStore, frame_key
from waysight.adapters.pictures import encode_jpeg
from waysight.messages import FrameRef
from waysight.settings import Settings
from waysight.storage.migrations import migrate

WHY = ("--purpose", "test", "--case", "KZ-6")
_numbers = count_from(1)


@contextlib.contextmanager
def own_database(stack: Settings, folder: Path, name: str) -> Iterator[Settings]:
    """The stack with a database and an evidence folder of one's own."""
    found = stack.model_copy(
        update={"clickhouse_database": name, "user": "tester", "evidence_url": (folder / "evidence").as_uri()}
    )
    migrate(found)
    with settings_module.using(found):
        yield found
    client = connect(found)
    client.run(f"DROP DATABASE {name}")
    client.close()


@contextlib.contextmanager
def own_desk(stack: Settings, folder: Path, name: str, *workers: str) -> Iterator[Settings]:
    """The same, and workers that run meanwhile."""
    with (
        own_database(stack, folder, name) as found,
        running(found, folder / "workers.log", "process", *workers, "--instance", name),
    ):
        yield found


def plates(count: int) -> list[str]:
    """Kazakh plates that no other test of this run has."""
    return [f"{number % 1000:03}PX{'ABCEHKMOPTXY'[number // 1000]}02" for number in islice(_numbers, count)]


def write_csv(path: Path, *rows: dict[str, str]) -> str:
    """A file of these rows, its path."""
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def keep_frame(settings: Settings, camera_id: str, at_ms: int, epoch: str, plate: str) -> FrameRef:
    """A frame of noise in the evidence store, with a vehicle and its plate on it."""
    data = encode_jpeg(np.random.default_rng(at_ms % 1000).integers(0, 255, (90, 160, 3), dtype=np.uint8))
    key = frame_key(camera_id, at_ms, epoch, 1, "jpeg")
    digest = EvidenceStore(settings.evidence).put(key, data)
    return FrameRef(captured_ms=at_ms, evidence_ref=key, sha256=digest, x1=10, y1=8, x2=100, y2=80, plate_x1=40, plate_y1=50,
                    plate_x2=60, plate_y2=56, plate_text=plate, plate_confidence=0.97)  # fmt: skip

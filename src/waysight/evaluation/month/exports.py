"""What was found in a simulated month, read from export files alone, each checked against its manifest.

Rows are what `waysight export` wrote as Parquet. Nothing here knows records, rules or processors.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet

from waysight.digests import sha256_of
from waysight.errors import BadMessage
from waysight.reporting.row_digest import RowDigest

Row = Mapping[str, Any]
DATASETS = ("violations", "fines", "referrals", "counts")
_AT_ONCE = 10_000
_HOUR_MS = 3_600_000
_FACTS = {
    "violations": (
        "violation_id", "offence", "camera_id", "section_id", "plate", "occurred_ms", "enforceable", "enforced_kmh",
        "limit_kmh", "sighting_ids", "corrects",
    ),
    "counts": ("measure", "camera_id", "category", "window_start_ms", "value"),
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """Rows of the exports; `passes` by camera, class of vehicle and hour since the epoch."""

    violations: Sequence[Row]
    fines: Sequence[Row]
    referrals: Sequence[Row]
    passes: Mapping[tuple[str, str, int], int]


def file_of(folder: Path, dataset: str) -> Path:
    """Where the export of a dataset lies."""
    return folder / f"{dataset}.parquet"


def read_found(folder: Path) -> Found:
    """What the exports in a folder say; raises BadMessage for a file that is not what its manifest says."""
    passes: Counter[tuple[str, str, int]] = Counter()
    for row in rows_of_export(file_of(folder, "counts")):
        if row["measure"] == "passes":
            passes[row["camera_id"], row["category"], row["window_start_ms"] // _HOUR_MS] += row["value"]
    violations, fines, referrals = (list(rows_of_export(file_of(folder, d))) for d in DATASETS[:3])
    return Found(violations, fines, referrals, passes)


def rows_of_export(path: Path) -> Iterator[Row]:
    """Rows of a Parquet export, once its rows, hash, columns and row hash are found right; raises BadMessage."""
    manifest = json.loads(path.with_name(f"{path.name}.manifest.json").read_text())
    columns = [column["name"] for column in manifest["columns"]]
    _agree(path, {"dataset": path.stem, "sha256": sha256_of(path)}, manifest)
    digest = RowDigest()
    with pyarrow.parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(_AT_ONCE):
            digest.add(batch)
        said = {"rows": file.metadata.num_rows, "rows_sha256": digest.hexdigest()}
        _agree(path, {**said, "columns": file.schema_arrow.names}, {**manifest, "columns": columns})
        for batch in file.iter_batches(_AT_ONCE, columns=_FACTS.get(path.stem)):
            yield from batch.to_pylist()


def _agree(path: Path, found: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    for name, value in found.items():
        if value != said[name]:
            raise BadMessage(f"{path}: {name} is {value}, its manifest says {said[name]}")

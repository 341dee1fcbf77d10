"""Recomputes the demo's figures from its exports and truth.json; shares no code with waysight.

    python src/waysight/demo/score.py --exports out/demo/exports --truth out/demo/truth.json

Prints one JSON object: `violations`, `alerts`, `fines` as {truth, found, false} (fines also with sum_truth and
sum_found) and `plates` as {truth, read_exact}. Exits 1 when an input is missing or empty. Only passes whose plate
the truth calls legible count for violations and alerts.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.csv

VIOLATION_WINDOW_MS = 5_000
ALERT_WINDOW_MS = 10_000
PASS_MARGIN_MS = 2_000
TEXT = (
    "plate",
    "camera_id",
    "section_id",
    "offence",
    "kind",
    "amount",
    "currency",
    "violation_id",
    "fine_id",
    "alert_id",
)
Row = dict[str, Any]


def read_rows(path: Path) -> list[Row]:
    """All lines of a CSV file; text columns stay text. Exits with a message when there are none."""
    if not path.is_file() or path.stat().st_size == 0:
        sys.exit(f"error: {path} is missing or empty: export it first")
    types = dict.fromkeys(TEXT, pyarrow.string())
    options = pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=False)
    rows: list[Row] = pyarrow.csv.read_csv(path, convert_options=options).to_pylist()
    return rows


def as_ms(value: Any) -> int:
    """A time column as UTC epoch ms: a number, or a timestamp (UTC where it names no zone)."""
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1000)
    return int(value)


def newest(rows: list[Row], key: str, version: str) -> list[Row]:
    """One row per id: the one with the highest version, when the export holds several."""
    best: dict[Any, Row] = {}
    for row in rows:
        held = best.get(row[key])
        if held is None or int(row.get(version) or 0) >= int(held.get(version) or 0):
            best[row[key]] = row
    return list(best.values())


def same_violation(true: Row, row: Row) -> bool:
    """Offence, place, plate and time agree."""
    place = true["section_id"] or true["camera_id"]
    found_place = (row.get("section_id") or row["camera_id"]) if true["section_id"] else row["camera_id"]
    near = abs(as_ms(row["occurred_ms"]) - true["occurred_ms"]) <= VIOLATION_WINDOW_MS
    return near and (row["offence"], found_place, row["plate"]) == (true["offence"], place, true["plate"])


def score_violations(truth: Row, rows: list[Row]) -> Row:
    """Each true violation is found once; every row that matches none, or one already found, is false."""
    open_rows, found = list(newest(rows, "violation_id", "version")), 0
    for true in truth["violations"]:
        match = next((row for row in open_rows if same_violation(true, row)), None)
        if match is not None:
            open_rows.remove(match)
            found += 1
    return {"truth": len(truth["violations"]), "found": found, "false": len(open_rows)}


def score_alerts(truth: Row, rows: list[Row]) -> Row:
    """Several alerts about one pass count once; alerts that match no true one are false."""
    found, false = set(), 0
    for row in newest(rows, "alert_id", "version"):
        matches = [
            i
            for i, true in enumerate(truth["alerts"])
            if (true["plate"], true["camera_id"]) == (row["plate"], row["camera_id"])
            and abs(as_ms(row["occurred_ms"]) - true["seen_ms"]) <= ALERT_WINDOW_MS
        ]
        found.update(matches[:1])
        false += not matches
    return {"truth": len(truth["alerts"]), "found": len(found), "false": false}


def score_fines(truth: Row, rows: list[Row]) -> Row:
    """A fine is right when plate, offence, amount and currency are; anything else is false."""
    open_rows = [row for row in newest(rows, "fine_id", "version") if row.get("status") != "cancelled"]
    total, found, right = sum((Decimal(row["amount"]) for row in open_rows), Decimal(0)), 0, list(open_rows)
    for true in truth["fines"]:
        wanted = (true["plate"], true["offence"], Decimal(true["amount"]), true["currency"])
        match = next(
            (r for r in right if (r["plate"], r["offence"], Decimal(r["amount"]), r["currency"]) == wanted),
            None,
        )
        if match is not None:
            right.remove(match)
            found += 1
    expected = sum(Decimal(true["amount"]) for true in truth["fines"])
    return {
        "truth": len(truth["fines"]), "found": found, "false": len(right),
        "sum_truth": float(expected), "sum_found": float(total),
    }  # fmt: skip


def score_plates(truth: Row, rows: list[Row]) -> Row:
    """Legible passes, and how many have a sighting at that camera and time with exactly their plate."""
    seen: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for row in rows:
        seen.setdefault((row["camera_id"], row["plate"]), []).append(
            (as_ms(row["first_ms"]), as_ms(row["last_ms"]))
        )
    legible = [p for p in truth["passes"] if p["legible"] and p["plate"]]
    exact = sum(
        any(
            first <= p["last_ms"] + PASS_MARGIN_MS and last >= p["first_ms"] - PASS_MARGIN_MS
            for first, last in seen.get((p["camera_id"], p["plate"]), [])
        )
        for p in legible
    )
    return {"truth": len(legible), "read_exact": exact}


def score(exports: Path, truth_file: Path) -> Row:
    """All figures from a folder of exports and the truth."""
    if not truth_file.is_file():
        sys.exit(f"error: {truth_file} is missing: render the demo first")
    truth = json.loads(truth_file.read_text(encoding="utf-8"))
    if not truth.get("passes"):
        sys.exit(f"error: {truth_file} holds no passes: render the demo again")
    rows = {
        name: read_rows(exports / f"{name}.csv") for name in ("violations", "alerts", "fines", "sightings")
    }
    if not rows["sightings"]:
        sys.exit(f"error: {exports / 'sightings.csv'} has no lines: nothing was seen")
    return {
        "violations": score_violations(truth, rows["violations"]),
        "alerts": score_alerts(truth, rows["alerts"]),
        "fines": score_fines(truth, rows["fines"]),
        "plates": score_plates(truth, rows["sightings"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Score the demo's exports against its truth.")
    parser.add_argument(
        "--exports", type=Path, required=True, help="folder with violations.csv, alerts.csv, ..."
    )
    parser.add_argument("--truth", type=Path, required=True, help="truth.json of the rendered city")
    arguments = parser.parse_args()
    print(json.dumps(score(arguments.exports, arguments.truth), indent=1))


if __name__ == "__main__":
    main()

"""The scorer counts right, and notices what is wrong."""

import csv
import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

TRUTH = {
    "passes": [
        {"camera_id": "c", "plate": "123ABC02", "legible": True, "first_ms": 1000, "last_ms": 3000},
        {"camera_id": "c", "plate": "00012A3", "legible": True, "first_ms": 5000, "last_ms": 6000},
        {"camera_id": "c", "plate": "999", "legible": False, "first_ms": 0, "last_ms": 1},
    ],
    "violations": [
        {
            "offence": "average_speed",
            "camera_id": "c",
            "section_id": "s",
            "plate": "123ABC02",
            "occurred_ms": 2000,
        },
        {
            "offence": "red_light",
            "camera_id": "c",
            "section_id": None,
            "plate": "00012A3",
            "occurred_ms": 5500,
        },
    ],
    "alerts": [{"plate": "123ABC02", "camera_id": "c", "kind": "stolen", "seen_ms": 2000}],
    "fines": [{"plate": "123ABC02", "offence": "average_speed", "amount": 21625, "currency": "KZT"}],
}
VIOLATION = {
    "violation_id": "v1",
    "offence": "average_speed",
    "camera_id": "c",
    "section_id": "s",
    "plate": "123ABC02",
    "occurred_ms": 6900,
}
ALERT = {
    "alert_id": "a1",
    "kind": "stolen",
    "plate": "123ABC02",
    "camera_id": "c",
    "occurred_ms": 2500,
    "status": "new",
}
FINE = {
    "fine_id": "f1",
    "violation_id": "v1",
    "plate": "123ABC02",
    "offence": "average_speed",
    "amount": "21625.00",
    "currency": "KZT",
}
SIGHTING = {
    "sighting_id": "s1",
    "camera_id": "c",
    "plate": "123ABC02",
    "first_ms": 1500,
    "last_ms": 2500,
    "label": "car",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "truth.json").write_text(json.dumps(TRUTH), encoding="utf-8")
    for name, row in (("violations", VIOLATION), ("alerts", ALERT), ("fines", FINE), ("sightings", SIGHTING)):
        write(tmp_path, name, row)
    return tmp_path


def write(folder: Path, name: str, *rows: dict) -> None:
    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def run(root: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    script = str(root / "src/waysight/demo/score.py")
    command = [sys.executable, script, "--exports", str(folder), "--truth", str(folder / "truth.json")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def figures(root: Path, folder: Path) -> dict:
    score = runpy.run_path(str(root / "src/waysight/demo/score.py"))["score"]
    return score(folder, folder / "truth.json")


def test_counts_what_was_found(root: Path, folder: Path) -> None:
    done = run(root, folder)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "violations": {"truth": 2, "found": 1, "false": 0},
        "alerts": {"truth": 1, "found": 1, "false": 0},
        "fines": {"truth": 1, "found": 1, "false": 0, "sum_truth": 21625.0, "sum_found": 21625.0},
        "plates": {"truth": 2, "read_exact": 1},
    }


def test_wrong_plate_time_place_or_amount_is_false(root: Path, folder: Path) -> None:
    late, elsewhere = (
        VIOLATION | {"violation_id": "v2", "occurred_ms": 7100},
        VIOLATION | {"violation_id": "v3", "section_id": "t"},
    )
    write(folder, "violations", VIOLATION, VIOLATION | {"violation_id": "v4"}, late, elsewhere)
    write(
        folder, "alerts", ALERT, ALERT | {"alert_id": "a2"}, ALERT | {"alert_id": "a3", "plate": "123ABC03"}
    )
    write(folder, "fines", FINE | {"amount": "43250.00"})
    result = figures(root, folder)
    assert result["violations"] == {"truth": 2, "found": 1, "false": 3}
    assert result["alerts"] == {"truth": 1, "found": 1, "false": 1}
    assert result["fines"] | {"sum_truth": 0} == {
        "truth": 1,
        "found": 0,
        "false": 1,
        "sum_truth": 0,
        "sum_found": 43250.0,
    }


def test_newer_versions_replace_older_ones(root: Path, folder: Path) -> None:
    write(folder, "fines", FINE | {"version": 0, "status": "issued"}, FINE | {"version": 1, "status": "paid"})
    assert figures(root, folder)["fines"]["false"] == 0


def test_iso_times_and_leading_zeros_survive(root: Path, folder: Path) -> None:
    row = SIGHTING | {
        "plate": "00012A3",
        "first_ms": "1970-01-01T00:00:05.500Z",
        "last_ms": "1970-01-01T00:00:06.000Z",
    }
    write(folder, "sightings", row)
    assert figures(root, folder)["plates"] == {"truth": 2, "read_exact": 1}


@pytest.mark.parametrize("name", ["truth.json", "violations.csv", "sightings.csv"])
def test_missing_and_empty_inputs_fail(root: Path, folder: Path, name: str) -> None:
    (folder / name).write_text("", encoding="utf-8") if name != "truth.json" else (folder / name).unlink()
    done = run(root, folder)
    assert done.returncode == 1
    assert name in done.stderr


def test_no_sightings_at_all_is_a_failure(root: Path, folder: Path) -> None:
    (folder / "sightings.csv").write_text(",".join(SIGHTING) + "\n", encoding="utf-8")
    assert run(root, folder).returncode == 1

"""What a simulated month found is read from exports alone, and only from exports that are what they say."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from waysight.errors import BadMessage
from waysight.evaluation.month.exports import DATASETS, file_of, read_found, rows_of_export
from waysight.evaluation.month.run import Order, run_month
from waysight.evaluation.month.score import scored
from waysight.settings import Settings
from waysight.simulate.month.deed import Deed
from waysight.simulate.month.tariffs import KZ
from waysight.simulate.month.truth import Truth


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("month")
    score = run_month(Order("kz", date(2026, 1, 5), 1, 200, 1), Settings(), folder=folder)
    assert score.counts.truth == score.counts.found == score.passes
    return folder


def _copied(folder: Path, to: Path) -> Path:
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


def test_found_is_what_the_files_say(exports: Path) -> None:
    found = read_found(exports)
    assert len(found.violations) == len({v["violation_id"] for v in found.violations}) > 0
    assert {f["violation_id"] for f in found.fines} <= {v["violation_id"] for v in found.violations}
    assert sum(found.passes.values()) > 200


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_tampered_file_is_refused(dataset: str, exports: Path, tmp_path: Path) -> None:
    folder = _copied(exports, tmp_path)
    path = file_of(folder, dataset)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(BadMessage, match=path.name):
        list(rows_of_export(path))


def test_other_rows_than_the_manifest_speaks_of_are_refused(exports: Path, tmp_path: Path) -> None:
    path = file_of(_copied(exports, tmp_path), "fines")
    manifest = path.with_name(path.name + ".manifest.json")
    said = json.loads(manifest.read_text())
    for name, wrong in (("rows", said["rows"] + 1), ("rows_sha256", "0" * 64), ("dataset", "violations")):
        manifest.write_text(json.dumps({**said, name: wrong}))
        with pytest.raises(BadMessage, match=f"{name} is"):
            list(rows_of_export(path))


def test_an_hour_with_too_few_or_too_many_passes_is_told(exports: Path) -> None:
    found = read_found(exports)
    place = next(iter(found.passes))
    truth = Truth(KZ)
    truth.counts.update(found.passes)
    truth.counts[place] += 2
    truth.counts["elsewhere", "car", 1] = 1
    more = replace(found, passes={**found.passes, ("nowhere", "car", 1): 3})
    score = scored(truth, more, {})
    total = sum(found.passes.values())
    assert (score.counts.truth, score.counts.found, score.counts.false) == (total + 3, total, 3)
    assert any(line.startswith("passes nowhere car 1970-01-01T01Z: 3, truly 0") for line in score.differences)
    assert not score.right


def test_what_an_officer_mended_is_another_violation(exports: Path) -> None:
    found = read_found(exports)
    first = next(v for v in found.violations if v["enforceable"])
    truth = Truth(KZ)
    deed = Deed(
        first["offence"], tuple(first["sighting_ids"]), first["camera_id"], first["plate"], first["occurred_ms"],
        None, True, 5, mended_to="MENDED",
    )  # fmt: skip
    truth.add(deed)
    truth.add(replace(deed, plate="MENDED", mended_to="", mended=True))
    mended = {**first, "violation_id": "0" * 32, "plate": "MENDED", "corrects": first["violation_id"]}
    for violations, right in (
        ([first, mended], 2), ([mended, first], 2), ([first, first], 1), ([first, {**mended, "corrects": ""}], 1),
        ([first, {**mended, "plate": first["plate"]}], 1),
    ):  # fmt: skip
        score = scored(truth, replace(found, violations=violations, fines=(), referrals=()), {})
        assert (score.violations.truth, score.violations.found) == (2, right)
        assert score.violations.right == (right == 2)
        assert [row["plate"] for row in score.truth_rows["violations"]] == ["MENDED"]


def test_a_gap_in_the_numbers_of_fines_is_told(exports: Path) -> None:
    found = read_found(exports)
    series = found.fines[0]["series"]
    ours = [f for f in found.fines if f["series"] == series]
    later = [{**f, "serial": f["serial"] + 1} if f["serial"] == len(ours) else f for f in ours]
    for fines, gaps in ((ours, 0), (later, 2)):
        score = scored(Truth(KZ), replace(found, fines=fines), {})
        assert sum(line.startswith("number ") for line in score.differences) == gaps


def test_what_is_refused_is_told_once_and_only_what_should_be(exports: Path) -> None:
    found, truth = read_found(exports), Truth(KZ)
    truth.add(
        Deed(
            "spot_speed", ("0" * 32,), "d0-spot", "1", 1_780_000_000_000, 25.0, True, 5, fate="foreign_money"
        )
    )
    due = "payment p-0 by nobody: paid in USD, the fine is in KZT"
    for letters, left, words in (
        ({due: 1}, {}, 0),
        ({}, {}, 1),
        ({due: 1, due.replace("p-0", "p-1"): 1}, {}, 1),
        ({due: 2}, {due: 2}, 1),
        ({due: 1, "no record": 1}, {"no record": 1}, 0),
    ):
        score = scored(truth, found, letters)
        assert score.dead_letters == left
        assert sum("payments are refused" in line for line in score.differences) == words


def test_reading_and_judging_load_nothing_that_is_judged() -> None:
    code = "import sys, waysight.evaluation.month.score; print(*(m for m in sys.modules if m.startswith('waysight.')))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "waysight.evaluation.month.exports" in loaded
    judged = ("domain", "authority", "processors", "rules", "streaming", "storage", "codec")
    assert not [m for m in loaded.split() if m.split(".")[1] in judged]

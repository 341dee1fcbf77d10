"""Truths of several cities are pooled, and a wrong fine finds the pass that it was taken from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.wrong_fines import Truth, seeds_of
from waysight.reporting.truth import load_truth


def _city(folder: Path, plate: str, first_ms: int) -> Path:
    seen = {"plate": plate, "camera_id": "cam-1", "first_ms": first_ms, "last_ms": first_ms + 2000}
    act = {
        "plate": plate,
        "camera_id": "cam-1",
        "section_id": None,
        "offence": "red_light",
        "occurred_ms": first_ms,
    }
    fine = {"plate": plate, "offence": "red_light", "amount": 43250, "currency": "KZT", "hard": ""}
    folder.mkdir()
    truth = {"passes": [seen], "violations": [act], "fines": [fine], "other_entries": []}
    (folder / "truth.json").write_text(json.dumps(truth))
    return folder


def test_truths_are_pooled_and_the_likest_plate_of_the_moment_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = Truth()
    truth.add(1, _city(tmp_path / "a", "123ABC02", 10_000))
    truth.add(2, _city(tmp_path / "b", "123ABD02", 11_000))
    truth.write(tmp_path / "pooled.json")
    assert len(load_truth(tmp_path / "pooled.json")["violations"]) == 2
    near = truth.nearest("cam-1", 11_500, "123A8D02")
    assert near is not None
    assert near["plate"] == "123ABD02"
    assert truth.nearest("cam-1", 60_000, "123ABC02") is None
    assert not capsys.readouterr().err
    truth.add(3, _city(tmp_path / "c", "123ABC02", 99_000))
    assert "123ABC02 drove in an earlier city too" in capsys.readouterr().err


def test_seeds_are_a_span_or_a_list() -> None:
    assert seeds_of("1..3") == [1, 2, 3]
    assert seeds_of("8,5") == [8, 5]

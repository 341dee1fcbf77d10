"""Fines held against a truth: exact, lenient, wrong and missing ones, and why the missing are missing."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from waysight.reporting.truth import judge, load_truth, misses

PLACE = {"camera_id": "cam-1", "section_id": ""}


def _truth(tmp_path: Path, *fines: dict[str, Any]) -> dict[str, Any]:
    acts = [
        {"plate": f["plate"], "offence": "spot_speed", "occurred_ms": 1000 * n, **PLACE}
        for n, f in enumerate(fines)
    ]
    fixed = [{"offence": "spot_speed", "currency": "KZT", **f} for f in fines]
    (tmp_path / "truth.json").write_text(json.dumps({"violations": acts, "fines": fixed}))
    return load_truth(tmp_path / "truth.json")


def _fine(plate: str, amount: str, at_ms: int) -> dict[str, Any]:
    return {"number": plate, "plate": plate, "offence": "spot_speed", "amount": Decimal(amount), "currency": "KZT",
            "occurred_ms": at_ms, **PLACE}  # fmt: skip


def test_a_lower_tier_is_lenient_only_where_measuring_may_have_made_it(tmp_path: Path) -> None:
    truth = _truth(
        tmp_path,
        {"plate": "A", "amount": 200, "lowest_amount": 100},
        {"plate": "B", "amount": 200},
        {"plate": "C", "amount": 100, "lowest_amount": 0},
        {"plate": "D", "amount": 100, "lowest_amount": 50},
    )
    fines = [
        _fine("A", "100", 0),
        _fine("B", "100", 1000),
        _fine("C", "100.00", 2000),
        _fine("D", "200", 3000),
    ]
    found = judge(truth, fines)
    assert (found["lenient"], found["due"], found["fines"]) == (1, 4, 4)
    assert [w["number"] for w in found["wrong"]] == ["B", "D"]
    assert [m["plate"] for m in found["missing"]] == ["B", "D"]


def test_a_second_fine_for_one_act_is_wrong(tmp_path: Path) -> None:
    truth = _truth(tmp_path, {"plate": "A", "amount": 200, "lowest_amount": 100})
    found = judge(truth, [_fine("A", "200", 0), _fine("A", "100", 10)])
    assert [w["why"] for w in found["wrong"]] == ["no such act"]


@pytest.mark.parametrize(
    ("row", "lowest", "reason"),
    [
        (None, 100, "no violation under this plate"),
        (None, 0, "no violation, within the doubt of measuring"),
        ({"at_ms": 60_000}, 100, "no violation under this plate"),
        ({"enforceable": False, "obstacles": ["one_read"]}, 100, "not enforceable: one_read"),
        ({"decision": "rejected", "reason": "register_colour"}, 100, "rejected register_colour"),
        ({}, 100, "not reviewed"),
        ({"decision": "accepted"}, 100, "accepted, and no fine, or another one, followed"),
    ],
)
def test_why_a_fine_is_missing(tmp_path: Path, row: dict[str, Any] | None, lowest: int, reason: str) -> None:
    truth = _truth(tmp_path, {"plate": "A", "amount": 100, "lowest_amount": lowest})
    rows = [] if row is None else [
        {"plate": "A", "offence": "spot_speed", "occurred_ms": row.get("at_ms", 900), "enforceable": True,
         "obstacles": [], "decision": "", "reason": "", **row}
    ]  # fmt: skip
    assert misses(truth, judge(truth, [])["missing"], rows) == [{"reason": reason, "fines": 1}]

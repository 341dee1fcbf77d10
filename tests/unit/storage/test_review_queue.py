"""What waits for whom, what a sample is drawn from, and how decisions are counted: on the embedded ClickHouse."""

from __future__ import annotations

import pytest

from waysight.adapters.clickhouse import ClickHouse
from waysight.storage.records import IDS_AT_ONCE, reviews_of
from waysight.storage.review_queue import accepted_ids, begun_reviews, violations_of, waiting_violations
from waysight.storage.review_statistics import rejections

TWO = ("kz:wrong_way",)
# violation, offence, enforceable; its reviews as decision, officer, stage, reason
ROWS = {
    "fresh": ("spot_speed", 1, ()),
    "barred": ("spot_speed", 0, ()),
    "done": ("spot_speed", 1, (("accepted", "A", "first", ""),)),
    "no": ("spot_speed", 1, (("rejected", "A", "first", "other"),)),
    "moved": ("spot_speed", 1, (("returned", "B", "first", ""),)),
    "half": ("wrong_way", 1, (("accepted", "A", "first", ""), ("accepted", " a", "first", ""))),
    "whole": ("wrong_way", 1, (("accepted", "A", "first", ""), ("accepted", "B", "second", ""))),
    "agreed": ("spot_speed", 1, (("accepted", "A", "first", ""), ("accepted", "C", "quality", ""))),
    "wrong": ("spot_speed", 1, (("accepted", "A", "first", ""), ("rejected", "C", "quality", "wrong_vehicle"))),
}  # fmt: skip


@pytest.fixture
def filled(clickhouse: ClickHouse) -> ClickHouse:
    """Nine violations and their reviews."""
    for n, (name, (offence, enforceable, reviews)) in enumerate(ROWS.items()):
        clickhouse.run(
            "INSERT INTO violations (violation_id, offence, camera_id, country, occurred_ms, label, enforceable, models) "
            f"VALUES ('{name}', '{offence}', 'cam{n % 2}', 'kz', {1_794_805_210_000 + n}, 'car', {enforceable}, 'm7')"
        )
        for k, (decision, officer, stage, reason) in enumerate(reviews):
            clickhouse.run(
                "INSERT INTO reviews (violation_id, review_id, decision, officer, stage, reason, reviewed_ms) VALUES "
                f"('{name}', '{name}{k}', '{decision}', '{officer}', '{stage}', '{reason}', {1_794_805_300_000 + k})"
            )
    return clickhouse


def test_what_waits(filled: ClickHouse) -> None:
    def ids(**asked: object) -> list[str]:
        return [v.violation_id for v in waiting_violations(filled, 100, **asked)]  # type: ignore[arg-type]

    assert ids() == ["fresh"]
    assert ids(offences_of_two=TWO) == ["fresh", "half"]
    assert ids(barred_too=True) == ["fresh", "barred"]
    assert ids(offences_of_two=TWO, narrowed={"offence": "wrong_way", "camera_id": ""}) == ["half"]
    assert ids(narrowed={"camera_id": "cam1"}) == []
    begun = begun_reviews(filled, TWO)
    assert {k: [r.officer for r in v] for k, v in begun.items()} == {"half": ["A", " a"]}
    assert begun_reviews(filled, ()) == {}


def test_many_ids_are_asked_for_in_parts(filled: ClickHouse) -> None:
    others = [f"{n:032}" for n in range(3 * IDS_AT_ONCE)]
    assert [r.violation_id for r in reviews_of(filled, "no", *others, "done")] == ["done", "no"]
    assert {v.violation_id for v in violations_of(filled, ["no", *others, "done"])} == {"done", "no"}
    assert reviews_of(filled) == []


def test_a_sample_is_of_accepted_ones_nobody_checked(filled: ClickHouse) -> None:
    assert accepted_ids(filled, 0, 2**60) == ["done", "half", "whole"]
    assert accepted_ids(filled, 0, 1_794_805_300_001) == ["done"]
    assert accepted_ids(filled, 2**59, 2**60) == []


def test_decisions_are_counted_once_each(filled: ClickHouse) -> None:
    (row,) = rejections(filled, "models")
    assert (row.name, row.decided, row.accepted, row.rejected, row.returned, row.checked, row.disagreed) == (
        "m7", 7, 4, 2, 1, 2, 1)  # fmt: skip
    assert {r.name: r.rejected for r in rejections(filled, "reason")} == {"other": 1, "wrong_vehicle": 1}
    assert {r.name: r.decided for r in rejections(filled, "officer")} == {"A": 6, "B": 1}
    assert sum(r.decided for r in rejections(filled, "camera_id")) == 7
    assert rejections(filled, "models", 2**59, 2**60) == []

"""What waits for whom, what a sample is drawn from, and how decisions are counted: on the embedded ClickHouse."""

from __future__ import annotations

from random import Random

import pytest

from waysight.adapters.clickhouse import ClickHouse
from waysight.domain.reviews.queue import DAY_MS, URGENT_DAYS, Candidate, Pressing, rank
from waysight.storage import review_statistics
from waysight.storage.records import IDS_AT_ONCE, reviews_of
from waysight.storage.review_queue import (
    Asked,
    accepted_ids,
    candidates,
    violations_of,
    waiting_violations,
    whole,
)
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
        return [c.violation_id for c in candidates(filled, 100, Asked(**asked))]  # type: ignore[arg-type]

    assert ids() == ["fresh"]
    assert ids(offences_of_two=TWO) == ["half", "fresh"]
    assert ids(barred_too=True) == ["fresh", "barred"]
    assert ids(offences_of_two=TWO, narrowed={"offence": "wrong_way", "camera_id": ""}) == ["half"]
    assert ids(narrowed={"camera_id": "cam1"}) == []
    assert ids(offences_of_two=TWO, officer="B") == ["half", "fresh"]
    assert ids(offences_of_two=TWO, officer=" A") == ["fresh"]
    assert [c.begun for c in candidates(filled, 100, Asked(offences_of_two=TWO))] == [True, False]
    assert [v.violation_id for v in waiting_violations(filled, 100, True)] == ["fresh", "barred"]


def test_an_acceptance_that_does_not_count_leaves_it_waiting(filled: ClickHouse) -> None:
    def insert(name: str, review: str, **changes: str) -> None:
        columns = {
            "violation_id": f"'{name}'", "offence": "'spot_speed'", "camera_id": "'c'", "country": "'kz'", "label": "'car'",
            "occurred_ms": "1794805210000", "enforceable": "1", **changes,
        }  # fmt: skip
        filled.run(f"INSERT INTO violations ({', '.join(columns)}) VALUES ({', '.join(columns.values())})")
        filled.run(
            "INSERT INTO reviews (violation_id, review_id, decision, officer, stage, reviewed_ms, bulk, conflicts) VALUES "
            f"('{name}', '{name}', {review})"
        )

    at = 1_794_805_300_000
    insert("revised", f"'accepted', 'A', 'first', {at}, 0, []", revised_ms=str(at + 1))
    insert("revised before", f"'accepted', 'A', 'first', {at}, 0, []", revised_ms=str(at))
    insert("revised, rejected", f"'rejected', 'A', 'first', {at}, 0, []", revised_ms=str(at + 1))
    insert("own", f"'accepted', 'Officer  A', 'first', {at}, 0, []", corrected_by="'B; officer a'")
    insert("not own", f"'accepted', 'C', 'first', {at}, 0, []", corrected_by="'B; officer a'")
    insert("bulk", f"'accepted', 'A', 'first', {at}, 1, ['register_colour']")
    found = {c.violation_id for c in candidates(filled, 100, Asked())}
    assert found == {"fresh", "revised", "own", "bulk"}


def test_the_engine_s_order_is_that_of_the_rank(clickhouse: ClickHouse) -> None:
    random, now, rows = Random(7), 1_794_805_210_000, []
    for n in range(300):
        offence, enforced = (
            random.choice(("wrong_way", "spot_speed", "bus_lane", "illegal_parking")),
            random.uniform(60, 200),
        )
        speed = f"{enforced}, 60" if offence == "spot_speed" else "NULL, NULL"
        rows.append(f"('v{n:03}', '{offence}', 'cam', '{random.choice(('kz', 'pe', 'zz'))}', "
                    f"{now - random.randrange(40 * DAY_MS)}, 'car', 1, {speed})")  # fmt: skip
    clickhouse.run(
        "INSERT INTO violations (violation_id, offence, camera_id, country, occurred_ms, label, enforceable, enforced_kmh, "
        f"limit_kmh) VALUES {', '.join(rows)}"
    )
    lapses = {"kz": 20 * DAY_MS, "pe": 10 * DAY_MS}
    pressing = [
        Pressing(c, now - after, now - after + URGENT_DAYS * DAY_MS + 1) for c, after in lapses.items()
    ]

    def key(c: Candidate) -> object:
        deadline = c.occurred_ms + lapses[c.country] if c.country in lapses else None
        return rank(c, deadline, now)

    every = candidates(clickhouse, 1000, Asked(), pressing)
    # Among countries what is urgent goes by its deadline, which the engine does not know.
    for country in ("kz", "pe", "zz"):
        of = [c for c in every if c.country == country]
        assert of == sorted(of, key=key)
    places = [key(c)[:2] == (False, 2**62) for c in every if not key(c)[0]]  # type: ignore[index]
    assert len(every) == 300
    assert places == sorted(places)
    assert candidates(clickhouse, 17, Asked(), pressing) == every[:17]
    assert {v.violation_id for v in whole(clickhouse, every[:17])} == {c.violation_id for c in every[:17]}
    assert whole(clickhouse, []) == []


def test_many_ids_are_asked_for_in_parts(filled: ClickHouse) -> None:
    others = [f"{n:032}" for n in range(3 * IDS_AT_ONCE)]
    assert [r.violation_id for r in reviews_of(filled, "no", *others, "done")] == ["done", "no"]
    assert {v.violation_id for v in violations_of(filled, ["no", *others, "done"])} == {"done", "no"}
    assert reviews_of(filled) == []


def test_a_sample_is_of_accepted_ones_nobody_checked(filled: ClickHouse) -> None:
    assert accepted_ids(filled, 0, 2**60) == ["done", "half", "whole"]
    assert accepted_ids(filled, 0, 1_794_805_300_001) == ["done"]
    assert accepted_ids(filled, 2**59, 2**60) == []


@pytest.mark.parametrize("at_once", [1, 2, 1_000])
def test_decisions_are_counted_once_each(
    filled: ClickHouse, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(review_statistics, "REVIEWS_AT_ONCE", at_once)
    (row,) = rejections(filled, "models")
    assert (row.name, row.decided, row.accepted, row.rejected, row.returned, row.checked, row.disagreed) == (
        "m7", 7, 4, 2, 1, 2, 1)  # fmt: skip
    assert {r.name: r.rejected for r in rejections(filled, "reason")} == {"other": 1, "wrong_vehicle": 1}
    assert {r.name: r.decided for r in rejections(filled, "officer")} == {"A": 6, "B": 1}
    assert sum(r.decided for r in rejections(filled, "camera_id")) == 7
    assert rejections(filled, "models", 2**59, 2**60) == []

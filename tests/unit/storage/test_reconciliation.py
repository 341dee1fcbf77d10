"""The stream's windows against the facts, on a real engine: agreement, a lost count, a doubled sum, open minutes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner

from waysight.adapters.clickhouse import ClickHouse
from waysight.commands import report
from waysight.reporting.reconciliation import reconcile
from waysight.reporting.reports import Period
from waysight.storage.columns import conform
from waysight.storage.tables import BY_TOPIC

Examples = Callable[[str], list[dict[str, Any]]]
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
START_MS = (int(time.time()) // 3600 - 48) * HOUR_MS
EVER = Period(0, START_MS * 2)


class Store:
    """Writes records of topics as the store does."""

    def __init__(self, clickhouse: ClickHouse, examples: Examples) -> None:
        self.clickhouse = clickhouse
        self.bases = {t: examples(t)[0] for t in ("sightings", "violations", "counts", "rollups")}

    def put(self, topic: str, *records: dict[str, Any]) -> None:
        table = BY_TOPIC[topic]
        rows = pa.Table.from_pylist([{**self.bases[topic], **r} for r in records], schema=table.schema)
        self.clickhouse.insert(table.name, conform(rows, table.insert_schema))

    def passes(self, camera: str, minute: int, number: int) -> None:
        at = START_MS + minute * MINUTE_MS
        self.put("sightings", *({"sighting_id": f"{camera}{minute}.{i}", "camera_id": camera, "first_ms": at,
                                 "last_ms": at + i, "final": True, "label": "car"} for i in range(number)))  # fmt: skip

    def count(self, camera: str, minute: int, value: int, version: int = 0) -> None:
        self.put("counts", {"count_id": f"{camera}{minute}", "measure": "passes", "camera_id": camera, "category": "car",
                            "window_start_ms": START_MS + minute * MINUTE_MS, "window_ms": MINUTE_MS, "value": value,
                            "version": version})  # fmt: skip

    def sum(self, scope: str, place: str, cameras: list[str], hour: int, value: int) -> None:
        self.put("rollups", {"rollup_id": f"{place}{hour}", "measure": "passes", "scope": scope, "place": place,
                             "category": "car", "window_start_ms": START_MS + hour * HOUR_MS, "window_ms": HOUR_MS,
                             "step_ms": HOUR_MS, "value": value, "cameras": cameras, "version": 0})  # fmt: skip


@pytest.fixture
def store(clickhouse: ClickHouse, examples: Examples) -> Store:
    filled = Store(clickhouse, examples)
    for minute, number in ((3, 2), (59, 1), (61, 4)):
        for camera in ("a", "b"):
            filled.passes(camera, minute, number)
            filled.passes(camera, minute, number)  # delivered twice
            filled.count(camera, minute, 9)  # replaced by its correction
            filled.count(camera, minute, number, 1)
    for hour, value in ((0, 3), (1, 4)):
        filled.sum("camera", "a", ["a"], hour, value)
        filled.sum("camera", "b", ["b"], hour, value)
        filled.sum("road", "A1", ["a", "b"], hour, 2 * value)
    return filled


def test_repeats_and_corrections_agree(store: Store) -> None:
    found = reconcile(store.clickhouse, EVER)
    assert found.holds
    assert (found.minutes, found.open_minutes, found.sums) == (6, 0, 6)


def test_what_the_stream_has_not_closed_is_open_and_no_difference(store: Store) -> None:
    store.passes("a", 63, 1)
    found = reconcile(store.clickhouse, EVER)
    assert found.holds
    assert found.open_minutes == 1
    store.passes("a", 90, 1)
    assert [r["minute_ms"] for r in reconcile(store.clickhouse, EVER).minutes_differing] == [
        START_MS + 63 * MINUTE_MS
    ]


def test_a_lost_pass_a_wrong_count_and_a_wrong_sum_are_found(store: Store) -> None:
    store.count("a", 3, 1, 2)
    store.passes("b", 5, 1)
    store.sum("road", "B2", ["b"], 0, 5)
    found = reconcile(store.clickhouse, EVER)
    assert [(r["camera_id"], r["told"], r["facts"]) for r in found.minutes_differing] == [
        ("a", 1, 2),
        ("b", 0, 1),
    ]
    assert {(r["place"], r["told"], r["facts"]) for r in found.sums_differing} == {
        ("a", 3, 2),
        ("A1", 6, 5),
        ("B2", 5, 3),
    }
    assert not reconcile(store.clickhouse, EVER, "b").holds


def test_an_hour_without_its_sum_is_found(store: Store) -> None:
    store.passes("a", -10, 1)
    store.count("a", -10, 1)
    (missing,) = reconcile(store.clickhouse, EVER).sums_differing
    assert (missing["place"], missing["window_start_ms"], missing["told"], missing["facts"]) == (
        "a",
        START_MS - HOUR_MS,
        0,
        1,
    )


def test_a_violation_that_was_not_counted_is_found(store: Store) -> None:
    store.put(
        "violations",
        {"violation_id": "v", "camera_id": "a", "offence": "spot_speed", "occurred_ms": START_MS},
    )
    (row,) = reconcile(store.clickhouse, EVER).minutes_differing
    assert (row["measure"], row["told"], row["facts"]) == ("violations", 0, 1)


def test_the_command_ends_with_1_when_they_disagree(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer()
    report.register(app)
    monkeypatch.setattr(report, "connect", lambda _: store.clickhouse)
    asked = ["report", "counts", "--check", "--json"]
    agreed = CliRunner().invoke(app, asked)
    assert (agreed.exit_code, json.loads(agreed.stdout)["agree"]) == (0, True)
    store.count("a", 3, 1, 2)
    told = CliRunner().invoke(app, asked)
    assert (told.exit_code, json.loads(told.stdout)["minutes_differing"][0]["camera_id"]) == (1, "a")

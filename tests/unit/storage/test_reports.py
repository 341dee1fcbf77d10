"""Every report against rows whose answer is known by hand, through the command, as data, HTML and PDF."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from audit_book import AuditBook
from typer.testing import CliRunner

from waysight.adapters.clickhouse import ClickHouse
from waysight.cli import build
from waysight.commands import export_datex
from waysight.commands import report as command
from waysight.errors import BadConfiguration
from waysight.reporting.datex import measurements
from waysight.reporting.reports import Period
from waysight.storage.columns import conform
from waysight.storage.migrations import apply, migrations
from waysight.storage.tables import BY_TOPIC, TABLES

Examples = Callable[[str], list[dict[str, Any]]]
Put = Callable[..., None]
APP = build("report")
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
JUNE_MS = 1_780_246_800_000  # 2026-05-31 17:00 UTC, 22:00 in Almaty


@pytest.fixture(scope="module")
def migrated(engine: ClickHouse) -> str:
    engine.run("CREATE DATABASE reports")
    _use(engine, "reports")
    apply(engine, migrations())
    return "reports"


def _use(engine: ClickHouse, name: str) -> None:
    engine.run(f"USE {name}")
    engine.client.database = name


@pytest.fixture
def store(engine: ClickHouse, migrated: str, examples: Examples, monkeypatch: pytest.MonkeyPatch) -> Put:
    clickhouse = engine
    _use(engine, migrated)
    for name in TABLES:
        engine.run(f"TRUNCATE TABLE {name}")
    monkeypatch.setattr(command, "connect", lambda _: clickhouse)

    def put(topic: str, *changes: dict[str, Any]) -> None:
        table = BY_TOPIC[topic]
        first = examples(topic)[0]
        rows = pa.Table.from_pylist([{**first, **c} for c in changes], schema=table.schema)
        clickhouse.insert(table.name, conform(rows, table.insert_schema))

    return put


def _report(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(APP, ["report", *arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def _violation(number: int, **changes: Any) -> dict[str, Any]:
    return {"violation_id": f"v{number}", "camera_id": "cam-1", "offence": "red_light", "country": "kz",
            "location": "A", "occurred_ms": JUNE_MS + number, "enforceable": True, "obstacles": []} | changes  # fmt: skip


def _fine(number: int, **changes: Any) -> dict[str, Any]:
    return {"fine_id": f"f{number}", "number": f"KZ-{number}", "violation_id": f"v{number}", "offence": "red_light",
            "currency": "KZT", "amount": Decimal("43250.01"), "paid": Decimal("0.00"), "status": "issued",
            "occurred_ms": JUNE_MS + number, "issued_ms": JUNE_MS + HOUR_MS + number, "plate": "123ABC02",
            "refund_due": None, "appeal": "", "version": 0} | changes  # fmt: skip


def test_violations_are_counted_once_by_place_offence_and_local_hour(store: Put) -> None:
    rows = [_violation(1), _violation(2, offence="spot_speed"), _violation(3, camera_id="cam-2", location="B",
            occurred_ms=JUNE_MS + 2 * HOUR_MS, enforceable=False)]  # fmt: skip
    store("violations", *rows)
    store("violations", *rows)
    store("fines", _fine(1), _fine(3, status="cancelled"))
    found = _report("violations")
    assert (found["timezone"], found["violations"], found["enforceable"]) == ("Asia/Almaty", 3, 2)
    keys = ("camera_id", "place", "offence", "violations", "fines", "amount")
    assert [tuple(r[k] for k in keys) for r in found["rows"]] == [
        ("cam-1", "A", "red_light", 1, 1, "43250.01"),
        ("cam-1", "A", "spot_speed", 1, 0, None),
        ("cam-2", "B", "red_light", 1, 0, None),
    ]
    assert {(r["hour"], r["offence"]): r["violations"] for r in found["by_hour"]} == {
        (22, "red_light"): 1, (22, "spot_speed"): 1, (0, "red_light"): 1}  # fmt: skip
    assert [(r["day"], r["offence"]) for r in found["by_day"]] == [
        ("2026-05-31", "red_light"), ("2026-05-31", "spot_speed"), ("2026-06-01", "red_light")]  # fmt: skip
    assert _report("violations", "--camera", "cam-2")["violations"] == 1


@pytest.mark.parametrize("kind", ["violations", "adt", "counts"])
def test_a_camera_that_nobody_knows_is_an_error_that_names_those_like_it(
    store: Put, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    registered = dict.fromkeys(("cam-abay-1", "cam-abay-2", *(f"dostyk-{n}" for n in range(60))))
    monkeypatch.setattr(command, "open_codec", lambda _: None)
    monkeypatch.setattr(command, "registered_cameras", lambda *_, **_more: registered)
    store("violations", _violation(1, camera_id="cam-removed"))
    assert _report(kind, "--camera", "cam-removed")["from_ms"]
    assert _report(kind, "--camera", "dostyk-7")["from_ms"], "registered, and without an event"
    for misspelt, like in (("cam-abai-1", "cam-abay-1, cam-abay-2"), ("cam-remove", "cam-removed")):
        refused = CliRunner().invoke(APP, ["report", kind, "--camera", misspelt])
        assert isinstance(refused.exception, BadConfiguration)
        said = f"--camera '{misspelt}' is none of the 63 that there are; like it are {like}"
        assert str(refused.exception).startswith(said)
    outside = ["report", kind, "--camera", "cam-removed", "--from", "2027-01-01", "--to", "2027-02-01"]
    assert isinstance(CliRunner().invoke(APP, outside).exception, BadConfiguration)


def test_revenue_adds_up_to_the_last_unit(store: Put) -> None:
    half = Decimal("21625.01")
    store("violations", _violation(1))
    store(
        "fines",
        _fine(1),
        _fine(2, status="paid", paid=half),
        _fine(3, status="paid", paid=Decimal("50000.00"), refund_due=Decimal("6749.99")),
        _fine(4, status="written_off", paid=Decimal("0.02")),
        _fine(5, status="cancelled", paid=half, refund_due=half),
        _fine(6, status="suspended", paid=Decimal("1.00")),
        _fine(7, currency="PEN", amount=Decimal("10.10")),
    )
    store("fines", _fine(1, status="paid", paid=Decimal("43250.01"), version=1))
    payment = {
        "payment_id": "p1",
        "fine_number": "KZ-2",
        "currency": "KZT",
        "amount": half,
        "paid_ms": JUNE_MS,
    }
    store("payments", payment, {**payment, "payment_id": "p2", "fine_number": "KZ-99"})
    action = {"action_id": "a1", "kind": "refunded", "fine_number": "KZ-5", "amount": half, "at_ms": JUNE_MS}
    store("fine-actions", action)
    found = _report("revenue", "--timezone", "UTC", "--from", "2026-05-31", "--to", "2026-06-02")
    totals = {t["currency"]: t for t in found["totals"]}
    assert totals["KZT"] == {
        "currency": "KZT", "fines": 6, "issued": "259500.06",
        "settled": "108126.05", "discounted": "21625.00", "outstanding": "43249.01", "written_off": "43249.99",
        "cancelled": "43250.01", "received": "136501.05", "refund_due": "28375.00", "difference": "0.00",
    }  # fmt: skip
    assert totals["PEN"]["outstanding"] == "10.10"
    assert [(r["payments"], r["amount"]) for r in found["payments_without_fine"]] == [(1, str(half))]
    assert [(r["currency"], r["amount"]) for r in found["refunds"]] == [("KZT", str(half))]


def test_average_daily_traffic_is_not_lowered_by_missing_hours(store: Put) -> None:
    start = 1_780_272_000_000  # 2026-06-01 00:00 UTC, a Monday
    rows = [
        {"count_id": f"c{h}", "measure": "passes", "camera_id": "cam-1", "category": "car",
         "window_start_ms": start + h * HOUR_MS, "window_ms": 60_000, "value": 10 if h != 5 else 0}
        for h in range(48) if not 30 <= h < 36
    ]  # fmt: skip
    store("counts", *rows, {**rows[0], "count_id": "p", "category": "person", "value": 999})
    health = {"camera_id": "cam-1", "epoch": "e", "detail": "", "frames_sent": 0, "frames_dropped": 0}
    store("camera-health", {**health, "state": "unreachable", "at_ms": start + 40 * HOUR_MS},
          {**health, "state": "connected", "at_ms": start + 41 * HOUR_MS})  # fmt: skip
    found = _report("adt", "--from", "2026-06-01", "--to", "2026-06-03", "--timezone", "UTC")
    (row,) = found["rows"]
    assert (row["vehicles"], row["hours"], row["hours_missing"]) == (410, 48, 8)
    # Hour 5 was empty on Monday (known) and full on Tuesday; unknown weekdays take the hour's mean.
    assert row["average_daily_traffic"] == pytest.approx((230 + 240 + 5 * 235) / 7, abs=0.06)
    assert {(r["category"], r["passes"]) for r in found["by_class"]} == {("car", 410), ("person", 999)}


def test_accuracy_gives_upper_bounds_and_holds_fines_against_the_truth(store: Put, tmp_path: Path) -> None:
    store(
        "violations",
        *(
            _violation(n, models="m@1" if n % 2 else "m@2", plate="123ABC02", section_id="")
            for n in range(20)
        ),
    )
    reviews = [
        {"review_id": f"r{n}", "violation_id": f"v{n}", "reviewed_ms": JUNE_MS + HOUR_MS, "stage": "first",
         "decision": "rejected" if n == 0 else "accepted", "reason": "unreadable" if n == 0 else ""}
        for n in range(20)
    ]  # fmt: skip
    quality = [
        {
            **r,
            "review_id": f"q{n}",
            "reviewed_ms": JUNE_MS + 2 * HOUR_MS,
            "stage": "quality",
            "decision": "accepted",
        }
        for n, r in enumerate(reviews[1:11])
    ]
    store("reviews", *reviews, *quality)
    store("fines", *(_fine(n) for n in (1, 2, 3)), _fine(4, status="cancelled"))
    found = _report("accuracy")
    assert (found["quality"]["count"], found["quality"]["total"]) == (0, 10)
    assert found["wrong_fines"]["upper_95"] == pytest.approx(1 - 0.05 ** (1 / 10), abs=1e-5)
    worst = found["by_models"][0]
    assert (worst["models"], worst["rejected"], worst["decided"], worst["checked"]) == ("m@2", 1, 10, 5)
    assert worst["upper_95"] == pytest.approx(0.394, abs=0.001)
    assert found["reasons"] == [{"reason": "unreadable", "rejected": 1}]
    act = {"offence": "red_light", "camera_id": "cam-1", "section_id": "", "plate": "123ABC02"}
    truth = {
        "violations": [{**act, "occurred_ms": JUNE_MS + n} for n in (1, 2)],
        "fines": [
            {"plate": "123ABC02", "offence": "red_light", "amount": a, "currency": "KZT"}
            for a in ("43250.01", "1")
        ],
    }
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    judged = _report("accuracy", "--truth", str(tmp_path / "truth.json"))
    assert judged["wrong_fines"]["count"] == 2
    assert judged["wrong_fines"]["total"] == 3
    assert {w["why"] for w in judged["truth"]["wrong"]} == {
        "no such act",
        "the act costs something else, or nothing",
    }


def test_transparency_counts_without_naming(store: Put) -> None:
    count = {"count_id": "c", "measure": "passes", "camera_id": "cam-1", "category": "car", "window_start_ms": JUNE_MS,
             "window_ms": 60_000, "value": 7}  # fmt: skip
    store("counts", count)
    store(
        "sightings",
        {"sighting_id": "s", "label": "car", "final": True, "first_ms": JUNE_MS, "last_ms": JUNE_MS + 1},
    )
    store(
        "alerts",
        {
            "alert_id": "a",
            "kind": "stolen",
            "status": "verified",
            "occurred_ms": JUNE_MS,
            "plate": "777SECRET",
        },
    )
    store("violations", _violation(1, plate="777SECRET"))
    event = {
        "action": "search.plate",
        "actor": "Secret Officer",
        "at_ms": JUNE_MS + 5,
        "case_number": "",
        "rows": 3,
    }
    store("audit", event)
    found = _report("transparency")
    assert found["watched"] == [{"label": "car", "passes": 7, "still_kept": 1, "deleted": 6}]
    assert found["alerts"] == {"verified": 1}
    assert found["looked_at"] == [
        {"action": "search.plate", "times": 1, "people": 1, "rows_shown": 3, "without_case": 1}]  # fmt: skip
    assert "ecret" not in json.dumps(found)
    assert "SECRET" not in json.dumps(found)


def _month(year: int, month: int) -> int:
    return int(datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp() * 1000)


def test_deterrence_compares_with_controls_and_with_the_year_before(store: Put) -> None:
    rows = [
        {"statistic_id": f"{place}{year}{month}", "source": "x", "place": place, "category": "crashes_injury",
         "from_ms": _month(year, month), "until_ms": _month(year, month + 1), "value": after if year == 2026 else 10.0}
        for place, after in (("camera:a", 5.0), ("camera:b", 10.0))
        for year in (2025, 2026)
        for month in range(12)
    ]  # fmt: skip
    store("statistics", *rows)
    found = _report(
        "deterrence",
        "--place",
        "camera:a",
        "--control",
        "camera:b",
        "--since",
        "2026-01-01",
        "--timezone",
        "UTC",
    )
    (effect,) = found["effects"]
    assert (effect["before"], effect["after"], effect["control_after"]) == (120, 60, 120)
    assert effect["effect_value"] == pytest.approx(0.5, abs=1e-3)
    spread = 1.96 * (1 / 120 * 3 + 1 / 60) ** 0.5
    assert effect["effect_low"] == pytest.approx(0.5 * 2.718281828**-spread, rel=1e-2)
    assert effect["clear"] is True
    assert effect["control_value"] == 1.0
    january = found["year_on_year"][0]
    assert (january["month"], january["year_before"], january["now"]) == ("2026-01", 10, 5)
    assert january["clear"] is False
    refused = CliRunner().invoke(APP, ["report", "deterrence", "--place", "camera:a"])
    assert "--since" in str(refused.exception)


@pytest.mark.parametrize(
    "name", ["violations", "revenue", "adt", "accuracy", "transparency", "deterrence", "counts"]
)
def test_each_report_is_written_as_html_and_pdf_with_everything_escaped(
    store: Put, tmp_path: Path, name: str
) -> None:
    evil = "<script>alert(1)</script>$x$"
    store("violations", _violation(1, location=evil, camera_id=evil, models=evil))
    store("fines", _fine(1))
    store(
        "reviews",
        {
            "review_id": "r",
            "violation_id": "v1",
            "reviewed_ms": JUNE_MS,
            "reason": evil,
            "decision": "rejected",
        },
    )
    store("counts", {"count_id": "c", "measure": "passes", "camera_id": evil, "category": "car",
                     "window_start_ms": JUNE_MS, "window_ms": 60_000, "value": 7})  # fmt: skip
    store("audit", {"action": evil, "at_ms": JUNE_MS})
    store(
        "statistics",
        {"statistic_id": "s", "category": evil, "from_ms": JUNE_MS, "until_ms": JUNE_MS + DAY_MS},
    )
    html, pdf = tmp_path / "r.html", tmp_path / "r.pdf"
    first = _report(name, "--html", str(html), "--pdf", str(pdf))
    text = html.read_text()
    assert "<script" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert text.count("<h2>") >= 1
    assert pdf.read_bytes().startswith(b"%PDF")
    again = tmp_path / "again.pdf"
    assert _report(name, "--pdf", str(again)) == first
    assert again.read_bytes() == pdf.read_bytes()


def test_datex_is_exported_without_a_case_and_recorded(
    engine: ClickHouse, store: Put, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = AuditBook()
    monkeypatch.setattr(export_datex, "connect", lambda _: engine)
    monkeypatch.setattr(export_datex, "open_codec", lambda _: None)
    monkeypatch.setattr(export_datex, "registered_cameras", lambda *_: {})
    monkeypatch.setattr(export_datex, "AuditLog", lambda *_: log)
    store("counts", {"count_id": "c", "measure": "passes", "camera_id": "cam-1", "category": "car",
                     "window_start_ms": JUNE_MS, "window_ms": 60_000, "value": 2})  # fmt: skip
    out = tmp_path / "t.xml"
    asked = ["export", "datex", "--out", str(out), "--country", "KZ", "--json"]
    result = CliRunner().invoke(build("export"), asked, catch_exceptions=False)
    said = json.loads(result.stdout)
    assert (said["intervals"], said["sites"]) == (1, 1)
    assert 'id="cam-1"' in out.read_text()
    assert 'id="cam-1"' in (tmp_path / "t.sites.xml").read_text()
    assert [event[0] for event in log.events] == ["export.datex"]
    refused = CliRunner().invoke(build("export"), [*asked[:4], "--step", "day"])
    assert "minute or hour" in str(refused.exception)


def test_datex_takes_flow_from_counts_and_speed_from_sightings(engine: ClickHouse, store: Put) -> None:
    count = {"measure": "passes", "camera_id": "cam-1", "category": "car", "window_ms": 60_000, "value": 2}
    store("counts", *({**count, "count_id": f"c{n}", "window_start_ms": JUNE_MS + n * 60_000} for n in range(3)),
          {**count, "count_id": "p", "category": "person", "window_start_ms": JUNE_MS})  # fmt: skip
    seen = {"camera_id": "cam-1", "label": "car", "final": True}
    store("sightings", *({**seen, "sighting_id": f"s{n}", "first_ms": JUNE_MS, "last_ms": JUNE_MS + n, "speed_kmh": speed}
                         for n, speed in enumerate((50.0, 60.0, None))))  # fmt: skip
    found = list(measurements(engine, Period(JUNE_MS, JUNE_MS + HOUR_MS), HOUR_MS))
    assert found == [
        {
            "camera_id": "cam-1",
            "slot_ms": JUNE_MS,
            "label": "car",
            "vehicles": 6,
            "with_speed": 2,
            "mean_kmh": 55.0,
        }
    ]
    assert len(list(measurements(engine, Period(JUNE_MS, JUNE_MS + HOUR_MS), 60_000))) == 3

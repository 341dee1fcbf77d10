"""Exports and searches: the same rows in each format, in a fixed order, and nothing without purpose, case and audit."""

from __future__ import annotations

import asyncio
import csv
import json
import math
import re
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from audit_book import AuditBook
from typer.testing import CliRunner
from waysight.processors.store import StoreLogic

from waysight.adapters.clickhouse import ClickHouse
from waysight.adapters.clickhouse_writer import ClickHouseWriter
from waysight.adapters.keyed_state import KeyedState
from waysight.cli import build
from waysight.codec import Codec
from waysight.commands import export
from waysight.commands.narrowing import parse_time
from waysight.engine import Message
from waysight.errors import BadConfiguration, EngineDown, NotAllowed
from waysight.reporting.exports import manifest_path
from waysight.reporting.formats import FORMATS, ROW_GROUP
from waysight.reporting.row_digest import RowDigest
from waysight.reporting.searches import PlateSearch
from waysight.reporting.selection import Selection
from waysight.storage.tables import BY_TOPIC, TABLES

Examples = Callable[[str], list[dict[str, Any]]]
APP = build()
WHY = ["--purpose", "stolen vehicle", "--case", "KZ-1"]


def _store(clickhouse: ClickHouse, codec: Codec, topic: str, records: list[dict[str, Any]]) -> None:
    logic = StoreLogic(codec, ClickHouseWriter(lambda: clickhouse, 0.0), "store", [topic])
    bodies = [{"records": [r], "watermarks": []} if BY_TOPIC[topic].envelope else r for r in records]
    messages = [Message(topic, 0, n, b"", codec.encode(topic, body)) for n, body in enumerate(bodies)]
    assert asyncio.run(logic.step(KeyedState(0), messages)) == []


def _month(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y%m}"


def _run(*arguments: str) -> Any:
    return CliRunner().invoke(APP, list(arguments), catch_exceptions=False)


@pytest.mark.parametrize("dataset", export.DATASETS)
def test_every_format_holds_the_records_as_they_were(
    clickhouse: ClickHouse, codec: Codec, examples: Examples, audit: AuditBook, tmp_path: Path, dataset: str
) -> None:
    records = examples(dataset)
    _store(clickhouse, codec, dataset, records)
    digests = set()
    for name in FORMATS:
        result = _run("export", dataset, "--out", str(tmp_path / f"x.{name}"), "--json", *WHY)
        said = json.loads(result.stdout)
        assert (said["rows"], said["format"]) == (len(records), name)
        digests.add(said["rows_sha256"])
    assert len(digests) == 1
    order = TABLES[dataset].order
    wanted = sorted(
        (_plain(r) for r in records), key=lambda r: [_month(r[TABLES[dataset].time]), *(r[c] for c in order)]
    )
    assert [_plain(r) for r in json.loads((tmp_path / "x.json").read_text())] == wanted
    lines = (tmp_path / "x.jsonl").read_text().splitlines()
    assert [_plain(json.loads(line)) for line in lines] == wanted
    assert [_plain(r) for r in pq.read_table(tmp_path / "x.parquet").to_pylist()] == wanted
    with (tmp_path / "x.csv").open() as file:
        cells = list(csv.DictReader(file))
    assert list(cells[0]) == TABLES[dataset].schema.names
    assert [row[order[-1]] for row in cells] == [str(r[order[-1]]) for r in wanted]
    assert [(e[0], e[1], e[2], e[4]) for e in audit.events] == [
        (f"export.{dataset}", "stolen vehicle", "KZ-1", len(records))
    ] * len(FORMATS)
    digest = RowDigest()
    digest.add(pq.read_table(tmp_path / "x.parquet"))
    assert {digest.hexdigest()} == digests
    names = {f"x.{name}" for name in FORMATS}
    assert {p.name for p in tmp_path.iterdir()} == names | {f"{n}.manifest.json" for n in names}


def test_the_same_rows_make_the_same_file(
    clickhouse: ClickHouse, codec: Codec, examples: Examples, audit: AuditBook, tmp_path: Path
) -> None:
    first = examples("fines")[0]
    records = [
        {**first, "fine_id": f"f{n:02}", "occurred_ms": first["occurred_ms"] + n % 3} for n in range(20)
    ]
    for name in FORMATS:
        sums = []
        for some in (records[::-1], records):
            _store(clickhouse, codec, "fines", some)
            said = _run("export", "fines", "--out", str(tmp_path / f"f.{name}"), "--json", *WHY).stdout
            sums.append(json.loads(said)["sha256"])
        assert sums[0] == sums[1], name
        assert audit.events[-1][3]["sha256"] == sums[0]


@pytest.mark.usefixtures("audit")
def test_columns_are_chosen_in_their_order(
    clickhouse: ClickHouse, codec: Codec, examples: Examples, tmp_path: Path
) -> None:
    _store(clickhouse, codec, "alerts", examples("alerts"))
    file = tmp_path / "a.csv"
    _run("export", "alerts", "--out", str(file), "--columns", "plate, alert_id", *WHY)
    with file.open() as rows:
        assert csv.DictReader(rows).fieldnames == ["plate", "alert_id"]
    manifest = json.loads(manifest_path(file).read_text())
    assert [c["name"] for c in manifest["columns"]] == ["plate", "alert_id"]
    assert manifest["rows"] == len(examples("alerts"))
    for wrong, said in (
        (("--columns", "owner"), "--columns: alerts has no column owner"),
        (("--columns", "plate, alert_id,plate"), "--columns names plate twice"),
        (("--since-cursor", "c1-2", "--until-cursor", "c1-1"), "--since-cursor c1-2 is later"),
        (("--since-cursor", "c1-99999999999999"), "--since-cursor c1-99999999999999 is later"),
        (("--since-cursor", "yesterday"), "--since-cursor 'yesterday' is no cursor"),
        (("--format", "odt"), "format 'odt' is not known"),
    ):
        with pytest.raises(BadConfiguration, match=re.escape(said)):
            _run("export", "alerts", "--out", str(file), *wrong, *WHY)
    with pytest.raises(BadConfiguration, match="is a folder"):
        _run("export", "alerts", "--out", str(tmp_path), *WHY)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "a.csv.manifest.json"]


@pytest.mark.usefixtures("audit")
def test_a_cursor_gives_what_is_new_and_the_same_again(
    clickhouse: ClickHouse,
    codec: Codec,
    examples: Examples,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(export, "SETTLING_MS", 0)
    first = examples("alerts")[0]

    def told(name: str, *cursors: str) -> tuple[list[str], dict[str, Any]]:
        file = tmp_path / name
        _run("export", "alerts", "--out", str(file), *cursors, *WHY)
        rows = [json.loads(line)["alert_id"] for line in file.read_text().splitlines()]
        return rows, json.loads(manifest_path(file).read_text())

    _store(clickhouse, codec, "alerts", [{**first, "alert_id": "a1"}, {**first, "alert_id": "a2"}])
    rows, begun = told("1.jsonl", "--since-cursor", "start")
    assert rows == ["a1", "a2"]
    time.sleep(0.01)  # cursors are told apart by the millisecond
    _store(
        clickhouse, codec, "alerts", [{**first, "alert_id": "a3"}, {**first, "alert_id": "a2", "version": 9}]
    )
    rows, gone_on = told("2.jsonl", "--since-cursor", begun["cursor"])
    assert rows == ["a2", "a3"]
    rows, _ = told("3.jsonl", "--since-cursor", gone_on["cursor"])
    assert rows == []
    _, again = told("4.jsonl", "--since-cursor", begun["cursor"], "--until-cursor", gone_on["cursor"])
    assert again["rows_sha256"] == gone_on["rows_sha256"]
    with pytest.raises(BadConfiguration, match=r"--since-cursor 'yesterday'"):
        told("5.jsonl", "--since-cursor", "yesterday")


def test_row_groups_depend_on_rows_and_not_on_batches(tmp_path: Path) -> None:
    rows = pa.table({"n": pa.array(range(2 * ROW_GROUP + 5)), "text": ["x"] * (2 * ROW_GROUP + 5)})
    files = []
    for size in (7_001, ROW_GROUP, rows.num_rows):
        files.append(tmp_path / f"{size}.parquet")
        sink = FORMATS["parquet"](files[-1], rows.schema)
        for first in range(0, rows.num_rows, size):
            sink.write(rows.slice(first, size))
        sink.close()
    found = pq.ParquetFile(files[0])
    groups = [found.metadata.row_group(n).num_rows for n in range(found.num_row_groups)]
    assert groups == [ROW_GROUP, ROW_GROUP, 5]
    assert found.read().equals(rows)
    assert len({file.read_bytes() for file in files}) == 1


def test_a_digest_depends_on_rows_and_not_on_batches() -> None:
    table = pa.table(
        {
            "text": ["a", None, "", "bcd"],
            "number": [1, None, 3, 4],
            "some": pa.array([[1, 2], [], None, [3]], pa.list_(pa.int32())),
            "thing": pa.array([{"x": 1.5, "y": "p"}, None, {"x": 0.0, "y": ""}, {"x": 2.0, "y": "q"}]),
            "sum": pa.array([Decimal("1.10"), None, Decimal("0.00"), Decimal("9.99")], pa.decimal128(14, 2)),
        }
    )

    def digest(*parts: pa.Table) -> str:
        found = RowDigest()
        for part in parts:
            found.add(part)
        return found.hexdigest()

    whole = digest(table)
    assert digest(table.slice(0, 1), table.slice(1, 2), table.slice(3)) == whole
    assert digest(table.take([1, 0, 2, 3])) != whole
    seen = {whole}
    for name, changed in (("text", ["a", "", "", "bcd"]), ("number", [1, 0, 3, 4])):
        seen.add(digest(table.set_column(table.schema.get_field_index(name), name, pa.array(changed))))
    assert len(seen) == 3


@pytest.mark.usefixtures("audit")
def test_a_sheet_reads_no_formulas_and_keeps_the_numbers(
    clickhouse: ClickHouse, codec: Codec, examples: Examples, tmp_path: Path
) -> None:
    alert = {**examples("alerts")[0], "location": "=1+1", "occurred_ms": 1_794_805_200_000}
    _store(clickhouse, codec, "alerts", [alert])
    _run("export", "alerts", "--out", str(tmp_path / "a.xlsx"), "--columns", "location,occurred_ms", *WHY)
    with zipfile.ZipFile(tmp_path / "a.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "=1+1" in sheet
    assert "<v>1794805200000</v>" in sheet


def test_amounts_are_exact(
    clickhouse: ClickHouse, codec: Codec, examples: Examples, audit: AuditBook, tmp_path: Path
) -> None:
    _store(clickhouse, codec, "fines", [{**examples("fines")[0], "amount": Decimal("999999999999.99")}])
    for name in ("csv", "json", "jsonl"):
        _run("export", "fines", "--format", name, "--out", str(tmp_path / name), *WHY)
        assert "999999999999.99" in (tmp_path / name).read_text()
    assert len(audit.events) == 3


def test_rows_are_narrowed(
    clickhouse: ClickHouse, codec: Codec, examples: Examples, audit: AuditBook, tmp_path: Path
) -> None:
    first = examples("violations")[0]
    records = [
        {**first, "violation_id": f"v{n}", "camera_id": f"c{n % 2}", "occurred_ms": 1000 * n}
        for n in range(6)
    ]
    _store(clickhouse, codec, "violations", records)
    _run("export", "violations", "--format", "json", "--out", str(tmp_path / "v.json"), "--camera", "c1",
         "--from", "1970-01-01T00:00:02Z", "--to", "1970-01-01T00:00:05Z", *WHY)  # fmt: skip
    assert [r["violation_id"] for r in json.loads((tmp_path / "v.json").read_text())] == ["v3"]
    assert audit.events[0][3]["camera_id"] == "c1"
    with pytest.raises(BadConfiguration, match="cannot be narrowed by status"):
        _run("export", "violations", "--out", str(tmp_path / "v.csv"), "--status", "paid", *WHY)


@pytest.mark.parametrize(
    "missing", [["--purpose", "x"], ["--case", "x"], ["--purpose", " ", "--case", "x"], []]
)
def test_nothing_without_purpose_and_case(audit: AuditBook, tmp_path: Path, missing: list[str]) -> None:
    with pytest.raises(NotAllowed, match="missing"):
        _run("export", "fines", "--out", str(tmp_path / "f.csv"), *missing)
    with pytest.raises(NotAllowed, match="missing"):
        _run("search", "plate", "34A*", *missing)
    assert not list(tmp_path.iterdir())
    assert not audit.events


def test_nothing_without_a_record_in_the_audit_log(
    clickhouse: ClickHouse,
    codec: Codec,
    examples: Examples,
    audit: AuditBook,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _store(clickhouse, codec, "fines", examples("fines"))
    audit.failure = EngineDown("Kafka is away")
    with pytest.raises(EngineDown, match="away"):
        _run("export", "fines", "--out", str(tmp_path / "f.csv"), *WHY)
    with pytest.raises(EngineDown, match="away"):
        _run("search", "plate", "34A*", "--json", *WHY)
    assert not list(tmp_path.iterdir())
    assert capsys.readouterr().out == ""


def test_search_takes_wildcards(
    clickhouse: ClickHouse, codec: Codec, examples: Examples, audit: AuditBook
) -> None:
    first = examples("sightings")[0]
    plates = ["34A36837", "34A23126", "34B36837", "A34A", ""]
    other = [{"text": "99Z99999", "confidence": 0.1}]
    records = [
        {**first, "sighting_id": f"s{n}", "plate": p, "plate_candidates": other} for n, p in enumerate(plates)
    ]
    _store(clickhouse, codec, "sightings", records)
    for pattern, found in {
        "34a 36837": ["s0"], "34A*": ["s0", "s1"], "34?36837": ["s0", "s2"], "*6837": ["s0", "s2"], "*34A*": ["s0", "s1", "s3"],
        "34A": [], "%34A%": [], "34_36837": [],
    }.items():  # fmt: skip
        rows = json.loads(_run("search", "plate", pattern, "--json", *WHY).stdout)
        assert sorted(r["sighting_id"] for r in rows) == found, pattern
        assert audit.events[-1][0] == "search.plate"
        assert audit.events[-1][4] == len(found)
    assert len(PlateSearch("99Z*", candidates=True).rows(clickhouse)) == 5
    assert PlateSearch("34A*", from_ms=first["first_ms"] + 1).rows(clickhouse) == []
    assert PlateSearch("34A*", to_ms=first["first_ms"]).rows(clickhouse) == []
    assert "34A36837" in _run("search", "plate", "34A36837", *WHY).stdout


@pytest.mark.usefixtures("audit")
def test_a_vehicle_that_a_camera_and_a_device_beside_it_saw_is_one_row(
    clickhouse: ClickHouse, codec: Codec, examples: Examples
) -> None:
    first = examples("sightings")[0] | {"plate": "123ABC02", "camera_id": "c1", "clock_error_ms": 100}
    start_ms = first["first_ms"]

    def seen(name: str, first_ms: int, last_ms: int, **changes: Any) -> dict[str, Any]:
        times = {"first_ms": start_ms + first_ms, "last_ms": start_ms + last_ms}
        return first | {"sighting_id": name, "epoch": "e1", "models": "m@1"} | times | changes

    def read(name: str, at_ms: int, **changes: Any) -> dict[str, Any]:
        device = {"epoch": "edge-k1", "models": "anpr:k1", "clock_error_ms": 20}
        return seen(name, at_ms, at_ms, **device | changes)

    records = [
        seen("v1", 0, 4_000), read("in", 2_000), read("before", -2_600), read("too early", -2_700),
        read("elsewhere", 2_000, camera_id="c2"), read("another", 2_000, plate="123ABC03"),
        read("clock", 2_000, clock_error_ms=2_001),
        seen("v2", 9_000, 12_000), read("nearer", 7_000, models="anpr:k2", epoch="edge-k2"), read("halfway", 6_400),
    ]  # fmt: skip
    _store(clickhouse, codec, "sightings", records)
    rows = json.loads(_run("search", "plate", "123ABC0*", "--json", *WHY).stdout)
    found = {r["sighting_id"]: ([d["sighting_id"] for d in r["device_rows"]], r["sources"]) for r in rows}
    alone: tuple[list[str], list[str]] = ([], ["anpr:k1"])
    assert found == {
        "v1": (["halfway", "in", "before"], ["anpr:k1", "video"]),
        "v2": (["nearer"], ["anpr:k2", "video"]),
        "too early": alone, "elsewhere": alone, "another": alone, "clock": alone,
    }  # fmt: skip
    assert [r["first_ms"] for r in rows] == sorted((r["first_ms"] for r in rows), reverse=True)
    assert not {"epoch", "models"} & rows[0].keys()
    told = _run("search", "plate", "123ABC02", *WHY)
    assert "anpr:k1 video" in told.stdout
    assert "9 sightings of 5 passes" in told.stderr
    assert len(PlateSearch("123ABC02", limit=3).rows(clickhouse)) <= 3


@pytest.mark.parametrize("pattern", ["*", "?", "**?", "3*", ""])
def test_a_search_for_everything_is_refused(pattern: str) -> None:
    with pytest.raises(BadConfiguration, match="at least two"):
        PlateSearch(pattern).like()


def test_times() -> None:
    assert parse_time("", "--from") is None
    assert parse_time("1970-01-02", "--from") == 86_400_000
    assert parse_time("1970-01-01T05:00:00+05:00", "--from") == 0
    with pytest.raises(BadConfiguration, match=r"--to 'soon'"):
        parse_time("soon", "--to")


def test_an_empty_selection_is_an_empty_file(audit: AuditBook, tmp_path: Path) -> None:
    for name in FORMATS:
        _run("export", "alerts", "--format", name, "--out", str(tmp_path / name), *WHY)
    assert json.loads((tmp_path / "json").read_text()) == []
    assert pq.read_table(tmp_path / "parquet").num_rows == 0
    assert len((tmp_path / "csv").read_text().splitlines()) == 1
    assert Selection(TABLES["alerts"]).described() == {"table": "alerts"}
    assert len(audit.events) == len(FORMATS)


def _plain(value: Any) -> Any:
    """A record with what the formats may write differently made equal: float32, NaN, amounts."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return None if math.isnan(value) else float(f"{value:.5g}")
    return str(value) if isinstance(value, Decimal) else value

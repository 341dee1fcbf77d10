"""Search by looks: the most alike first, narrowed by what is known, vehicles only, and never without a record."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from audit_book import AuditBook
from typer.testing import CliRunner
from waysight.processors.store import StoreLogic

from waysight.adapters.clickhouse import ClickHouse
from waysight.adapters.clickhouse_writer import ClickHouseWriter
from waysight.adapters.evidence import EvidenceStore
from waysight.adapters.inference import Analysis
from waysight.adapters.keyed_state import KeyedState
from waysight.cli import build
from waysight.codec import Codec
from waysight.domain.looks import encode
from waysight.engine import Message
from waysight.errors import BadConfiguration, EngineDown, NotAllowed
from waysight.messages import DetectedObject
from waysight.reporting import vehicle_searches
from waysight.reporting.vehicle_searches import VehicleSearch
from waysight.reporting.vehicle_sheet import write_sheet

WHY = ["--purpose", "hit and run", "--case", "KZ-2"]
DAY_MS = 86_400_000


@pytest.fixture
def stored(
    clickhouse: ClickHouse, codec: Codec, examples: Callable[[str], list[dict[str, Any]]]
) -> list[str]:
    """Four vehicles whose looks turn away from the first by 0, 20, 60 and 120 degrees, a person, a car without."""
    first = examples("sightings")[0]
    looks = [_look(angle) for angle in (0, 20, 60, 120)]
    rows = [
        {**first, "sighting_id": f"v{n}", "label": "car", "looks": look, "plate": "", "camera_id": f"c{n % 2}",
         "first_ms": n * DAY_MS, "colour": "red" if n else "white"}
        for n, look in enumerate(looks)
    ]  # fmt: skip
    rows.append({**first, "sighting_id": "walker", "label": "person", "looks": looks[0]})
    rows.append({**first, "sighting_id": "blank", "label": "truck", "looks": "", "plate": "123ABC02"})
    logic = StoreLogic(codec, ClickHouseWriter(lambda: clickhouse, 0.0), "store", ["sightings"])
    body = codec.encode("sightings", {"records": rows, "watermarks": []})
    assert asyncio.run(logic.step(KeyedState(0), [Message("sightings", 0, 0, b"", body)])) == []
    return looks


def _look(degrees: float) -> str:
    vector = np.zeros(64)
    vector[:2] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return encode(vector)


def _run(*arguments: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(
        build(), ["search", "vehicle", *arguments, "--json", *WHY], catch_exceptions=False
    )
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


@pytest.mark.usefixtures("stored")
def test_the_most_alike_come_first(audit: AuditBook) -> None:
    found = _run("--like", "v0")
    assert [r["sighting_id"] for r in found] == ["v0", "v1", "v2", "v3"]
    assert [r["likeness"] for r in found] == pytest.approx([1.0, 0.94, 0.5, -0.5], abs=0.01)
    assert [r["sighting_id"] for r in _run("--like", "v3", "--limit", "2")] == ["v3", "v2"]
    assert audit.events[0][0] == "search.vehicle"
    assert audit.events[0][3]["like"] == "v0"
    assert audit.events[0][4] == 4


@pytest.mark.usefixtures("audit", "stored")
def test_it_is_narrowed_by_colour_type_camera_time_and_plate() -> None:
    assert [r["sighting_id"] for r in _run("--like", "v0", "--colour", "red")] == ["v1", "v2", "v3"]
    assert [r["sighting_id"] for r in _run("--like", "v0", "--camera", "c1")] == ["v1", "v3"]
    assert [r["sighting_id"] for r in _run("--like", "v0", "--from", "1970-01-02", "--to", "1970-01-04")] == [
        "v1",
        "v2",
    ]
    assert [r["sighting_id"] for r in _run("--colour", "red")] == ["v3", "v2", "v1"]
    assert [r["sighting_id"] for r in _run("--type", "truck")] == ["blank"]
    assert _run("--type", "truck", "--no-plate") == []
    assert {r["likeness"] for r in _run("--colour", "red")} == {None}


def test_a_picture_is_asked_with_by_its_largest_vehicle(
    audit: AuditBook, stored: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class _Models:
        def __init__(self, _: object) -> None:
            self.closed = False

        async def start(self) -> None: ...

        async def analyse(self, payload: bytes, codec: str) -> Analysis:
            assert (payload, codec) == (b"photo", "jpeg")
            return Analysis(400, 300, tuple(things), "", "")

        async def close(self) -> None: ...

    def thing(width: float, looks: str, label: str = "car") -> DetectedObject:
        return DetectedObject(label=label, score=0.9, x1=0.0, y1=0.0, x2=width, y2=50.0, looks=looks)  # type: ignore[arg-type]

    things = [thing(60, stored[0]), thing(90, stored[2]), thing(300, "", "person")]
    monkeypatch.setattr(vehicle_searches, "TritonAnalyser", _Models)
    (tmp_path / "car.jpg").write_bytes(b"photo")
    assert _run("--picture", str(tmp_path / "car.jpg"))[0]["sighting_id"] == "v2"
    assert audit.events[0][3]["picture"] == "car.jpg"
    things = things[2:]
    with pytest.raises(BadConfiguration, match="no vehicle"):
        _run("--picture", str(tmp_path / "car.jpg"))


@pytest.mark.usefixtures("audit")
def test_people_are_not_searched_by_looks(clickhouse: ClickHouse, stored: list[str]) -> None:
    assert "walker" not in {r["sighting_id"] for r in VehicleSearch(looks=stored[0]).rows(clickhouse)}
    with pytest.raises(BadConfiguration, match="person"):
        _run("--type", "person")


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [([], "say what to look for"), (["--like", "nobody"], "none is called"), (["--like", "v"], "more than one is"),
     (["--like", "blank"], "has no look"), (["--colour", "mauve"], "--colour 'mauve'"),
     (["--like", "v0", "--picture", "x.jpg"], "either"), (["--picture", "absent.jpg"], "cannot be read")],
)  # fmt: skip
def test_a_search_that_makes_no_sense_is_refused(audit: AuditBook, arguments: list[str], words: str) -> None:
    with pytest.raises(BadConfiguration, match=words):
        _run(*arguments)
    assert not audit.events


@pytest.mark.usefixtures("stored")
def test_nothing_without_purpose_case_and_record(
    audit: AuditBook, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "sheet.png"
    with pytest.raises(NotAllowed, match="missing"):
        CliRunner().invoke(build(), ["search", "vehicle", "--colour", "red"], catch_exceptions=False)
    audit.failure = EngineDown("Kafka is away")
    with pytest.raises(EngineDown, match="away"):
        _run("--colour", "red", "--sheet", str(sheet))
    assert not sheet.exists()
    assert capsys.readouterr().out == ""


def test_a_sheet_shows_what_is_kept(tmp_path: Path) -> None:
    store = EvidenceStore(f"file://{tmp_path}/evidence")
    picture = cv2.imencode(".jpg", np.full((120, 160, 3), (40, 40, 200), np.uint8))[1].tobytes()
    store.put("frames/c0/19700101/e-000000001.jpg", picture)
    row = {"likeness": 0.9, "first_ms": 0, "colour": "red", "label": "car", "plate": "", "camera_id": "c0",
           "box": [20.0, 20.0, 140.0, 100.0], "evidence_ref": "frames/c0/19700101/e-000000001.jpg"}  # fmt: skip
    write_sheet(
        [row, {**row, "evidence_ref": "frames/c0/19700101/e-000000002.jpg"}], store, tmp_path / "s.png"
    )
    drawn = cv2.imread(str(tmp_path / "s.png"))
    assert drawn is not None
    assert drawn.shape == (256, 768, 3)
    assert int(drawn[100, 192, 2]) > 150 > int(drawn[100, 576, 2])
    with pytest.raises(BadConfiguration, match="cannot write"):
        write_sheet([], store, tmp_path / "s.nothing")

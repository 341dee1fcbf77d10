"""When and where an entry holds: local hours over midnight, areas, directions, looks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sightings import sighting
from synthetic import START_MS
from wanted import entry

from waysight.domain.conditions import active, contradicts, holds, meets, octant, shows, spans_of
from waysight.domain.scene import Scene
from waysight.messages import PathPoint

HERE = Scene(camera_id="cam-1", road="A-1", district="Almaly", group="ring", timezone="Asia/Almaty")


def _at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("hours", "at", "inside"),
    [
        ("", "2026-11-21T03:00", True),
        ("mon-fri 22:00-06:00", "2026-11-20T17:00", True),  # Friday 22:00 in Almaty (UTC+5)
        ("mon-fri 22:00-06:00", "2026-11-20T16:59", False),
        ("mon-fri 22:00-06:00", "2026-11-21T00:59", True),  # Saturday 05:59 belongs to Friday's night
        ("mon-fri 22:00-06:00", "2026-11-21T01:00", False),
        ("mon-fri 22:00-06:00", "2026-11-21T18:00", False),  # Saturday 23:00
        ("sat-mon 00:00-24:00", "2026-11-22T12:00", True),  # Sunday, in a range over the week's end
        ("sat-mon 00:00-24:00", "2026-11-24T12:00", False),
        ("07:00-09:00, 17:00-19:00", "2026-11-24T13:30", True),
        ("07:00-09:00; 17:00-19:00", "2026-11-24T06:30", False),
        ("whenever", "2026-11-24T06:30", False),
    ],
)
def test_hours_are_local_and_run_over_midnight(hours: str, at: str, inside: bool) -> None:
    assert active(hours, _at(at), HERE.timezone) is inside


@pytest.mark.parametrize("hours", ["mon", "25:00-26:00", "mon-xyz 10:00-11:00", "10:60-11:00", "10-11", ","])
def test_what_cannot_be_read_is_no_hours(hours: str) -> None:
    assert spans_of(hours) is None


@pytest.mark.parametrize(
    ("change", "where", "held"),
    [
        ({}, {}, True),
        ({"area": ("district:Almaly",)}, {}, True),
        ({"area": ("road:A-2", "cam-1")}, {}, True),
        ({"area": ("group:other",)}, {}, False),
        ({"expires_ms": START_MS}, {}, False),
        ({"valid_from_ms": START_MS + 1}, {}, False),
        ({"revoked_ms": START_MS + 10**9}, {}, False),
        ({"hours": "00:00-00:01"}, {"timezone": "UTC"}, False),
    ],
)
def test_an_entry_holds_within_its_time_and_area(
    change: dict[str, object], where: dict[str, object], held: bool
) -> None:
    found = holds(entry("e", "123ABC02", **change), replace(HERE, **where), START_MS)  # type: ignore[arg-type]
    assert found is held


def _path(*points: tuple[float, float]) -> tuple[PathPoint, ...]:
    return tuple(
        PathPoint(captured_ms=n, x_m=0.0, y_m=y_m, x_px=0.0, y_px=y_px)
        for n, (y_m, y_px) in enumerate(points)
    )


NAN = float("nan")


@pytest.mark.parametrize(
    ("bearing", "traffic", "path", "way"),
    [
        (0.0, 0, _path((10, 900), (60, 300)), "n"),
        (0.0, 0, _path((60, 300), (10, 900)), "s"),
        (350.0, 0, _path((NAN, 900), (NAN, 300)), "n"),
        (46.0, 0, _path((NAN, 300), (NAN, 900)), "sw"),
        (90.0, 1, (), "e"),
        (90.0, -1, _path((10, 900), (60, 300)), "w"),  # where all come towards the camera
        (90.0, 0, _path((10, 500), (10.5, 510)), ""),  # it stands
        (90.0, 0, _path((NAN, 500)), ""),
        (None, 1, (), ""),
    ],
)
def test_the_way_of_travel_is_where_the_camera_looks_or_the_opposite(
    bearing: float | None, traffic: int, path: tuple[PathPoint, ...], way: str
) -> None:
    scene = replace(HERE, bearing_deg=bearing, traffic=traffic)
    seen = sighting("cam-1", "123ABC02", 0, path=path)
    assert octant(scene, seen) == way
    wanted = entry("e", "123ABC02", direction=way or "n")
    assert meets(wanted, scene, seen) is bool(way)
    assert not meets(replace(wanted, direction="nw"), scene, seen)


def test_looks_are_shown_or_contradicted_only_surely() -> None:
    wanted = entry("e", "", label="truck", colour="blue")
    blue = {"label": "truck", "colour": "blue"}
    assert shows(wanted, sighting("cam-1", "", 0, **blue))
    for doubt in ({"label_confidence": 0.5}, {"colour_confidence": 0.4}, {"colour": "unknown"}):
        seen = sighting("cam-1", "", 0, **(blue | doubt))
        assert not shows(wanted, seen)
        assert not contradicts(wanted, seen)
    assert contradicts(wanted, sighting("cam-1", "", 0, label="car", colour="blue"))
    assert contradicts(wanted, sighting("cam-1", "", 0, label="plate", colour="red"))
    assert not contradicts(entry("e", ""), sighting("cam-1", "", 0))

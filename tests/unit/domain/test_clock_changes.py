"""Hours and law days where a country changes its clocks: Morocco around Ramadan, Kazakhstan for good in March 2024."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sightings import sighting
from synthetic import Pinhole

from waysight.authority.rulepacks import all_packs
from waysight.domain.conditions import active
from waysight.domain.enforcement import closed_lane, papers, standing
from waysight.domain.enforcement.case import Law, local_day
from waysight.domain.enforcement.papers import Papers
from waysight.domain.scene import Scene, Zone
from waysight.messages import PathPoint, Sighting

LAW = Law(packs=all_packs())
CAMERA = Pinhole(1500.0, 6.0, 12.0)
CORNERS = ((0.5, 15.0), (4.0, 15.0), (4.0, 70.0), (0.5, 70.0))
ZONE = Zone(zone_id="z", polygon=tuple(CAMERA.pixel(*c) for c in CORNERS), labels=frozenset(("car",)))
ALMATY, CASABLANCA = "Asia/Almaty", "Africa/Casablanca"


def _ms(text: str) -> int:
    """UTC epoch ms of a UTC time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def _scene(purpose: str, kind: str, country: str, timezone: str, hours: str = "") -> Scene:
    return Scene(
        camera_id="c", country=country, timezone=timezone, fps=5.0, homography=CAMERA.homography(), certificate="C",
        papers=(0, 2**62), purposes=frozenset((purpose,)), zones=(replace(ZONE, kind=kind, hours=hours),) if kind else (),
    )  # fmt: skip


def _pass(from_ms: int, step_ms: int, places: list[float]) -> Sighting:
    path = tuple(
        PathPoint(captured_ms=from_ms + n * step_ms, x_m=2.25, y_m=y, x_px=CAMERA.pixel(2.25, y)[0],
                  y_px=CAMERA.pixel(2.25, y)[1])
        for n, y in enumerate(places)
    )  # fmt: skip
    made = sighting("c", "123ABC02", 0, zones=("z",), path=path, first_ms=from_ms)
    last_ms = path[-1].captured_ms
    return replace(made, last_ms=last_ms, captured_ms=last_ms, clock_error_ms=0, sighting_id=f"s-{from_ms}")


# 15 February 2026, 03:00 local: back to 02:00 (UTC+1 to UTC+0). 22 March 2026, 02:00 local: on to 03:00.
@pytest.mark.parametrize(
    ("at", "in_force"),
    [
        ("2026-02-14T01:30", True), ("2026-02-14T02:30", False),
        ("2026-02-15T00:59", False), ("2026-02-15T01:30", True),  # the hour from two to three
        ("2026-02-15T02:30", True), ("2026-02-15T03:00", False),  # and once more
        ("2026-02-16T01:30", False), ("2026-02-16T02:30", True),
        ("2026-03-21T02:30", True),
        ("2026-03-22T01:59", False), ("2026-03-22T02:00", False), ("2026-03-22T02:30", False),  # there is none
        ("2026-03-23T01:30", True), ("2026-03-23T02:30", False),
    ],
)  # fmt: skip
def test_a_bus_lanes_hours_in_morocco_around_ramadan(at: str, in_force: bool) -> None:
    scene = _scene("bus_lane", "bus_lane", "ma", CASABLANCA, "02:00-03:00")
    drive = _pass(_ms(at), 200, [60.0 - 4 * n for n in range(10)])
    assert bool(list(closed_lane.judge(LAW, scene, drive, "bus_lane"))) == in_force
    assert active("02:00-03:00", _ms(at), CASABLANCA) == in_force


def test_a_span_over_midnight_belongs_to_the_day_that_it_began_on_also_when_the_day_is_longer() -> None:
    # Saturday 14 to Sunday 15 February: the span ends at 02:30 by either reading of that half hour.
    hours = "sat 22:00-02:30"
    times = ["2026-02-14T20:59", "2026-02-14T21:00", "2026-02-15T01:29", "2026-02-15T01:45", "2026-02-15T02:15",
             "2026-02-15T02:30"]  # fmt: skip
    assert [active(hours, _ms(t), CASABLANCA) for t in times] == [False, True, True, False, True, False]


# 1 March 2024, 00:00 local (18:00 UTC on 29 February): Almaty goes back to 23:00, from UTC+6 to UTC+5, for good.
def test_standing_through_the_hour_that_kazakhstan_lived_twice() -> None:
    scene = _scene("illegal_parking", "no_parking", "kz", ALMATY, "22:00-24:00")
    stays = [30.0] * 61
    (found,) = standing.judge(LAW, scene, _pass(_ms("2024-02-29T17:50"), 20_000, stays), "illegal_parking")
    assert found.dwell_ms == 20 * 60_000, "time that passes is time that passes"
    (found,) = standing.judge(LAW, scene, _pass(_ms("2024-02-29T18:50"), 20_000, stays), "illegal_parking")
    assert found.dwell_ms is not None
    assert found.dwell_ms < 10 * 60_000, "only until the second midnight, which is the day's end"
    assert not list(
        standing.judge(LAW, scene, _pass(_ms("2024-03-01T16:50"), 7_000, stays), "illegal_parking")
    )


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2024-02-28T17:59", date(2024, 2, 28)), ("2024-02-28T18:00", date(2024, 2, 29)),
        ("2024-02-29T17:59", date(2024, 2, 29)), ("2024-02-29T18:59", date(2024, 2, 29)),
        ("2024-02-29T19:00", date(2024, 3, 1)), ("2024-03-01T18:59", date(2024, 3, 1)),
        ("2024-03-01T19:00", date(2024, 3, 2)), ("2023-12-31T17:59", date(2023, 12, 31)),
        ("2023-12-31T18:00", date(2024, 1, 1)), ("2024-12-31T18:59", date(2024, 12, 31)),
        ("2024-12-31T19:00", date(2025, 1, 1)),
    ],
)  # fmt: skip
def test_law_days_of_kazakhstan_before_and_after_its_change(at: str, day: date) -> None:
    assert local_day(all_packs()["kz"], _ms(at)) == day


def test_a_local_day_of_twenty_five_hours_is_one_day_for_the_register() -> None:
    scene = _scene("no_insurance", "", "kz", ALMATY)
    lapsed = Papers("kz", insured_until_ms=_ms("2024-02-28T18:00"))  # the 28th was the last day

    def ids(*times: str) -> list[str]:
        passes = [_pass(_ms(t), 200, [60.0, 56.0, 52.0]) for t in times]
        return [v.violation_id for s in passes for v in papers.judge(LAW, scene, s, lapsed)]

    assert not ids("2024-02-28T17:59"), "still the day on which it held"
    first, late, again = ids("2024-02-28T18:01", "2024-02-29T17:30", "2024-02-29T18:30")
    assert first == late == again, "the 29th, through its second last hour"
    assert ids("2024-02-29T19:01") != [first]


def test_the_price_is_that_of_the_local_day_at_the_turn_of_the_year() -> None:
    """The unit of account changes at local midnight, whatever UTC says."""
    for country, midnight in (
        ("kz", "2025-12-31T19:00"),
        ("pe", "2026-01-01T05:00"),
        ("ma", "2025-12-31T23:00"),
    ):
        pack = all_packs()[country]
        at_ms = _ms(midnight)
        assert [local_day(pack, t).year for t in (at_ms - 1, at_ms)] == [2025, 2026], country

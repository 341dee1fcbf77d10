"""One act, one fine: which violations are the same act, and which of them stands."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightings import sighting
from synthetic import START_MS

from waysight.domain.enforcement.case import Law, violation
from waysight.domain.enforcement.precedence import prevails, same_act
from waysight.domain.exemptions import Exemptions, covers, faults
from waysight.domain.scene import Scene
from waysight.messages import DutyPeriod, Exemption, Violation

OFFENCES = get_args(get_type_hints(Violation)["offence"])


def _act(offence: Any, at_s: float = 0.0, camera: str = "c", **change: Any) -> Violation:
    at_ms = round(at_s * 1000)
    seen = sighting(camera, change.get("plate", "123ABC02"), at_ms)
    made = violation(
        Law(), offence, (Scene(camera_id=camera, country="kz"),), (seen,), START_MS + at_ms, country="kz",
        subject=camera, evidence=(),
    )  # fmt: skip
    return replace(made, **{"enforceable": True, **change})


SECTION = _act(
    "average_speed",
    600,
    camera="out",
    section_id="s",
    duration_ms=600_000,
    enforced_kmh=130.0,
    limit_kmh=110.0,
)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (SECTION, _act("spot_speed", 300, camera="between"), True),
        (SECTION, _act("spot_speed", 599, camera="out"), True),
        (SECTION, _act("spot_speed", -60, camera="in"), False),
        (SECTION, _act("spot_speed", 700, camera="after"), False),
        (SECTION, _act("spot_speed", 605, camera="out", sighting_ids=SECTION.sighting_ids), True),
        (_act("spot_speed"), _act("spot_speed", 30), True),
        (_act("spot_speed"), _act("spot_speed", 90), False),
        (_act("spot_speed"), _act("spot_speed", 30, camera="d"), False),
        (_act("red_light"), _act("stop_line", -20), True),
        (_act("red_light"), _act("stop_line", -20, camera="d"), False),
        (_act("red_light"), _act("spot_speed"), False),
        (_act("illegal_parking", zone_id="z", dwell_ms=600_000), _act("illegal_parking", 2000, zone_id="z", dwell_ms=500_000), True),
        (_act("illegal_parking", zone_id="z", dwell_ms=600_000), _act("illegal_parking", 4000, zone_id="z", dwell_ms=600_000), False),
        (_act("illegal_parking", dwell_ms=600_000), _act("double_parking", -100, dwell_ms=100_000), True),
        (_act("bus_lane", zone_id="z"), _act("restricted_zone", zone_id="z"), True),
        (_act("bus_lane", zone_id="z"), _act("bus_lane", 30, zone_id="z"), True),
        (_act("solid_line"), _act("overtaking", 10), True),
        (_act("no_insurance"), _act("no_inspection"), False),
        (_act("no_insurance"), _act("no_insurance", 30), False),
        (_act("spot_speed"), _act("spot_speed", plate="999ZZZ02"), False),
        (_act("no_plate", plate=""), _act("no_plate", 1, plate=""), False),
    ],
)  # fmt: skip
def test_the_same_act(a: Violation, b: Violation, same: bool) -> None:
    assert same_act(a, b) is same
    assert same_act(b, a) is same


def test_which_stands() -> None:
    light, line = _act("red_light"), _act("stop_line", -20)
    assert prevails(light, line) == light
    assert prevails(replace(light, enforceable=False), line) == line, "what may not be fined excuses nothing"
    spot = _act("spot_speed", 300, enforced_kmh=150.0, limit_kmh=110.0)
    assert prevails(SECTION, spot) == spot
    prices = {SECTION.violation_id: Decimal(200), spot.violation_id: Decimal(100)}
    assert prevails(SECTION, spot, prices) == SECTION
    long, short = _act("illegal_parking", dwell_ms=900_000), _act("illegal_parking", 1000, dwell_ms=400_000)
    assert prevails(short, long) == long


_ACTS = st.builds(
    lambda offence, at_s, dwell, fit, over: _act(
        offence, at_s, dwell_ms=dwell, enforceable=fit, enforced_kmh=60.0 + over, limit_kmh=60.0, section_id="s", zone_id="z",
        duration_ms=60_000,
    ),
    st.sampled_from(OFFENCES), st.integers(-4000, 4000), st.integers(0, 3_600_000), st.booleans(), st.integers(0, 90),
)  # fmt: skip


@given(st.lists(_ACTS, min_size=2, max_size=6))
def test_the_order_does_not_matter(acts: list[Violation]) -> None:
    for a in acts:
        assert not same_act(a, a)
        for b in acts:
            assert same_act(a, b) == same_act(b, a)
            assert prevails(a, b) == prevails(b, a) or a.violation_id == b.violation_id

    def winner(order: list[Violation]) -> Violation:
        best = order[0]
        for other in order[1:]:
            best = prevails(best, other)
        return best

    if len({a.violation_id for a in acts}) == len(acts):
        assert winner(acts) == winner(acts[::-1])


EMERGENCY = Exemption(
    exemption_id="e", plate="123ABC02", kind="emergency", on_duty_only=True, legal_basis="law 1", authority="fire brigade",
    duty=(DutyPeriod(from_ms=START_MS - 1000, until_ms=START_MS + 1000, mission="M-1"),), case_number="C-1",
    valid_from_ms=START_MS - 10**6, valid_until_ms=START_MS + 10**6,
)  # fmt: skip


def test_an_exempt_vehicle_is_kept_and_never_fined() -> None:
    known = Exemptions((EMERGENCY,))
    found = known.applied(_act("red_light"))
    assert (found.enforceable, found.obstacles[-1], found.exemption) == (False, "exempt", "e")
    assert known.applied(_act("red_light", 2)).enforceable, "off duty"
    assert known.applied(_act("red_light", plate="999ZZZ02")).enforceable
    known.apply("e", replace(EMERGENCY, revoked=True))
    assert known.applied(_act("red_light")).enforceable
    known.apply("e", EMERGENCY)
    known.apply("e", None)
    assert known.applied(_act("red_light")).enforceable


def test_an_exemption_covers_what_it_names() -> None:
    bus = replace(EMERGENCY, on_duty_only=False, duty=(), offences=("bus_lane",), zones=("z",))
    assert covers(bus, _act("bus_lane", zone_id="z"))
    assert not covers(bus, _act("bus_lane", zone_id="y"))
    assert not covers(bus, _act("red_light", zone_id="z"))
    assert not covers(bus, _act("bus_lane", 1000, zone_id="z")), "it has ended"
    assert not faults(bus, OFFENCES)
    wrong = replace(EMERGENCY, plate="", kind="friend", offences=("littering",), duty=(), valid_until_ms=0)
    assert len(faults(wrong, OFFENCES)) == 5

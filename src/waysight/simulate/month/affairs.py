"""What happens after an offence: the vehicle was sold, somebody else drove, an appeal is won, the camera was wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from waysight.simulate.month.conduct import along, went
from waysight.simulate.month.fates import FATES, WEEK_MS
from waysight.simulate.month.habits import VERDICTS
from waysight.simulate.month.telling import HOUR_MS, OTHER_VEHICLE, Told

_DAY_MS = 86_400_000
_MINUTE_MS = 60_000
PERSONS = 2_000_000  # so much higher is the number of who buys somebody's vehicle, or drives it


def _offends(told: Told, **more: Any) -> None:
    """Too fast; or, where only other fines have a discount, in a lane for buses."""
    if told.traffic.streets.nation.code == "pe" and told.number % 2:
        told.guilty("restricted_zone", told.look(told.camera("bus"), lane="bus"), **more)
    else:
        told.guilty("spot_speed", told.fast("spot", 25.0), over=25.0, **more)


def affair(told: Told) -> None:
    """A notice with a fate."""
    told.enrol()
    _offends(told, fate=FATES[told.number % len(FATES)], other=told.number + PERSONS)


def sold(told: Told) -> None:
    """Sold before the offence or after it, and the register knows of it soon, late, or only of the later owner."""
    buyer, at_ms = told.number + PERSONS, told.at_ms
    if told.number % 6 == 0:  # sold ten days before
        told.enrol()
        told.register(at_ms - 30 * _MINUTE_MS, buyer, owner_since_ms=at_ms - 10 * _DAY_MS)
        _offends(replace(told, owned_by=buyer))
    elif told.number % 6 == 1:  # sold ten minutes after
        told.enrol()
        told.register(at_ms + 30 * _MINUTE_MS, buyer, owner_since_ms=at_ms + 10 * _MINUTE_MS)
        _offends(told)
    elif told.number % 6 == 2:  # sold before, which is shown only after the notice
        told.enrol()
        told.register(at_ms + 6 * _DAY_MS, buyer, owner_since_ms=at_ms - _DAY_MS)
        _offends(told, fate="sold_before", other=buyer)
    elif told.number % 6 == 3:  # nobody says whose it was
        told.register(at_ms + 30 * _MINUTE_MS, buyer, owner_since_ms=at_ms + 10 * _MINUTE_MS)
        _offends(told, owner=False)
    elif told.number % 6 == 4:  # the register is six days behind
        told.register(at_ms + 6 * _DAY_MS, told.number)
        _offends(told, known_ms=at_ms + 6 * _DAY_MS)
    else:  # and tells of the later owner first
        told.register(at_ms + 5 * _DAY_MS, buyer, owner_since_ms=at_ms + 10 * _MINUTE_MS)
        told.register(at_ms + 7 * _DAY_MS, told.number)
        _offends(told, known_ms=at_ms + 7 * _DAY_MS)


def passed_on(told: Told) -> None:
    """A fine that goes over to the driver, or is won: what either does next is a first offence, or a repeated one."""
    told.enrol()
    nation, driver = told.traffic.streets.nation, told.number + PERSONS
    first, second = nation.again_kmh
    won = told.number % 3 == 0
    fate = "appeal_won" if won else "nominated"
    told.guilty("spot_speed", told.fast("spot", first), over=first, fate=fate, other=driver)
    later_ms = told.at_ms + (5, 14)[told.number % 2] * _DAY_MS
    told.guilty("spot_speed", told.fast("fast", second, later_ms), over=second)
    if not won:
        own = replace(told, number=told.number + OTHER_VEHICLE, at_ms=later_ms + HOUR_MS, owned_by=driver)
        own.enrol()
        own.guilty("spot_speed", own.fast("fast", second), over=second)


def faulty(told: Told) -> None:
    """Too fast, says a camera that every other week proves to have been faulty."""
    told.enrol()
    seen = told.fast("shaky", 25.0)
    fate = "faulty" if seen.path[0].captured_ms // WEEK_MS % 2 else ""
    told.guilty("spot_speed", seen, over=25.0, fate=fate)


def doubted(told: Told) -> None:
    """Officers do not accept what the processors found, or not at once, or not for good."""
    verdict = VERDICTS[told.number % len(VERDICTS)]
    if told.number % 3:
        told.enrol()
        _offends(told, verdict=verdict)
    else:
        told.enrol()
        seen = went(told, "lane", along(told.at_ms, 1.75, 46.0, -2.7, 11), "one_way")
        told.guilty("wrong_way", seen, verdict=verdict)


def misread(told: Told) -> None:
    """Read as another's plate, surely or not, or not at all: an officer mends it, and another decides."""
    told.enrol()
    other = told.other()
    other.enrol()
    read = ({"plate": other.plate}, {"plate": other.plate, "sure": False}, {"plate": ""})[told.number % 3]
    seen = told.fast("spot", 25.0, **read)
    other.guilty("spot_speed", seen, over=25.0, enforceable=told.number % 3 == 0, mended_to=told.plate)
    told.guilty("spot_speed", seen, over=25.0, plate=told.plate, mended=True)


AFFAIRS: Mapping[str, Callable[[Told], None]] = {
    "affair": affair, "sold": sold, "passed-on": passed_on, "affair-2": affair, "doubted": doubted, "sold-2": sold,
    "affair-3": affair, "faulty": faulty, "misread": misread,
}  # fmt: skip

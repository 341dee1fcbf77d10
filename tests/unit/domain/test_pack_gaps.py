"""What `rules check` warns of: what ends soon, and offences of which a pack says nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import get_args

import pytest

from waysight.authority.rulepacks import all_packs, load_pack
from waysight.domain.enforcement.case import OffenceName
from waysight.domain.pack_gaps import gaps

OFFENCES = get_args(OffenceName)


@pytest.mark.parametrize("country", sorted(all_packs()))
def test_every_offence_has_a_tariff_or_a_reason(country: str) -> None:
    pack = load_pack(country)
    assert {o.offence for o in pack.offences} | set(pack.without_tariff) == set(OFFENCES)
    assert gaps(pack, OFFENCES, date(2026, 6, 1)) == ()
    silent = replace(pack, offences=pack.offences[1:], without_tariff={})
    named = {line.partition(":")[0] for line in gaps(silent, OFFENCES, date(2026, 6, 1))}
    assert named == {pack.offences[0].offence, *pack.without_tariff}


@pytest.mark.parametrize(
    ("country", "today", "expected"),
    [
        ("kz", date(2026, 10, 2), ()),
        ("kz", date(2026, 10, 3), ("MRP has no value from 2027-01-01 on",)),
        ("pe", date(2026, 11, 21), ("UIT has no value from 2027-01-01 on",)),
        ("ma", date(2030, 1, 1), ()),
        ("kz", date(2027, 10, 2), ("MRP has no",)),
        ("kz", date(2027, 10, 3), ("the calendar knows no day from 2028-01-01 on", "MRP has no")),
        ("pe", date(2029, 1, 1), ("the calendar knows no day", "UIT has no")),
    ],
)
def test_what_ends_within_ninety_days_is_warned_of(
    country: str, today: date, expected: tuple[str, ...]
) -> None:
    found = gaps(load_pack(country), OFFENCES, today)
    assert len(found) == len(expected)
    assert all(line.startswith(words) for line, words in zip(found, expected, strict=True))


def test_a_calendar_that_no_discount_needs_may_end() -> None:
    pack = replace(load_pack("pe"), discounts=())
    assert not any("calendar" in line for line in gaps(pack, OFFENCES, date(2029, 1, 1)))


def test_a_tariff_that_ends_is_warned_of() -> None:
    pack = load_pack("kz")
    red = pack.offence("red_light")
    assert red is not None
    ending = replace(red, tariffs=(*red.tariffs[:-1], replace(red.tariffs[-1], until_day=date(2026, 9, 1))))
    others = tuple(o for o in pack.offences if o is not red)
    assert gaps(replace(pack, offences=(*others, ending)), OFFENCES, date(2026, 6, 10)) == (
        "red_light has no tariff from 2026-09-01 on",
    )

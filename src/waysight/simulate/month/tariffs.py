"""What an offence costs, written a second time from the public sources, so that no pack can hide an error.

Nothing here comes from `rules/` or from the code that reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Step:
    """More than `above_kmh` over the limit (`reached`: or just as much; None: not about speed) costs `units`.

    Without `units` it goes to `refer`, or nobody is sure of it and nothing follows.
    """

    article: str
    above_kmh: float | None
    units: Decimal | None
    reached: bool = False
    refer: str = ""


@dataclass(frozen=True)
class Price:
    """Steps from highest to lowest, in force from a local day until the day before `until`."""

    since: date
    until: date
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Stage:
    """What settles a fine (a share of it, or an amount) until so many days after the clock began; None: for good."""

    share: Decimal | None
    amount: Decimal | None
    days: int | None
    working: bool = True


@dataclass(frozen=True)
class Again:
    """What a second conviction within a year costs: other units, or a multiple, or a judge."""

    article: str
    units: Decimal | None = None
    factor: int = 1
    refer: str = ""


@dataclass(frozen=True)
class Nation:
    """One country's law as far as the simulated city breaks it.

    `units` are (from day, value) of the unit of account; below `least_over_kmh` nothing is an offence; `margin` (share
    of the limit, at most km/h) is taken off in the driver's favour; `early` are the stages of each article ("" : all
    others); `served` when their clock begins with the service of the notice and not with its issue; `again` says for
    which articles a second conviction for the same (`each`) or any of them is dearer; `again_kmh` are two speeds for that.
    """

    code: str
    zone: ZoneInfo
    currency: str
    limit_kmh: float
    section_limit_kmh: float
    least_over_kmh: float
    margin: tuple[float, float]
    units: tuple[tuple[date, Decimal], ...]
    prices: Mapping[str, tuple[Price, ...]]
    early: Mapping[str, tuple[Stage, ...]]
    served: bool
    again: Mapping[str, Again]
    again_kmh: tuple[float, float]
    each: bool = False
    two_officers: frozenset[str] = frozenset()
    holidays: frozenset[tuple[int, int]] = frozenset()
    extra_holidays: frozenset[date] = frozenset()
    moved: bool = False

    def margin_kmh(self, limit_kmh: float) -> float:
        """What is taken off a measured speed besides its uncertainty, km/h."""
        share, most = self.margin
        return min(share * limit_kmh, most) if share else most


_EVER = date(9999, 1, 1)
_D = Decimal


def _of(
    article: str, units: str | None, above: float | None = None, reached: bool = False, refer: str = ""
) -> Step:
    return Step(article, above, None if units is None else _D(units), reached, refer)


def _one(article: str, units: str | None, since: int, refer: str = "") -> tuple[Price, ...]:
    return (Price(date(since, 1, 1), _EVER, (_of(article, units, refer=refer),)),)


_KZ_SPEED = (
    _of("592(3-1)", "40", 60),
    _of("592(3)", "20", 40),
    _of("592(2)", "10", 20),
    _of("592(1)", "5", 10, True),
)
_KZ_2024 = date(2024, 12, 4)
KZ = Nation(
    code="kz",
    zone=ZoneInfo("Asia/Almaty"),
    currency="KZT",
    limit_kmh=60.0,
    section_limit_kmh=110.0,
    least_over_kmh=10.0,
    margin=(0.0, 0.0),
    units=(
        (date(2021, 1, 1), _D(2917)), (date(2022, 1, 1), _D(3063)), (date(2023, 1, 1), _D(3450)),
        (date(2024, 1, 1), _D(3692)), (date(2025, 1, 1), _D(3932)), (date(2026, 1, 1), _D(4325)),
    ),
    prices={
        "spot_speed": (Price(date(2021, 1, 1), _KZ_2024, _KZ_SPEED[1:]), Price(_KZ_2024, _EVER, _KZ_SPEED)),
        "average_speed": (Price(_KZ_2024, _EVER, _KZ_SPEED),),
        "red_light": (Price(date(2021, 1, 1), date(2023, 1, 1), (_of("599(1)", None),)), *_one("599(1)", "10", 2023)),
        **dict.fromkeys(("restricted_zone", "restricted_hours", "bus_lane", "stop_line"), _one("601(1)", "3", 2021)),
        **dict.fromkeys(("solid_line", "illegal_turn"), _one("601(1)", None, 2021)),
        "no_plate": _one("590", "10", 2022),
        "box_junction": _one("594(1)", "3", 2023),
        **dict.fromkeys(("pavement", "shoulder"), _one("596(1)", "15", 2024)),
        "overtaking": _one("596(2)", "15", 2024),
        "wrong_way": _one("596(3)", None, 2024, "court"),
        **dict.fromkeys(("illegal_stopping", "illegal_parking"), _one("597(1)", "5", 2024)),
        "double_parking": _one("597(3)", "10", 2024),
        "pedestrian_priority": _one("600(1)", None, 2021),
        "no_insurance": _one("230", None, 2021),
        "no_inspection": _one("590", None, 2021),
    },
    early={"": (Stage(_D("0.5"), None, 7),)},
    served=False,
    again={"592(2)": Again("592(4)", _D(30)), "592(3)": Again("592(4)", _D(30))},
    again_kmh=(25.0, 45.0),
    two_officers=frozenset({"wrong_way"}),
    holidays=frozenset(
        {(1, 1), (1, 2), (1, 7), (3, 8), (3, 21), (3, 22), (3, 23), (5, 1), (5, 7), (5, 9), (7, 6), (8, 30),
         (10, 25), (12, 16)}
    ),
    extra_holidays=frozenset({date(2026, 5, 27), date(2027, 3, 15), date(2027, 5, 16)}),
    moved=True,
)  # fmt: skip

PE = Nation(
    code="pe",
    zone=ZoneInfo("America/Lima"),
    currency="PEN",
    limit_kmh=50.0,
    section_limit_kmh=90.0,
    least_over_kmh=0.0,
    margin=(0.0, 5.0),
    units=(
        (date(2021, 1, 1), _D(4400)), (date(2022, 1, 1), _D(4600)), (date(2023, 1, 1), _D(4950)),
        (date(2024, 1, 1), _D(5150)), (date(2025, 1, 1), _D(5350)), (date(2026, 1, 1), _D(5500)),
    ),
    prices={
        "spot_speed": (
            Price(
                date(2022, 1, 14), _EVER, (_of("M20", "0.50", 30), _of("M20", "0.24", 10), _of("M20", "0.18", 0))
            ),
        ),
        "red_light": _one("M17", "0.12", 2021),
        "wrong_way": _one("M16", "0.12", 2021),
        "bus_lane": _one("G10", "0.08", 2021),
        "illegal_parking": _one("G47", "0.08", 2021),
        **dict.fromkeys(
            ("restricted_zone", "restricted_hours", "stop_line", "solid_line", "illegal_turn"), _one("G57", "0.08", 2021)
        ),
        "box_junction": _one("G70", "0.08", 2021),
        "double_parking": _one("G40-G52", "0.08", 2021),
        "no_plate": _one("M24", "0.12", 2021),
        "no_inspection": _one("M27", "0.12", 2021),
        "no_insurance": _one("M28", "0.12", 2021),
    },
    early={
        "": (Stage(_D("0.17"), None, 5), Stage(_D("0.33"), None, None)),
        **dict.fromkeys(("M16", "M17", "M20", "M27", "M28"), ()),
    },
    served=True,
    again={a: Again(a, factor=2) for a in ("M20", "M17", "M16", "M24", "M27", "M28", "G10", "G40-G52", "G47", "G57", "G70")},
    again_kmh=(15.0, 35.0),
    each=True,
    holidays=frozenset(
        {(1, 1), (5, 1), (6, 7), (6, 29), (7, 23), (7, 28), (7, 29), (8, 6), (8, 30), (10, 8), (11, 1), (12, 8),
         (12, 9), (12, 25)}
    ),
    extra_holidays=frozenset(
        {date(2024, 3, 28), date(2024, 3, 29), date(2025, 4, 17), date(2025, 4, 18), date(2026, 4, 2),
         date(2026, 4, 3), date(2027, 3, 25), date(2027, 3, 26)}
    ),
)  # fmt: skip

_MA_FIRST, _MA_SECOND, _MA_THIRD = (
    _one("184", "700", 2021),
    _one("185", "500", 2021),
    _one("186", "300", 2021),
)
MA = Nation(
    code="ma",
    zone=ZoneInfo("Africa/Casablanca"),
    currency="MAD",
    limit_kmh=60.0,
    section_limit_kmh=120.0,
    least_over_kmh=0.0,
    margin=(0.1, 7.0),
    units=((date(2021, 1, 1), _D(1)),),
    prices={
        "spot_speed": (
            Price(
                date(2021, 1, 1), _EVER,
                (_of("délit", None, 50, True, "court"), _of("184", "700", 30, True), _of("185", "500", 20),
                 _of("186", "300", 0)),
            ),
        ),
        **dict.fromkeys(
            ("red_light", "wrong_way", "overtaking", "solid_line", "bus_lane", "no_plate", "no_inspection"), _MA_FIRST
        ),
        **dict.fromkeys(("pedestrian_priority", "shoulder"), _MA_SECOND),
        **dict.fromkeys(
            ("stop_line", "restricted_zone", "restricted_hours", "illegal_turn", "illegal_stopping", "illegal_parking",
             "double_parking", "box_junction", "pavement"), _MA_THIRD,
        ),
    },
    early={
        "184": (Stage(None, _D(400), 1, False), Stage(None, _D(500), 15, False)),
        "185": (Stage(None, _D(300), 1, False), Stage(None, _D(350), 15, False)),
        "186": (Stage(None, _D(150), 1, False), Stage(None, _D(200), 15, False)),
    },
    served=True,
    again={"184": Again("184/219", refer="court")},
    again_kmh=(25.0, 35.0),
)  # fmt: skip

NATIONS: dict[str, Nation] = {n.code: n for n in (KZ, PE, MA)}

"""What an offence costs, written a second time from the public sources, so that no pack can hide an error.

Nothing here comes from `rules/` or from the code that reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Step:
    """More than `above_kmh` over the limit (None: not about speed) costs `units`; None: the law wants a judge."""

    article: str
    above_kmh: float | None
    units: Decimal | None


@dataclass(frozen=True)
class Price:
    """Steps from highest to lowest, in force from a local day until the day before `until`."""

    since: date
    until: date
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Early:
    """`fraction` of an amount settles it when paid within so many working days after the day of issue."""

    fraction: Decimal
    working_days: int


@dataclass(frozen=True)
class Nation:
    """One country's law as far as the simulated city breaks it.

    `units` are (from day, value) of the unit of account; `least_over_kmh` is what counts as an offence at all (itself
    included); `aggravated` maps the articles of which a second fine within a year is dearer to (article, units).
    """

    code: str
    zone: ZoneInfo
    currency: str
    limit_kmh: float
    section_limit_kmh: float
    least_over_kmh: float
    margin: tuple[float, float]  # share of the limit, at most km/h; taken off in the driver's favour
    units: tuple[tuple[date, Decimal], ...]
    prices: Mapping[str, tuple[Price, ...]]
    early: Early | None
    never_early: frozenset[str] = frozenset()
    aggravated: Mapping[str, tuple[str, Decimal]] = field(default_factory=dict)
    holidays: frozenset[tuple[int, int]] = frozenset()
    extra_holidays: frozenset[date] = frozenset()
    moved: bool = False

    def margin_kmh(self, limit_kmh: float) -> float:
        """What is taken off a measured speed besides its uncertainty, km/h."""
        share, most = self.margin
        return min(share * limit_kmh, most) if share else most


_EVER = date(9999, 1, 1)
_D = Decimal


def _steps(*steps: tuple[str, float | None, str | None]) -> tuple[Step, ...]:
    return tuple(Step(a, b, None if u is None else _D(u)) for a, b, u in steps)


def _one(article: str, units: str, since: date) -> tuple[Price, ...]:
    return (Price(since, _EVER, _steps((article, None, units))),)


_KZ_SPEED = _steps(("592(3-1)", 60, "40"), ("592(3)", 40, "20"), ("592(2)", 20, "10"), ("592(1)", 10, "5"))
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
        "red_light": _one("599(1)", "10", date(2023, 1, 1)),
        "restricted_zone": _one("601(1)", "3", date(2021, 1, 1)),
    },
    early=Early(_D("0.5"), 7),
    aggravated={"592(2)": ("592(4)", _D(30)), "592(3)": ("592(4)", _D(30))},
    holidays=frozenset(
        {(1, 1), (1, 2), (1, 7), (3, 8), (3, 21), (3, 22), (3, 23), (5, 1), (5, 7), (5, 9), (7, 6), (8, 30),
         (10, 25), (12, 16)}
    ),
    extra_holidays=frozenset({date(2026, 5, 27), date(2027, 5, 16)}),
    moved=True,
)  # fmt: skip

NATIONS: Mapping[str, Nation] = {n.code: n for n in (KZ,)}

"""Reads and checks rules/<country>/*.yaml; every refusal names file, line and field."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from waysight.authority import rulepack_files as raw
from waysight.authority.rulepack_checks import check_pack
from waysight.authority.yaml_file import YamlFile
from waysight.domain.periods import Calendar, PeriodUnit
from waysight.domain.rulepack import (
    Discount,
    DiscountStage,
    Offence,
    Period,
    PlateFormat,
    Points,
    Reading,
    Repeat,
    RulePack,
    Tariff,
    Tier,
    Tolerance,
    Unit,
)
from waysight.errors import BadConfiguration


@lru_cache(maxsize=1)
def all_packs() -> dict[str, RulePack]:
    """Every country's pack by its id; raises BadConfiguration for one that does not hold."""
    folders = [
        f for f in files("waysight.rules").iterdir() if f.is_dir() and f.joinpath("pack.yaml").is_file()
    ]
    return {f.name: load_pack(f.name) for f in sorted(folders, key=lambda f: f.name)}


@lru_cache(maxsize=16)
def load_pack(country: str) -> RulePack:
    """One country's pack; raises BadConfiguration when there is none or it does not hold."""
    folder = files("waysight.rules").joinpath(country)
    if not country.isalpha() or not folder.joinpath("pack.yaml").is_file():
        raise BadConfiguration(
            f"there is no rule pack {country!r}; add rules/{country}/pack.yaml and plates.yaml"
        )
    return read_pack(folder)


def read_pack(folder: Traversable) -> RulePack:
    """The pack of a folder that holds pack.yaml and plates.yaml."""
    pack_file, plates_file = YamlFile(folder.joinpath("pack.yaml")), YamlFile(folder.joinpath("plates.yaml"))
    pack, plates = pack_file.parse(raw.PackFile), plates_file.parse(raw.PlatesFile)
    check_pack(pack, pack_file)
    for i, fmt in enumerate(plates.formats):
        if unknown := [s for s in fmt.sources if s not in pack.sources]:
            plates_file.refuse(
                ("formats", i, "sources"), f"source {unknown[0]!r} is not described in pack.yaml"
            )
    return RulePack(
        id=pack.id,
        version=pack.version,
        country=pack.country,
        effective_from=pack.effective_from,
        timezone=pack.timezone,
        currency=pack.currency,
        code=pack.code,
        unit_name=pack.unit.name if pack.unit else "",
        units=tuple(map(_unit, pack.unit.values if pack.unit else ())),
        offences=tuple(_offence(o, pack) for o in pack.offences),
        discounts=tuple(map(_discount, pack.discounts)),
        calendar=_calendar(pack.calendar),
        readings=tuple(
            Reading(
                path=f"readings.{r.id}", id=r.id, applies=r.applies, text=r.text, texts=r.texts, **_known(r)
            )
            for r in pack.readings
        ),
        formats=tuple(PlateFormat(f.name, f.pattern, f.confidence) for f in plates.formats),
        repeats=tuple(_repeat(r, law) for r in pack.repeats for law in (r.of if r.each else (r.law,))),
        tolerances=tuple(map(_tolerance, pack.tolerances)),
        appeal=_period("appeal", pack.appeal),
        limitation=_period("limitation", pack.limitation),
        nomination=_period("nomination", pack.nomination),
        prosecution=_period("prosecution", pack.prosecution),
        without_tariff={str(name): why for name, why in pack.without_tariff.items()},
    )


def _known(row: raw.Sourced) -> dict[str, Any]:
    return {"confidence": row.confidence, "sources": row.sources}


def _unit(row: raw.UnitRow) -> Unit:
    return Unit(
        path=f"unit.{row.from_}", from_day=row.from_, until_day=row.until, amount=row.amount, **_known(row)
    )


def _offence(row: raw.OffenceRow, pack: raw.PackFile) -> Offence:
    tariffs = []
    for tariff in row.tariffs:
        at = f"offences.{row.offence}.{tariff.from_}"
        laws = [t.law for t in tariff.tiers]
        tariffs.append(
            Tariff(
                tariff.from_,
                tariff.until,
                tuple(
                    _tier(t, f"{at}.{t.law}" if laws.count(t.law) == 1 else f"{at}.{t.law}+{_low(t)}", pack)
                    for t in tariff.tiers
                ),
            )
        )
    return Offence(
        row.offence, row.title, tuple(tariffs), row.road_classes, row.straight_only, row.two_officers
    )


def _low(row: raw.TierRow) -> str:
    return str(row.over_kmh[0]) if row.over_kmh else ""


def _tier(row: raw.TierRow, path: str, pack: raw.PackFile) -> Tier:
    low, high = row.over_kmh or (None, None)
    points = row.points
    standard = pack.discounts[0].name if pack.discounts and not row.refer_to else ""
    return Tier(
        path=path,
        law=row.law,
        over_kmh=low,
        up_to_kmh=high,
        includes_over=row.bounds[0] == "[",
        includes_up_to=row.bounds[1] == "]",
        units=row.units,
        amount=row.amount,
        refer_to=row.refer_to or "",
        consequence=row.consequence,
        points=Points(path=f"{path}.points", count=points.count, **_known(points)) if points else None,
        discount={"": standard, "none": ""}.get(row.discount, row.discount),
        **_known(row),
    )


def _repeat(row: raw.RepeatRow, law: str) -> Repeat:
    return Repeat(
        path=f"repeats.{law}",
        of=(law,) if row.each else row.of,
        within_months=row.within_months,
        law=law,
        units=row.units,
        factor=row.factor,
        refer_to=row.refer_to or "",
        consequence=row.consequence,
        **_known(row),
    )


def _tolerance(row: raw.ToleranceRow) -> Tolerance:
    return Tolerance(
        path=f"tolerances.{'+'.join(row.offences)}.{row.from_}",
        offences=row.offences,
        from_day=row.from_,
        until_day=row.until,
        kmh=row.kmh,
        percent=row.percent,
        **_known(row),
    )


def _discount(row: raw.DiscountRow) -> Discount:
    return Discount(
        row.name,
        row.trigger,
        tuple(
            DiscountStage(
                path=f"discounts.{row.name}.{i}",
                count=stage.working_days or stage.days,
                unit="working_days" if stage.working_days else "days",
                fraction=stage.fraction,
                amount=stage.amount,
                **_known(stage),
            )
            for i, stage in enumerate(row.stages)
        ),
    )


def _period(path: str, row: raw.PeriodRow | None) -> Period | None:
    if row is None:
        return None
    unit: PeriodUnit = "months" if row.months else "working_days" if row.working_days else "days"
    count = row.months or row.working_days or row.days
    return Period(path=path, trigger=row.trigger, count=count, unit=unit, **_known(row))


def _calendar(row: raw.CalendarRow | None) -> Calendar | None:
    if row is None:
        return None
    return Calendar(
        row.from_,
        row.until,
        frozenset(raw.WEEKDAYS.index(d) for d in row.weekend),
        frozenset((int(d[:2]), int(d[3:])) for d in row.yearly),
        frozenset(row.extra),
        row.carry_over,
        row.confidence,
    )

"""What a new version of a rule pack says otherwise about days that are over: nothing may be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from waysight.domain.rulepack import RulePack, Tariff, Tolerance, Unit


def changed_past(old: RulePack, new: RulePack, today: date) -> tuple[str, ...]:
    """What differs for days before `today`, one line each; empty when every such day is priced as it was.

    How surely a value is known, its sources and offences that the old pack did not have may change.
    """
    found: list[str] = []
    for day in sorted(d for d in {*_turns(old), *_turns(new)} if d < today):
        was, now = dict(_facts(old, day)), dict(_facts(new, day))
        found += [f"{day}: {name}: was {was[name]}, now {now.get(name, 'gone')}" for name in was
                  if now.get(name) != was[name]]  # fmt: skip
    return tuple(dict.fromkeys(found))


def _turns(pack: RulePack) -> Iterator[date]:
    """The days on which something of a pack begins to be in force, or first is not."""
    rows: list[Unit | Tolerance | Tariff] = [*pack.units, *pack.tolerances]
    rows += [t for o in pack.offences for t in o.tariffs]
    for row in rows:
        yield row.from_day
        if row.until_day is not None:
            yield row.until_day
            yield row.until_day - timedelta(days=1)


def _facts(pack: RulePack, day: date) -> Iterator[tuple[str, str]]:
    if unit := pack.unit_on(day):
        yield "unit", unit.said
    for offence in pack.offences:
        if tariff := offence.tariff_on(day):
            yield offence.offence, _said(pack, tariff)
        if tolerance := pack.tolerance_on(offence.offence, day):
            yield f"tolerance of {offence.offence}", tolerance.said


def _said(pack: RulePack, tariff: Tariff) -> str:
    parts = []
    for tier in tariff.tiers:
        low, high = "[" if tier.includes_over else "(", "]" if tier.includes_up_to else ")"
        bounds = "" if tier.over_kmh is None else f" {low}{tier.over_kmh}, {tier.up_to_kmh}{high}"
        discount = pack.discount(tier.discount)
        stages = "; ".join(s.said for s in discount.stages) if discount else "no discount"
        repeat = pack.repeat_of(tier.law)
        again = f", again {repeat.said}" if repeat else ""
        points = f", {tier.points.said} points" if tier.points else ""
        parts.append(f"{tier.said}{bounds}{points}, {stages}{again}")
    return " | ".join(parts)

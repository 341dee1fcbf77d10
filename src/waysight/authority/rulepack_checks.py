"""What must hold in a rule pack beyond the form of its rows: no gap, no overlap, nothing that hangs in the air."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from waysight.authority import rulepack_files as raw
from waysight.authority.yaml_file import Path, YamlFile


def check_pack(pack: raw.PackFile, file: YamlFile) -> None:
    """Raise BadConfiguration with file, line and field for the first fault."""
    try:
        ZoneInfo(pack.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        file.refuse(("timezone",), f"unknown time zone {pack.timezone!r}")
    if pack.unit:
        _consecutive(pack.unit.values, file, ("unit", "values"))
        for i, value in enumerate(pack.unit.values):
            _known_sources(value, pack, file, ("unit", "values", i, "sources"))
    _check_offences(pack, file)
    _check_repeats(pack, file)
    _check_tolerances(pack, file)
    _check_discounts(pack, file)
    for name in ("appeal", "nomination", "limitation", "prosecution"):
        period = getattr(pack, name)
        if period is not None:
            _known_sources(period, pack, file, (name, "sources"))
    _check_calendar(pack, file)
    ids = [r.id for r in pack.readings]
    for i, reading in enumerate(pack.readings):
        _known_sources(reading, pack, file, ("readings", i, "sources"))
        if reading.id in ids[:i]:
            file.refuse(("readings", i, "id"), f"{reading.id} is there twice")
        others = set(pack.code) - {"en"}
        if reading.texts and set(reading.texts) != others:
            file.refuse(("readings", i, "texts"), f"needs a text in each of {', '.join(sorted(others))}")


def _check_offences(pack: raw.PackFile, file: YamlFile) -> None:
    seen: set[str] = set()
    names = {d.name for d in pack.discounts}
    for i, offence in enumerate(pack.offences):
        if offence.offence in seen:
            file.refuse(("offences", i, "offence"), f"{offence.offence} is there twice")
        seen.add(offence.offence)
        if set(offence.title) != set(pack.code):
            file.refuse(("offences", i, "title"), f"needs a text in each of {', '.join(pack.code)}")
        if offence.offence in pack.without_tariff:
            file.refuse(("without_tariff", offence.offence), "it has a tariff under `offences`")
        _consecutive(offence.tariffs, file, ("offences", i, "tariffs"))
        for j, tariff in enumerate(offence.tariffs):
            at: Path = ("offences", i, "tariffs", j)
            if tariff.from_ < pack.effective_from:
                file.refuse((*at, "from"), f"is before the pack's effective_from, {pack.effective_from}")
            _tiers(offence.offence, tariff.tiers, file, (*at, "tiers"))
            for k, tier in enumerate(tariff.tiers):
                _known_sources(tier, pack, file, (*at, "tiers", k))
                if tier.points:
                    _known_sources(tier.points, pack, file, (*at, "tiers", k, "points"))
                if tier.units is not None:
                    _unit_for(tariff, pack, file, (*at, "tiers", k, "units"))
                if tier.discount not in ("", "none") and tier.discount not in names:
                    file.refuse((*at, "tiers", k, "discount"), f"there is no discount {tier.discount!r}")
                _cheaper(tier, pack, file, (*at, "tiers", k, "amount"))


def _check_repeats(pack: raw.PackFile, file: YamlFile) -> None:
    laws = {tier.law for offence in pack.offences for tariff in offence.tariffs for tier in tariff.tiers}
    seen: set[str] = set()
    named: set[str] = set()
    for i, repeat in enumerate(pack.repeats):
        if repeat.law in named:
            file.refuse(("repeats", i, "law"), f"{repeat.law} is there twice")
        named |= {repeat.law} - {""}
        if repeat.units is not None and pack.unit is None:
            file.refuse(("repeats", i, "units"), "the pack has no `unit`")
        _known_sources(repeat, pack, file, ("repeats", i, "sources"))
        if missing := [law for law in repeat.of if law not in laws]:
            file.refuse(("repeats", i, "of"), f"no tariff has {', '.join(missing)}")
        for law in repeat.of:
            if law in seen:
                file.refuse(("repeats", i, "of"), f"an overlap: {law} is repeated twice")
            seen.add(law)
        if not any(r.applies == "repeat" for r in pack.readings):
            file.refuse(("repeats", i), "a repeated offence needs a reading that applies to `repeat`")


def _check_tolerances(pack: raw.PackFile, file: YamlFile) -> None:
    last: dict[str, raw.ToleranceRow] = {}
    for i, row in enumerate(pack.tolerances):
        _known_sources(row, pack, file, ("tolerances", i, "sources"))
        for name in row.offences:
            if name not in raw.SPEED_OFFENCES:
                file.refuse(("tolerances", i, "offences"), f"{name} is not measured as a speed")
            if name in last:
                _follows(last[name], row, file, ("tolerances", i))
            last[name] = row


def _check_discounts(pack: raw.PackFile, file: YamlFile) -> None:
    seen: set[str] = set()
    for i, discount in enumerate(pack.discounts):
        if discount.name in seen or discount.name == "none":
            file.refuse(("discounts", i, "name"), f"{discount.name!r} is taken")
        seen.add(discount.name)
        for j, stage in enumerate(discount.stages):
            at: Path = ("discounts", i, "stages", j)
            _known_sources(stage, pack, file, at)
            if stage.working_days and pack.calendar is None:
                file.refuse((*at, "working_days"), "working days need a `calendar`")
            if not (stage.days or stage.working_days) and j < len(discount.stages) - 1:
                file.refuse(at, "only the last stage may be without end")
        for j, (one, two) in enumerate(pairwise(discount.stages)):
            at = ("discounts", i, "stages", j + 1)
            (fixed, working), (fixed_too, working_too) = one.measured_in, two.measured_in
            if fixed != fixed_too or (working_too is not None and working != working_too):
                file.refuse(
                    at,
                    "stages are measured alike: all `fraction` or all `amount`, all in days or working days",
                )
            if (one.amount or one.fraction or 0) >= (two.amount or two.fraction or 0):
                file.refuse(at, "a later stage must cost more than the one before")
            if (one.days and two.days and two.days <= one.days) or (
                one.working_days and two.working_days and two.working_days <= one.working_days
            ):
                file.refuse(at, "an overlap between stages: this one ends no later than the one before")


def _check_calendar(pack: raw.PackFile, file: YamlFile) -> None:
    calendar = pack.calendar
    if calendar is None:
        return
    for source in calendar.sources:
        if source not in pack.sources:
            file.refuse(("calendar", "sources"), f"source {source!r} is not described under `sources`")
    if calendar.confidence == "unsure" and not any(r.applies == "discount" for r in pack.readings):
        file.refuse(("calendar",), "an unsure calendar needs a reading that applies to `discount`")
    if calendar.confidence != "unsure" and not calendar.sources:
        file.refuse(("calendar", "confidence"), f"confidence {calendar.confidence} needs a source")
    if calendar.from_ > pack.effective_from:
        file.refuse(("calendar", "from"), f"is after the pack's effective_from, {pack.effective_from}")
    units = pack.unit.values if pack.unit else ()
    if units and units[-1].until is not None and calendar.until < units[-1].until:
        file.refuse(("calendar", "until"), f"ends before the unit of account does, {_last(units[-1].until)}")


def _unit_for(tariff: raw.TariffRow, pack: raw.PackFile, file: YamlFile, at: Path) -> None:
    """A tariff in units needs one for each of its days; one without an end may outlast what is known by now."""
    if pack.unit is None:
        file.refuse(at, "the pack has no `unit`")
    first, last = pack.unit.values[0].from_, pack.unit.values[-1].until
    if tariff.from_ < first:
        file.refuse(at, f"there is no unit of account before {first}, and the tariff is from {tariff.from_}")
    if last is not None and (tariff.from_ >= last or (tariff.until is not None and tariff.until > last)):
        file.refuse(at, f"there is no unit of account after {_last(last)}, and the tariff is in force later")


def _cheaper(tier: raw.TierRow, pack: raw.PackFile, file: YamlFile, at: Path) -> None:
    """Whoever pays early pays less than the amount itself."""
    name = tier.discount or (pack.discounts[0].name if pack.discounts else "")
    stages = [s for d in pack.discounts if d.name == name for s in d.stages]
    if tier.amount is not None and any((s.amount or 0) >= tier.amount for s in stages):
        file.refuse(at, f"is not more than what discount {name!r} asks for early payment")


def _tiers(offence: str, tiers: Sequence[raw.TierRow], file: YamlFile, at: Path) -> None:
    if offence not in raw.SPEED_OFFENCES:
        for k, tier in enumerate(tiers):
            if tier.over_kmh is not None:
                file.refuse((*at, k), f"{offence} cannot have over_kmh")
        if len(tiers) != 1:
            file.refuse(at, f"{offence} needs exactly one tier")
        return
    before: raw.TierRow | None = None
    for k, tier in enumerate(tiers):
        if tier.over_kmh is None:
            file.refuse((*at, k), f"{offence} needs over_kmh")
        low, high = tier.over_kmh
        if before is not None and before.over_kmh is not None:
            _adjoin(before, tier, file, (*at, k))
        if high is not None and high <= low:
            file.refuse((*at, k), f"over_kmh [{low}, {high}] is empty")
        if high is None and k < len(tiers) - 1:
            file.refuse((*at, k), "only the last tier may be open")
        before = tier
    last = tiers[-1].over_kmh
    if last is not None and last[1] is not None:
        file.refuse(
            (*at, len(tiers) - 1),
            f"nothing is said about more than {last[1]} km/h over: leave the last tier open (null)",
        )


def _adjoin(before: raw.TierRow, tier: raw.TierRow, file: YamlFile, at: Path) -> None:
    if before.over_kmh is None or tier.over_kmh is None:
        return
    end, start = before.over_kmh[1], tier.over_kmh[0]
    if end is None or start != end:
        word = "an overlap" if end is None or start < end else "a gap"
        file.refuse(at, f"{word} between tiers: the one before ends at {end}, this one starts at {start}")
    held = (before.bounds[1] == "]") + (tier.bounds[0] == "[")
    if held != 1:
        word = "a gap" if held == 0 else "an overlap"
        whose = "neither tier" if held == 0 else "both tiers"
        file.refuse(at, f"{word} between tiers: {start} itself belongs to {whose}; see `bounds`")


def _consecutive(rows: Sequence[raw.Dated], file: YamlFile, at: Path) -> None:
    for i, (row, following) in enumerate(pairwise(rows)):
        _follows(row, following, file, (*at, i + 1))


def _follows(row: raw.Dated, following: raw.Dated, file: YamlFile, at: Path) -> None:
    if row.until != following.from_:
        wrong = "an overlap" if row.until is None or row.until > following.from_ else "a gap"
        days = f"this one starts on {following.from_}, the one before ends on {_last(row.until)}"
        file.refuse(at, f"{wrong} between dates: {days}")


def _last(until: date | None) -> str:
    return "no day" if until is None else str(until - timedelta(days=1))


def _known_sources(row: raw.Sourced, pack: raw.PackFile, file: YamlFile, at: Path) -> None:
    for source in row.sources:
        if source not in pack.sources:
            file.refuse(at, f"source {source!r} is not described under `sources`")

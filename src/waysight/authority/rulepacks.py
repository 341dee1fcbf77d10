"""Reads and checks rules/<country>/*.yaml; every refusal names file, line and field."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import pairwise
from typing import Any, Never
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import ValidationError

from waysight.authority import rulepack_files as raw
from waysight.domain.rulepack import (
    Calendar,
    Discount,
    Offence,
    PlateFormat,
    Reading,
    Repeat,
    RulePack,
    Tariff,
    Tier,
    Unit,
)
from waysight.errors import BadConfiguration

Path = tuple[str | int, ...]


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
    pack_file, plates_file = _File(folder.joinpath("pack.yaml")), _File(folder.joinpath("plates.yaml"))
    pack, plates = pack_file.parse(raw.PackFile), plates_file.parse(raw.PlatesFile)
    _check(pack, pack_file)
    for i, fmt in enumerate(plates.formats):
        _known_sources(fmt.sources, pack, plates_file, ("formats", i, "sources"))
    return RulePack(
        id=pack.id,
        version=pack.version,
        country=pack.country,
        effective_from=pack.effective_from,
        timezone=pack.timezone,
        currency=pack.currency,
        code=pack.code,
        unit_name=pack.unit.name if pack.unit else "",
        units=tuple(
            Unit(v.from_, v.until, v.amount, v.confidence, v.sources)
            for v in (pack.unit.values if pack.unit else ())
        ),
        offences=tuple(_offence(o) for o in pack.offences),
        discount=_discount(pack.discount),
        calendar=_calendar(pack.calendar),
        readings=tuple(Reading(r.id, r.applies, r.text, r.confidence) for r in pack.readings),
        repeats=tuple(
            Repeat(r.of, r.within_months, r.law, r.units, r.confidence, r.sources) for r in pack.repeats
        ),
        formats=tuple(PlateFormat(f.name, f.pattern, f.confidence) for f in plates.formats),
    )


def _discount(row: raw.DiscountRow | None) -> Discount | None:
    return None if row is None else Discount(row.fraction, row.working_days, row.confidence, row.sources)


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


def _offence(row: raw.OffenceRow) -> Offence:
    tariffs = tuple(Tariff(t.from_, t.until, tuple(map(_tier, t.tiers))) for t in row.tariffs)
    return Offence(row.offence, row.title, tariffs, row.road_classes, row.straight_only)


def _tier(row: raw.TierRow) -> Tier:
    low, high = row.over_kmh or (None, None)
    return Tier(row.law, low, high, row.units, row.confidence, row.sources)


def _check(pack: raw.PackFile, file: _File) -> None:
    try:
        ZoneInfo(pack.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        file.refuse(("timezone",), f"unknown time zone {pack.timezone!r}")
    if pack.unit:
        _consecutive(pack.unit.values, file, ("unit", "values"))
        for i, value in enumerate(pack.unit.values):
            _known_sources(value.sources, pack, file, ("unit", "values", i, "sources"))
    seen: set[str] = set()
    for i, offence in enumerate(pack.offences):
        if offence.offence in seen:
            file.refuse(("offences", i, "offence"), f"{offence.offence} is there twice")
        seen.add(offence.offence)
        _consecutive(offence.tariffs, file, ("offences", i, "tariffs"))
        for j, tariff in enumerate(offence.tariffs):
            _tiers(offence.offence, tariff.tiers, file, ("offences", i, "tariffs", j, "tiers"))
            for k, tier in enumerate(tariff.tiers):
                _known_sources(tier.sources, pack, file, ("offences", i, "tariffs", j, "tiers", k))
    laws = {tier.law for offence in pack.offences for tariff in offence.tariffs for tier in tariff.tiers}
    for i, repeat in enumerate(pack.repeats):
        _known_sources(repeat.sources, pack, file, ("repeats", i, "sources"))
        if missing := [law for law in repeat.of if law not in laws]:
            file.refuse(("repeats", i, "of"), f"no tariff has {', '.join(missing)}")
        if not any(r.applies == "repeat" for r in pack.readings):
            file.refuse(("repeats", i), "a repeated offence needs a reading that applies to `repeat`")
    if pack.offences and not (pack.unit and pack.discount and pack.calendar):
        file.refuse(("offences",), "offences need `unit`, `discount` and `calendar`")
    unsure_calendar = pack.calendar is not None and pack.calendar.confidence == "unsure"
    if unsure_calendar and not any(r.applies == "discount" for r in pack.readings):
        file.refuse(("calendar",), "an unsure calendar needs a reading that applies to `discount`")


def _tiers(offence: str, tiers: Sequence[raw.TierRow], file: _File, at: Path) -> None:
    by_speed = offence in raw.SPEED_OFFENCES
    last: Decimal | None = None
    for k, tier in enumerate(tiers):
        if by_speed != (tier.over_kmh is not None):
            file.refuse((*at, k), f"{offence} {'needs' if by_speed else 'cannot have'} over_kmh")
        if tier.over_kmh is None:
            continue
        low, high = tier.over_kmh
        if k and low != last:
            word = "a gap" if last is not None and low > last else "an overlap"
            file.refuse(
                (*at, k), f"{word} between tiers: the one before ends at {last}, this one starts at {low}"
            )
        if high is not None and high <= low:
            file.refuse((*at, k), f"over_kmh [{low}, {high}] is empty")
        if high is None and k < len(tiers) - 1:
            file.refuse((*at, k), "only the last tier may be open")
        last = high
    if by_speed and last is not None:
        file.refuse(
            (*at, len(tiers) - 1),
            f"nothing is said about more than {last} km/h over: leave the last tier open (null)",
        )
    if not by_speed and len(tiers) != 1:
        file.refuse(at, f"{offence} needs exactly one tier")


def _consecutive(rows: Sequence[raw.Dated], file: _File, at: Path) -> None:
    for i, (row, following) in enumerate(pairwise(rows)):
        if row.until != following.from_:
            wrong = "an overlap" if row.until is None or row.until > following.from_ else "a gap"
            days = f"this one starts on {following.from_}, the one before ends on {_last(row.until)}"
            file.refuse((*at, i + 1), f"{wrong} between dates: {days}")


def _last(until: date | None) -> str:
    return "no day" if until is None else str(until - timedelta(days=1))


def _known_sources(sources: Sequence[str], pack: raw.PackFile, file: _File, at: Path) -> None:
    for source in sources:
        if source not in pack.sources:
            file.refuse(at, f"source {source!r} is not described under `sources`")


class _File:
    """A YAML file that can say on which line a field stands."""

    def __init__(self, path: Traversable) -> None:
        self._path = path
        try:
            text = path.read_text(encoding="utf-8")
            self._node, self._data = yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise BadConfiguration(f"{path}: cannot be read: {error}") from error

    def parse(self, kind: type[raw.FileT]) -> raw.FileT:
        """The content as a model; raises BadConfiguration naming the first fault."""
        try:
            return kind.model_validate(self._data)
        except ValidationError as error:
            first = error.errors()[0]
            self.refuse(tuple(first["loc"]), first["msg"])

    def refuse(self, at: Path, reason: str) -> Never:
        """Raise BadConfiguration with file, line and field."""
        field = ".".join(str(p) for p in at)
        raise BadConfiguration(f"{self._path}:{_line(self._node, at)}: {field}: {reason}")


def _line(node: Any, at: Path) -> int:
    line = 1
    for part in at:
        line = node.start_mark.line + 1 if node is not None else line
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        elif isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == str(part)), None)
        else:
            node = None
        if node is None:
            return line
    return line if node is None else int(node.start_mark.line) + 1

"""Exemptions out of the text fields of a file: one line for each, or one for each of its duty periods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from waysight.authority.entries import flag_of
from waysight.authority.imports import moment_ms
from waysight.authority.local_days import local_ms
from waysight.domain.enforcement.offences import OFFENCES
from waysight.domain.exemptions import exemption_id, faults
from waysight.domain.plates import canonical
from waysight.domain.watchlist import missing_grounds
from waysight.errors import BadConfiguration, NotAllowed
from waysight.messages import DutyPeriod, Exemption

REQUIRED = ("plate", "kind", "legal_basis", "authority", "case_number", "valid_from", "valid_until")
OPTIONAL = (
    "exemption_id", "offences", "zones", "on_duty_only", "duty_from", "duty_until", "mission",
)  # fmt: skip


def exemption_of(row: Mapping[str, str]) -> Exemption:
    """An exemption with at most one duty period; `offences` and `zones` are lists separated by ";".

    Raises NotAllowed without a legal ground, BadConfiguration for a wrong field.
    """
    missing = missing_grounds(row["legal_basis"], row["authority"], row["case_number"], row["valid_until"])
    if missing:
        raise NotAllowed(f"{', '.join(missing)} missing: nobody is exempt without")
    plate, kind = canonical(row["plate"]), row["kind"].lower()
    record = Exemption(
        exemption_id=row.get("exemption_id")
        or exemption_id(row["authority"], row["case_number"], kind, plate),
        plate=plate,
        kind=kind,
        offences=_parts(row, "offences"),
        zones=_parts(row, "zones"),
        on_duty_only=flag_of(row, "on_duty_only"),
        duty=_duty(row),
        legal_basis=row["legal_basis"],
        authority=row["authority"],
        case_number=row["case_number"],
        valid_from_ms=local_ms(row["valid_from"], "valid_from"),
        valid_until_ms=local_ms(row["valid_until"], "valid_until", end_of_day=True),
    )
    found = faults(record, (o.name for o in OFFENCES.values()))
    if found:
        raise BadConfiguration("; ".join(found))
    return record


def gathered(records: Iterable[Exemption]) -> list[Exemption]:
    """The duty periods of one exemption's lines together; lines that say different things of one are refused."""
    by_id: dict[str, Exemption] = {}
    for record in records:
        known = by_id.setdefault(record.exemption_id, record)
        if replace(known, duty=()) != replace(record, duty=()):
            raise BadConfiguration(
                f"nothing was imported: two lines say different things of exemption {record.exemption_id} "
                f"({record.plate}); give each its own case_number or exemption_id"
            )
        periods = {*known.duty, *record.duty}
        by_id[record.exemption_id] = replace(
            known, duty=tuple(sorted(periods, key=lambda p: (p.from_ms, p.until_ms, p.mission)))
        )
    return list(by_id.values())


def _duty(row: Mapping[str, str]) -> tuple[DutyPeriod, ...]:
    start, end = row.get("duty_from", ""), row.get("duty_until", "")
    if not start and not end:
        return ()
    if not start or not end or not row.get("mission", ""):
        raise BadConfiguration("a duty period needs duty_from, duty_until and mission")
    return (
        DutyPeriod(
            from_ms=moment_ms(start, "duty_from"),
            until_ms=moment_ms(end, "duty_until"),
            mission=row["mission"],
        ),
    )


def _parts(row: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(sorted({part.strip() for part in row.get(name, "").split(";")} - {""}))

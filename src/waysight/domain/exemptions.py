"""Vehicles that some rules do not apply to: emergency services on duty, diplomats, buses in their lane."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from waysight.domain.ids import derive_id
from waysight.messages.enforcement import Exemption, Violation

KINDS = ("emergency", "diplomatic", "authority", "public_transport", "taxi", "resident", "disabled", "other")
LONGEST_MS = 5 * 366 * 86_400_000


def exemption_id(authority: str, case_number: str, kind: str, plate: str) -> str:
    """The id of one authority's exemption of a vehicle in a case."""
    return derive_id("exemption", authority, case_number, kind, plate)


def faults(record: Exemption, offences: Iterable[str]) -> tuple[str, ...]:
    """What is wrong with an exemption, in words; `offences` are those that there are."""
    known = set(offences)
    grounds = {
        "plate": record.plate,
        "legal basis": record.legal_basis,
        "authority": record.authority,
        "case number": record.case_number,
    }
    found = [f"the {name} is missing" for name, value in grounds.items() if not value.strip()]
    if record.kind not in KINDS:
        found.append(f"kind {record.kind!r} is none of {', '.join(KINDS)}")
    unknown = sorted(set(record.offences) - known)
    if unknown:
        found.append(f"offences {unknown} are none of {', '.join(sorted(known))}")
    if record.valid_until_ms <= record.valid_from_ms:
        found.append("it ends before it begins")
    elif record.valid_until_ms - record.valid_from_ms > LONGEST_MS:
        found.append("it lasts longer than five years; renew it instead")
    if record.on_duty_only and not record.duty:
        found.append("it holds on duty only and names no duty period")
    found += [
        f"the duty period {p.mission!r} ends before it begins" for p in record.duty if p.until_ms <= p.from_ms
    ]
    return tuple(found)


def covers(record: Exemption, violation: Violation) -> bool:
    """Whether an exemption holds for a violation at the time it occurred; a revoked one never does."""
    if record.revoked or not violation.plate or record.plate != violation.plate:
        return False
    at_ms = violation.occurred_ms
    return (
        record.valid_from_ms <= at_ms < record.valid_until_ms
        and (not record.offences or violation.offence in record.offences)
        and (not record.zones or bool({violation.zone_id, violation.camera_id} & set(record.zones)))
        and (not record.on_duty_only or any(p.from_ms <= at_ms < p.until_ms for p in record.duty))
    )


class Exemptions:
    """Those in force, kept up to date one by one; answers are by the time at which something occurred."""

    def __init__(self, records: Iterable[Exemption] = ()) -> None:
        self._by_plate: dict[str, dict[str, Exemption]] = {}
        self._plates: dict[str, str] = {}
        for record in records:
            self.apply(record.exemption_id, record)

    def apply(self, exemption_id: str, record: Exemption | None) -> None:
        """Add, replace or (None) remove one."""
        old = self._plates.pop(exemption_id, None)
        if old is not None:
            self._by_plate[old].pop(exemption_id, None)
        if record is not None:
            self._plates[exemption_id] = record.plate
            self._by_plate.setdefault(record.plate, {})[exemption_id] = record

    def applied(self, violation: Violation) -> Violation:
        """The violation as it stands: one that is covered is kept, names its exemption and may not be fined."""
        held = self._by_plate.get(violation.plate, {})
        covering = sorted(i for i, record in held.items() if covers(record, violation))
        if not covering:
            return violation
        obstacles = tuple(dict.fromkeys((*violation.obstacles, "exempt")))
        return replace(violation, enforceable=False, obstacles=obstacles, exemption=covering[0])

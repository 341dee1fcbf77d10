"""Leave for what the law allows only with leave: who may be followed, joined with warrants or seen as a convoy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from waysight.domain.places import covers
from waysight.domain.places import faults as area_faults
from waysight.domain.scene import Scene
from waysight.messages.governance import Authorisation

OWNER_WARRANT, FOLLOW, CONVOY = "owner_warrant", "follow", "convoy"
PURPOSES = (OWNER_WARRANT, FOLLOW, CONVOY)
LONGEST_MS = 366 * 86_400_000


def faults(record: Authorisation) -> tuple[str, ...]:
    """What is wrong with an authorisation, in words; only one without faults may be granted."""
    found = list(area_faults(record.area))
    if record.purpose not in PURPOSES:
        found.append(f"purpose {record.purpose!r} is none of {', '.join(PURPOSES)}")
    grounds = {
        "authority": record.authority,
        "legal basis": record.legal_basis,
        "case number": record.case_number,
        "officer": record.granted_by,
    }
    found += [f"the {name} is missing" for name, value in grounds.items() if not value.strip()]
    if record.ends_ms <= record.valid_from_ms:
        found.append("it ends before it begins")
    elif record.ends_ms - record.valid_from_ms > LONGEST_MS:
        found.append("it lasts longer than a year; grant it again instead")
    if record.purpose in (FOLLOW, CONVOY) and not record.subjects:
        found.append(f"{record.purpose} needs the plates it is for")
    return tuple(found)


def in_force(record: Authorisation, at_ms: int) -> bool:
    """Whether it allows anything at a time (UTC epoch ms); a revoked one never again."""
    return record.revoked_ms is None and record.valid_from_ms <= at_ms < record.ends_ms


class Authorisations:
    """Those granted, kept up to date one by one; answers are by event time and by the camera's place."""

    def __init__(self, records: Iterable[Authorisation] = ()) -> None:
        self._records = {r.authorisation_id: r for r in records}
        self._by_purpose = self._grouped()

    def apply(self, authorisation_id: str, record: Authorisation | None) -> None:
        """Add, replace or (None) remove one."""
        records = dict(self._records)
        if record is None:
            records.pop(authorisation_id, None)
        else:
            records[authorisation_id] = record
        self._records = records
        self._by_purpose = self._grouped()

    def get(self, authorisation_id: str) -> Authorisation | None:
        """One by id, in force or not."""
        return self._records.get(authorisation_id)

    def of(self, purpose: str) -> Sequence[Authorisation]:
        """All of a purpose that are not revoked, by id; empty means that nothing needs to be looked at."""
        return self._by_purpose.get(purpose, ())

    def allowing(self, purpose: str, subject: str, scene: Scene, at_ms: int) -> Authorisation | None:
        """The first (by id) that allows a purpose for a subject before a camera at a time, or None."""
        return next(iter(self.all_allowing(purpose, subject, scene, at_ms)), None)

    def all_allowing(self, purpose: str, subject: str, scene: Scene, at_ms: int) -> list[Authorisation]:
        """All that allow it, by id."""
        return [
            r
            for r in self.of(purpose)
            if in_force(r, at_ms) and (not r.subjects or subject in r.subjects) and covers(r.area, scene)
        ]

    def _grouped(self) -> dict[str, tuple[Authorisation, ...]]:
        ordered = [r for _, r in sorted(self._records.items()) if r.revoked_ms is None]
        return {p: tuple(r for r in ordered if r.purpose == p) for p in PURPOSES}

"""What a sighting meets: wanted plates, permit lists, descriptions, and warrants against its owner.

Which leads to an alert is `episodes`; when and where an entry holds is `conditions`. Everything is asked for at
the time of capture, so that a replay finds the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from waysight.domain.authorisations import OWNER_WARRANT, Authorisations
from waysight.domain.conditions import contradicts, in_force, meets, shows
from waysight.domain.episodes import Finding, Grounds
from waysight.domain.lookalikes import Reading
from waysight.domain.observations import VEHICLES
from waysight.domain.owner_index import OwnerIndex
from waysight.domain.scene import Scene
from waysight.domain.vehicle_table import VehicleTable
from waysight.domain.watch_index import WatchIndex
from waysight.domain.watchlist import too_wide
from waysight.messages.governance import WatchlistEntry
from waysight.messages.perception import Sighting

PURPOSE = "hotlist"


@dataclass(frozen=True, slots=True)
class Known:
    """What sightings are held against; `gate` is the least confidence of a plate that may trouble anyone by itself."""

    watchlist: WatchIndex
    gate: float
    authorisations: Authorisations = field(default_factory=Authorisations)
    vehicles: VehicleTable | None = None
    owners: OwnerIndex | None = None

    def sure(self, sighting: Sighting) -> bool:
        """Whether a sighting's plate is read surely enough to act on."""
        return bool(sighting.plate) and sighting.plate_confidence >= self.gate


def findings(known: Known, scene: Scene, sighting: Sighting) -> list[Finding]:
    """Everything that a sighting meets, most urgent first; nothing before a camera that may not be used for it."""
    if PURPOSE not in scene.purposes:
        return []
    found = list(_wanted(known, scene, sighting))
    if known.sure(sighting):
        found += _not_permitted(known, scene, sighting)
        found += _owned_by_the_wanted(known, scene, sighting)
    else:
        found += _described(known, scene, sighting)
    return sorted(found, key=lambda f: (f.grounds.priority, f.grounds.entry_id, f.matched))


def _wanted(known: Known, scene: Scene, sighting: Sighting) -> Iterator[Finding]:
    """Entries with a plate or a pattern; below the gate, and at unsure characters, those that allow it, flagged."""
    if not sighting.plate:
        return
    sure, at_ms = known.sure(sighting), sighting.captured_ms
    hits = {h.entry.entry_id: h for h in known.watchlist.approximate(Reading.of(sighting), at_ms)}
    same = known.watchlist.matches(sighting.plate, at_ms)
    hits |= {h.entry.entry_id: h for h in same if sure or h.entry.approximate}
    for hit in hits.values():
        entry = hit.entry
        doubtful = not sure or entry.mode == "pattern"
        if entry.mode == "permit":
            continue
        if meets(entry, scene, sighting) and not (doubtful and contradicts(entry, sighting)):
            yield Finding(
                grounds=Grounds.of(entry),
                matched=hit.how if sure else "approximate",
                distance=hit.distance,
                differences=hit.differences,
                suppress_s=entry.suppress_s,
            )


def _not_permitted(known: Known, scene: Scene, sighting: Sighting) -> Iterator[Finding]:
    """Permit lists that hold here and now and have no member that the plate may be, doubtful reads included."""
    lists = known.watchlist.of_mode("permit_list")
    if not lists or not sighting.final or sighting.label not in VEHICLES | {"plate"}:
        return
    asking = [entry for entry in lists if meets(entry, scene, sighting)]
    if not asking:
        return
    hits = known.watchlist.permits(sighting.plate, sighting.captured_ms, sighting.plate_confidences)
    permitted = {h.entry.list for h in hits if meets(h.entry, scene, sighting)}
    for entry in asking:
        if entry.list not in permitted:
            yield Finding(
                grounds=Grounds.of(entry, "not_permitted"),
                matched="not_permitted",
                suppress_s=entry.suppress_s,
            )


def _described(known: Known, scene: Scene, sighting: Sighting) -> Iterator[Finding]:
    """Descriptions that a vehicle with a hidden or unsure plate fits, once all of it was seen."""
    entries = known.watchlist.of_mode("description")
    if not entries or not sighting.final:
        return
    for entry in entries:
        if too_wide(entry) or not (shows(entry, sighting) and meets(entry, scene, sighting)):
            continue
        unseen = _unseen(known, entry, sighting)
        if unseen is not None:
            yield Finding(grounds=Grounds.of(entry), matched="description", differences=unseen, alone=True)


def _unseen(known: Known, entry: WatchlistEntry, sighting: Sighting) -> str | None:
    """What of an entry nobody saw ("make:Toyota/?"); None when the register says that it is another make.

    No camera reads makes: the register knows those of the plates that a doubtful read may be.
    """
    texts = {sighting.plate, *(c.text for c in sighting.plate_candidates)} - {""}
    looks = [
        look for t in sorted(texts) if known.vehicles is not None and (look := known.vehicles.look_of(t))
    ]
    makes = {look.make.casefold() for look in looks if look.make}
    if entry.make and makes and entry.make.casefold() not in makes:
        return None
    unseen = [("make", entry.make)] if entry.make and not makes else []
    unseen += [("model", entry.model)] if entry.model else []
    return ",".join(f"{name}:{value}/?" for name, value in unseen)


def _owned_by_the_wanted(known: Known, scene: Scene, sighting: Sighting) -> Iterator[Finding]:
    """Wanted persons who own the vehicle, as far as an authorisation allows to ask for them here and now."""
    if known.owners is None or not known.authorisations.of(OWNER_WARRANT):
        return
    at_ms = sighting.captured_ms
    for person in known.owners.wanted(sighting.plate):
        leave = known.authorisations.allowing(OWNER_WARRANT, person.person_id, scene, at_ms)
        if leave is not None and in_force(person, at_ms):
            yield Finding(
                grounds=Grounds.of(person, "wanted_owner"),
                matched="owner",
                person_id=person.person_id,
                authorisation_id=leave.authorisation_id,
            )

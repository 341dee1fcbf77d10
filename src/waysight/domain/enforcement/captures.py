"""One parking seen in pieces: captures of one vehicle at one place, each perhaps shorter than is allowed, added up.

Two captures are one stay when the vehicle is seen standing at the end of the one and at the beginning of the other, at
one place, the gap is no longer than one may stand there and than `GAP_MS`, and nobody else was seen standing there
meanwhile. Then it provably stood from the first point to the last, less what both stamps may be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from waysight.domain.enforcement.case import Law, violation
from waysight.domain.enforcement.presence import frames_of, zones_of
from waysight.domain.enforcement.standing import KIND_OF, Stay, allowed_ms, at_one_place, longest_stay
from waysight.domain.scene import Scene, Zone
from waysight.messages.enforcement import Violation
from waysight.messages.perception import Sighting

AddedUp = Literal["illegal_parking", "illegal_stopping"]
GAP_MS: Final = 300_000  # in a longer one it may have left and come back
LEAST_MS: Final = 5_000  # what stands shorter is no capture of a stay
MOST_ALLOWED_MS: Final = 3_600_000  # of zones where one may stand longer no captures are kept
_LATE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Capture:
    """A pass and its stay in a zone; whether it stood there from its first point on, and to its last."""

    sighting: Sighting
    stay: Stay
    from_start: bool
    to_end: bool


def judge(
    law: Law, scene: Scene, sighting: Sighting, others: Iterable[Sighting], offence: AddedUp
) -> Iterator[Violation]:
    """One violation for each zone in which a pass makes a stay too long that earlier captures began."""
    known = list(others)
    for zone in zones_of(scene, KIND_OF[offence], sighting):
        last = _capture(scene, zone, sighting)
        if last is None or not sighting.plate or last.stay.dwell_ms > allowed_ms(zone):
            continue  # what stood too long in one pass is told by that pass alone
        captures = [c for o in known if (c := _capture(scene, zone, o)) is not None]
        chain = _chain(scene, zone, last, captures)
        first = chain[0]
        dwell_ms = last.stay.last.captured_ms - first.stay.first.captured_ms - 2 * sighting.clock_error_ms
        if len(chain) > 1 and dwell_ms > allowed_ms(zone):
            yield violation(
                law,
                offence,
                (scene,),
                [c.sighting for c in chain],
                last.stay.last.captured_ms,
                country=scene.country,
                subject=f"{scene.camera_id}/{zone.zone_id}",
                evidence=[f for c in (last, first) for f in frames_of(c.sighting, zone)],
                zone_id=zone.zone_id,
                dwell_ms=dwell_ms,
            )


def matters(scene: Scene, offence: AddedUp, sighting: Sighting) -> bool:
    """Whether a pass may be one of several captures of a stay."""
    return bool(sighting.plate) and any(
        _capture(scene, zone, sighting) for zone in zones_of(scene, KIND_OF[offence], sighting)
    )


def keep_ms(scene: Scene, offence: AddedUp) -> float:
    """For how long after a capture's end (ms) the next of the same stay may still be told of."""
    zones = [z for z in scene.zones if z.kind == KIND_OF[offence] and allowed_ms(z) <= MOST_ALLOWED_MS]
    return max((min(GAP_MS, allowed_ms(z)) + allowed_ms(z) + _LATE_MS for z in zones), default=0.0)


def _capture(scene: Scene, zone: Zone, sighting: Sighting) -> Capture | None:
    if sighting.last_ms - sighting.first_ms < LEAST_MS or allowed_ms(zone) > MOST_ALLOWED_MS:
        return None
    if zone.zone_id not in sighting.zones or (stay := longest_stay(scene, zone, sighting)) is None:
        return None
    if stay.last.captured_ms - stay.first.captured_ms < LEAST_MS:
        return None
    before = [p for p in sighting.path if p.captured_ms < stay.first.captured_ms]
    after = [p for p in sighting.path if p.captured_ms > stay.last.captured_ms]
    still = [all(at_one_place(scene, stay.first, p) for p in points) for points in (before, after)]
    return Capture(sighting, stay, *still)


def _chain(scene: Scene, zone: Zone, last: Capture, captures: Sequence[Capture]) -> list[Capture]:
    """The captures of the stay that `last` is of, the first one first."""
    chain = [last]
    mine = [c for c in captures if c.sighting.plate == last.sighting.plate]
    for one in sorted(mine, key=lambda c: (c.stay.last.captured_ms, c.sighting.sighting_id), reverse=True):
        if one.stay.first.captured_ms >= chain[0].stay.first.captured_ms:
            continue
        if not _joined(scene, zone, one, chain[0], captures) or not at_one_place(
            scene, one.stay.first, last.stay.last
        ):
            break
        chain.insert(0, one)
    return chain


def _joined(scene: Scene, zone: Zone, a: Capture, b: Capture, captures: Iterable[Capture]) -> bool:
    """Whether two captures, one after the other, are of one stay."""
    from_ms, until_ms = a.stay.last.captured_ms, b.stay.first.captured_ms
    if until_ms - from_ms > min(GAP_MS, allowed_ms(zone)) or not (a.to_end and b.from_start):
        return False
    if not at_one_place(scene, a.stay.last, b.stay.first):
        return False
    return not any(
        c.sighting.plate not in ("", a.sighting.plate)
        and c.stay.first.captured_ms < until_ms
        and c.stay.last.captured_ms > from_ms
        and at_one_place(scene, a.stay.last, c.stay.first)
        for c in captures
    )

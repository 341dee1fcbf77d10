"""What enforce keeps of edge ANPR cameras beside video. Logic: domain/enforcement/device_plates.py.

Passes of such a camera wait here, and its time with them, until it is known whose plates the devices read: what comes
behind sees the camera's passes a few seconds later, under the plates that stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from waysight.domain.enforcement import beside, device_plates
from waysight.domain.enforcement.beside import Place
from waysight.domain.enforcement.case import Law
from waysight.domain.enforcement.device_plates import Proof
from waysight.domain.enforcement.shown import KEEP_MS
from waysight.domain.scene import Scene
from waysight.domain.watermarks import Progress, merge
from waysight.engine import PartitionState
from waysight.messages import ExternalRead, Sighting, Violation

_PLACES, _UNREAD, _PROOFS = "plates", "unread", "proofs"


@dataclass(frozen=True, slots=True)
class Unread:
    """Passes that wait, each under its key; how far the camera's passes have come, and how far that was told on."""

    items: tuple[tuple[str, Sighting], ...] = ()
    passes: Progress | None = None
    told: Progress | None = None


def read(state: PartitionState, law: Law, scene: Scene, one: ExternalRead) -> None:
    """Keep a device's read."""
    before = _place(state, scene)
    after = device_plates.told(law, scene, before, one)
    if after is not before:
        state.put(_PLACES, scene.camera_id, after)


def enter(state: PartitionState, scene: Scene, key: str, sighting: Sighting) -> None:
    """Let a pass wait."""
    state.put(_PLACES, scene.camera_id, beside.passed(_place(state, scene), sighting))
    unread = _unread(state, scene)
    state.put(_UNREAD, scene.camera_id, replace(unread, items=(*unread.items, (key, sighting))))


def reached(state: PartitionState, scene: Scene, passes: Progress) -> None:
    """Keep how far the camera's passes have come."""
    unread = _unread(state, scene)
    state.put(_UNREAD, scene.camera_id, replace(unread, passes=merge(unread.passes, passes)))


def leave(
    state: PartitionState, law: Law, scene: Scene
) -> tuple[list[tuple[str, Sighting]], Progress | None]:
    """Passes about whose plates everything is known, or whose device is silent for an hour; and the time behind them.

    Without news of the time it is None.
    """
    unread, place = _unread(state, scene), _place(state, scene)
    since_ms = unread.passes.captured_ms - KEEP_MS if unread.passes else 0
    ready = [
        (key, s)
        for key, s in unread.items
        if s.last_ms < since_ms or device_plates.settled(scene, place, unread.passes, s)
    ]
    left = tuple(i for i in unread.items if i not in ready) if ready else unread.items
    gone = [(key, _decided(state, law, place, s)) for key, s in sorted(ready, key=_order)]
    now = unread.passes
    if now is not None and left:
        now = Progress(min(now.captured_ms, *(s.first_ms - 1 for _, s in left)))
    told = merge(unread.told, now) if now is not None else unread.told
    if ready or told != unread.told:
        state.put(_UNREAD, scene.camera_id, replace(unread, items=left, told=told))
    if now is not None:
        after = device_plates.forgotten(scene, place, now)
        if after is not place:
            state.put(_PLACES, scene.camera_id, after)
    return gone, told if told != unread.told else None


def proved(state: PartitionState, found: Iterable[Violation]) -> Iterator[Violation]:
    """Violations with what devices add to their passes."""
    for violation in found:
        proofs = (state.get(_PROOFS, sighting_id, Proof) for sighting_id in violation.sighting_ids)
        yield device_plates.proved(violation, [p for p in proofs if p is not None])


def sweep(state: PartitionState, camera_id: str, before_ms: int) -> None:
    """Forget the proofs of a camera's passes that ended before a time (UTC epoch ms)."""
    kept = _proofs_of(state).get(camera_id, {})
    for sighting_id in [i for i, last_ms in kept.items() if last_ms < before_ms]:
        state.delete(_PROOFS, sighting_id)
        del kept[sighting_id]


def _decided(state: PartitionState, law: Law, place: Place, sighting: Sighting) -> Sighting:
    judged, proof = device_plates.said(law, place, sighting)
    if proof is not None:
        state.put(_PROOFS, sighting.sighting_id, proof)
        _proofs_of(state).setdefault(proof.camera_id, {})[sighting.sighting_id] = proof.last_ms
    return judged


def _order(item: tuple[str, Sighting]) -> tuple[int, str, str]:
    key, sighting = item
    return sighting.last_ms, sighting.sighting_id, key


def _place(state: PartitionState, scene: Scene) -> Place:
    return state.get(_PLACES, scene.camera_id, Place) or Place()


def _unread(state: PartitionState, scene: Scene) -> Unread:
    return state.get(_UNREAD, scene.camera_id, Unread) or Unread()


def _proofs_of(state: PartitionState) -> dict[str, dict[str, int]]:
    """By camera, when the passes ended to which devices add something (the table "proofs"); in memory only."""

    def build() -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for sighting_id, proof in state.items(_PROOFS, Proof):
            found.setdefault(proof.camera_id, {})[sighting_id] = proof.last_ms
        return found

    return state.derived(_PROOFS, build)

"""Plates by edge ANPR cameras beside a camera with video: whose plate it is that a device read.

Equal plates belong together. Of the rest, a read that is no other pass's own may be of a pass that it fits
(`beside.fits`), if that pass has no other such read and the read no other such pass: then it outranks the picture's. Where
a picture read another plate, or it is not clear whose the read is, no fine follows before a person has looked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from waysight.domain.enforcement import beside
from waysight.domain.enforcement.beside import NEAR_MS, Place, Reading
from waysight.domain.enforcement.case import Law
from waysight.domain.enforcement.offences import OFFENCES
from waysight.domain.plates import canonical, country_of, resolved
from waysight.domain.scene import Device, Scene
from waysight.domain.watermarks import Progress
from waysight.messages.enforcement import ExternalRead, Violation
from waysight.messages.perception import FrameRef, PlateCandidate, Sighting

DIFFER = "plates_differ"
AMBIGUOUS = "ambiguous_plate"
_JOINT = ";"


@dataclass(frozen=True, slots=True)
class Proof:
    """What devices add to a violation of a pass: who read the plate, what the picture had read instead, their pictures."""

    camera_id: str
    last_ms: int
    readers: tuple[str, ...] = ()
    instead_of: str = ""
    frames: tuple[FrameRef, ...] = ()
    obstacles: tuple[str, ...] = ()


def plate_devices(scene: Scene) -> tuple[Device, ...]:
    """The registered devices whose plates may outrank the picture's; without video each of their reads is a pass itself."""
    return tuple(d for d in scene.devices if d.kind == "anpr") if scene.video else ()


def awaits(scene: Scene) -> bool:
    """Whether a pass here waits for what devices say of its plate."""
    return bool(plate_devices(scene)) and not scene.purposes.isdisjoint(OFFENCES)


def told(law: Law, scene: Scene, place: Place, read: ExternalRead) -> Place:
    """The place after a read; one known already, or of a device that is not registered here, changes nothing."""
    device = beside.sender(plate_devices(scene), read)
    if device is None:
        return place
    reading = beside.reading_of(scene, device, read) if read.plate else None
    if reading is not None:
        plate = canonical(reading.plate)
        texts = resolved(plate, law.formats)
        reading = replace(reading, plate=next(iter(texts)) if len(texts) == 1 else plate)
    return beside.told(place, read, reading)


def said(law: Law, place: Place, sighting: Sighting) -> tuple[Sighting, Proof | None]:
    """A settled pass with the plate that stands for it, and what devices add to its proof; None when they say nothing."""
    here = beside.passing(sighting)
    rivals = [p for p in place.passings if p.sighting_id != here.sighting_id]
    fitting = [r for r in place.readings if beside.fits(r, here)]
    own = [r for r in fitting if r.plate == here.plate]
    if own:
        return _read(law, sighting, own)
    free = [r for r in fitting if not any(p.plate == r.plate and beside.fits(r, p, NEAR_MS) for p in rivals)]
    if not free:
        return sighting, None
    others = (p for p in rivals if any(beside.fits(r, p) for r in free))
    shared = any(not any(r.plate == p.plate and beside.fits(r, p) for r in place.readings) for p in others)
    if shared or len({r.plate for r in free}) > 1:
        return sighting, _doubt(sighting, AMBIGUOUS) if here.plate else None
    if here.plate and max(r.confidence for r in free) < law.enforcement_gate:
        return sighting, _doubt(sighting, DIFFER)
    return _read(law, sighting, free)


def proved(violation: Violation, proofs: list[Proof]) -> Violation:
    """A violation with what devices add to its passes."""
    if not proofs:
        return violation
    frames = [f for p in proofs for f in p.frames if f not in violation.evidence]
    models = [violation.models, *(r for p in proofs for r in p.readers)]
    obstacles = tuple(dict.fromkeys((*violation.obstacles, *(o for p in proofs for o in p.obstacles))))
    return replace(
        violation,
        read_plate=next((p.instead_of for p in proofs if p.instead_of), violation.read_plate),
        evidence=(*violation.evidence, *dict.fromkeys(frames)),
        models=_JOINT.join(dict.fromkeys(m for m in models if m)),
        obstacles=obstacles,
        enforceable=violation.enforceable and not obstacles,
    )


def readers_of(models: str) -> tuple[str, ...]:
    """The ids of the edge ANPR cameras among what read a violation's plate (`Violation.models`)."""
    return tuple(m.removeprefix("anpr:") for m in models.split(_JOINT) if m.startswith("anpr:"))


def settled(scene: Scene, place: Place, passes: Progress | None, sighting: Sighting) -> bool:
    """Whether all is known that could belong to a pass, or compete for it: of every device, and of the passes."""
    return beside.settled(plate_devices(scene), place, passes, sighting)


def forgotten(scene: Scene, place: Place, passes: Progress | None) -> Place:
    """The place without what no pass to come can be held against."""
    return beside.forgotten(plate_devices(scene), place, passes)


def _doubt(sighting: Sighting, obstacle: str) -> Proof:
    return Proof(sighting.camera_id, sighting.last_ms, obstacles=(obstacle,))


def _read(law: Law, sighting: Sighting, reads: list[Reading]) -> tuple[Sighting, Proof]:
    """The pass under the plate that these reads agree on; frames of the device that show it are votes like pictures."""
    plate = reads[0].plate
    same = plate == sighting.plate
    shown = dict.fromkeys(f for r in reads for f in r.evidence if f.plate_text == plate and f.evidence_ref)
    frames = tuple(sorted(shown, key=lambda f: (f.captured_ms, f.evidence_ref)))
    confidence = max(*(r.confidence for r in reads), sighting.plate_confidence if same else 0.0)
    countries = {r.country for r in reads if r.country}
    country = sighting.plate_country if same else countries.pop() if len(countries) == 1 else ""
    differ = bool(sighting.plate) and not same
    proof = Proof(
        sighting.camera_id,
        sighting.last_ms,
        tuple(dict.fromkeys(f"anpr:{r.device_id}" for r in reads)),
        sighting.plate if differ else "",
        frames,
        (DIFFER,) if differ else (),
    )
    read = PlateCandidate(text=plate, confidence=confidence)
    rest = tuple(c for c in sighting.plate_candidates if c.text != plate)
    return replace(
        sighting,
        plate=plate,
        plate_country=country or country_of(plate, law.formats),
        plate_confidence=confidence,
        plate_confidences=sighting.plate_confidences if same else (),
        plate_candidates=(read, *rest),
        plate_votes=max(1, len(frames) + (sighting.plate_votes if same else 0)),
    ), proof

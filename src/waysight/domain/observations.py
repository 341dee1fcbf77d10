"""One frame's detections made ready for tracking: one box per thing, plates where they belong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from waysight.domain.geometry import Box, area, iou, overlap
from waysight.domain.plates import canonical
from waysight.domain.voting import Read
from waysight.messages.perception import DetectedObject, Detections, ObjectLabel, PlateRead

VEHICLES: frozenset[str] = frozenset(("car", "truck", "bus", "motorcycle"))
COLOURS = ("white", "silver", "grey", "black", "red", "blue", "green", "yellow", "orange", "brown")
TWO_WHEELS: frozenset[str] = frozenset(("motorcycle", "bicycle"))
_SAME = 0.6  # IoU of two boxes of one vehicle
_SAME_CLASS = 0.5
_SAME_PERSON = 0.65  # people side by side overlap more than vehicles
_WITHIN = 0.85  # share of a box that lies in another
_SAME_PLATE = 0.4
_DOUBTFUL = 0.6  # times the score of the box around it: no vehicle of its own


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing on one frame: class, score, box (px), colour, look, and the plate on it with its box (px)."""

    label: ObjectLabel
    score: float
    box: Box
    colour: str = ""
    colour_confidence: float = 0.0
    looks: str = ""
    label_confidence: float = 0.0
    read: Read | None = None
    plate_box: Box | None = None


def observe(frame: Detections) -> list[Seen]:
    """What is on a frame, each thing once, best first; the order depends on the frame alone.

    Two boxes of one vehicle become one; riders and people behind a windscreen belong to their vehicle; a
    plate found on its own goes to the vehicle it lies on.
    """
    things = sorted((_seen(o) for o in frame.objects), key=_rank)
    vehicles: list[Seen] = []
    for thing in (t for t in things if t.label in VEHICLES):
        twin = next((i for i, v in enumerate(vehicles) if _same_vehicle(v, thing)), None)
        if twin is None:
            vehicles.append(thing)
        else:
            vehicles[twin] = _with_plate(vehicles[twin], thing)
    plates: list[Seen] = []
    for thing in (t for t in things if t.label == "plate"):
        home = _home(vehicles, thing)
        if home is None:
            if not any(iou(p.box, thing.box) > _SAME_PLATE for p in plates):
                plates.append(thing)
        else:
            vehicles[home] = _with_plate(vehicles[home], thing)
    others: list[Seen] = []
    for thing in (t for t in things if t.label not in VEHICLES and t.label != "plate"):
        twin_of = any(o.label == thing.label and iou(o.box, thing.box) > _SAME_PERSON for o in others)
        if not twin_of and not (thing.label == "person" and _belongs_to_a_vehicle(thing, vehicles, things)):
            others.append(thing)
    return [*vehicles, *others, *plates]


def _seen(thing: DetectedObject) -> Seen:
    box = (thing.x1, thing.y1, thing.x2, thing.y2)
    read, plate_box = (None, None) if thing.plate is None else _read(thing.plate)
    return Seen(
        label=thing.label,
        score=thing.score,
        box=box,
        colour=thing.colour,
        colour_confidence=thing.colour_confidence,
        looks=thing.looks,
        label_confidence=thing.label_confidence,
        read=read,
        plate_box=plate_box,
    )


def _read(plate: PlateRead) -> tuple[Read | None, Box]:
    box = (plate.x1, plate.y1, plate.x2, plate.y2)
    text = canonical(plate.text)
    if not text:
        return None, box
    candidates = tuple((canonical(c.text), c.confidence) for c in plate.candidates)
    confidences = plate.confidences if len(plate.confidences) == len(text) else ()
    return Read(text, plate.confidence, tuple(confidences), candidates), box


def _rank(thing: Seen) -> tuple[float, Box, str]:
    return -thing.score, thing.box, thing.label


def _same_vehicle(a: Seen, b: Seen) -> bool:
    small, large = sorted((a, b), key=lambda t: area(t.box))
    inside = overlap(small.box, large.box) > _WITHIN * area(small.box) and area(small.box) < 0.5 * area(
        large.box
    )
    if inside and small.score < _DOUBTFUL * large.score:
        return True  # a bumper or a roof, with or without the plate
    if _different_plates(a, b):
        return False
    if iou(a.box, b.box) > (_SAME_CLASS if a.label == b.label else _SAME):
        return True
    if a.plate_box and b.plate_box and iou(a.plate_box, b.plate_box) > _SAME_PLATE:
        return True
    return inside and small.score < large.score and small.read is None


def _different_plates(a: Seen, b: Seen) -> bool:
    if a.plate_box is None or b.plate_box is None:
        return False
    return overlap(a.plate_box, b.plate_box) == 0.0


def _with_plate(vehicle: Seen, other: Seen) -> Seen:
    if other.plate_box is None:
        return vehicle
    worse = vehicle.read is not None and (
        other.read is None or other.read.confidence <= vehicle.read.confidence
    )
    return vehicle if worse else replace(vehicle, read=other.read, plate_box=other.plate_box)


def _home(vehicles: Iterable[Seen], plate: Seen) -> int | None:
    within = [
        (area(v.box), i)
        for i, v in enumerate(vehicles)
        if overlap(v.box, plate.box) > _WITHIN * area(plate.box)
        and (v.plate_box is None or iou(v.plate_box, plate.box) > _SAME_PLATE)
    ]
    return min(within)[1] if within else None


def _belongs_to_a_vehicle(person: Seen, vehicles: Iterable[Seen], things: Iterable[Seen]) -> bool:
    tall = person.box[3] - person.box[1]
    for vehicle in vehicles:
        within = overlap(vehicle.box, person.box) / max(area(person.box), 1.0)
        if vehicle.label not in TWO_WHEELS and within > _WITHIN:
            clear_of_ground = person.box[3] < vehicle.box[3] - 0.1 * (vehicle.box[3] - vehicle.box[1])
            if clear_of_ground and tall < 0.7 * (vehicle.box[3] - vehicle.box[1]):
                return True
    for ride in (t for t in things if t.label in TWO_WHEELS):
        middle = (person.box[0] + person.box[2]) / 2
        if ride.box[0] <= middle <= ride.box[2] and overlap(ride.box, person.box) > 0.3 * area(person.box):
            return True
    return False

"""From payloads to facts: pictures decoded, vehicles, plates and colours found, plates read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from .apart import FAULTS, each_apart, sentence
from .boxes import Bgr, Floats, grown
from .colour import ColourNetwork
from .confidence import UNFITTED, Judge
from .looks import crop, large_enough, looks_of
from .objects import Detector, Found
from .pictures import Unreadable, decode
from .plates import WHOLE_PX, PlateBox, Region, distinct_regions, find_plates, without_doubles
from .reading import Read, Readers, read_plates

Network = Callable[[Floats], Floats]
Seen = tuple[list[dict[str, Any]], list[dict[str, Any]]]  # objects and orphan plates of one picture
CARRIERS = ("car", "bus", "truck", "motorcycle")
MIN_VEHICLE_PX = 44
MAX_VEHICLES = 24
CROP_ASPECT = 176 / 208
MIN_CHARACTERS, MIN_DIGITS, MIN_CONFIDENCE, SURE_SCORE = 3, 5, 0.02, 0.6
FILLING = 0.6
MIN_LETTERS, MOST_LETTERS, SURE_LETTERS = 5, 8, 0.8
COLOURED = ("car", "bus", "truck")


@dataclass(frozen=True, slots=True)
class Networks:
    """The detector and the networks as functions; all but the first three may be absent; `versions` go into every result."""

    vehicles: Detector
    plates: Network
    reader: Network
    large: Network | None
    versions: Mapping[str, str]
    lines: Network | None = None
    chances: Judge = UNFITTED
    looks: Network | None = None
    colours: ColourNetwork | None = None

    @property
    def readers(self) -> Readers:
        """What reading plates takes."""
        return Readers(self.reader, self.large, self.lines, self.chances)


def analyse(networks: Networks, payloads: Sequence[tuple[bytes, str]]) -> list[dict[str, Any]]:
    """One result per (payload, codec), as the card of `frame_analysis` describes it; never raises for a bad payload.

    A codec may carry one task after a semicolon (see `looker_for`); without one the whole analysis is made.
    """
    results: list[dict[str, Any]] = []
    usable: dict[str, list[tuple[int, Bgr]]] = {}
    for index, (payload, request) in enumerate(payloads):
        result: dict[str, Any] = {"width": 0, "height": 0, "error": None, "objects": [], "orphan_plates": []}
        codec, _, task = request.partition(";")
        try:
            looker_for(task)
            picture = decode(payload, codec)
        except Unreadable as problem:
            result["error"] = str(problem)
        except FAULTS as problem:
            result["error"] = sentence(problem)
        else:
            result["height"], result["width"] = picture.shape[:2]
            usable.setdefault(task, []).append((index, picture))
        results.append(result | {"models": dict(networks.versions)})
    for task, members in usable.items():
        seen = each_apart(partial(looker_for(task), networks), [picture for _, picture in members])
        for (index, _), one in zip(members, seen, strict=True):
            if isinstance(one, str):
                results[index]["error"] = one
            else:
                results[index]["objects"], results[index]["orphan_plates"] = one
    return results


def looker_for(task: str) -> Callable[[Networks, Sequence[Bgr]], list[Seen]]:
    """What a request's task asks for; raises Unreadable for an unknown one.

    "": everything; "plate": the picture is one plate, read it; "objects": only objects, "objects=0.01": from that
    score (0..1) on instead of the detector's own.
    """
    name, _, value = task.partition("=")
    if task == "":
        return look
    if task == "plate":
        return look_at_crops
    if task == "objects":
        return partial(look_for_objects, least=None)
    if name == "objects":
        try:
            least = float(value)
        except ValueError:
            least = -1.0
        if 0 < least < 1:
            return partial(look_for_objects, least=least)
    raise Unreadable(
        f"task {task!r} is not one of plate, objects, objects=SCORE with a score between 0 and 1"
    )


def look_at_crops(networks: Networks, pictures: Sequence[Bgr]) -> list[Seen]:
    """Each picture read as one plate that fills it: no objects, at most one orphan plate."""
    boxes = [(0.0, 0.0, float(picture.shape[1]), float(picture.shape[0])) for picture in pictures]
    reads = read_plates(networks.readers, list(zip(pictures, boxes, strict=True)))
    return [
        ([], [_plate(PlateBox(0, box, 1.0), read, picture)] if read.text else [])
        for picture, box, read in zip(pictures, boxes, reads, strict=True)
    ]


def look_for_objects(networks: Networks, pictures: Sequence[Bgr], least: float | None) -> list[Seen]:
    """Only objects, from a score of `least` (None: the detector's own) on, without colours and plates."""
    found = networks.vehicles(pictures, least)
    return [([_entry(thing, None) for thing in things], []) for things in found]


def look(networks: Networks, pictures: Sequence[Bgr]) -> list[Seen]:
    """Objects and orphan plates of each picture, ready for JSON."""
    found = networks.vehicles(pictures, None)
    owned = plates_of(networks, pictures, found)
    reads = read_plates(networks.readers, [(pictures[index], plate.box) for index, plate in owned])
    shown = _appearances(networks, pictures, found)
    objects = [
        [_entry(thing, *shown.get((k, i), (None, ""))) for i, thing in enumerate(things)]
        for k, things in enumerate(found)
    ]
    orphans: list[list[dict[str, Any]]] = [[] for _ in pictures]
    for (index, plate), read in zip(owned, reads, strict=True):
        holder = holder_of(plate.box, found[index])
        if read.confidence < MIN_CONFIDENCE or not (
            could_be_plate(read.text) or (holder is not None and could_be_chosen(read))
        ):
            continue
        entry = _plate(plate, read, pictures[index])
        # Away from any vehicle, or without a letter, it is more often a sign or the camera's own clock.
        if (holder is None or read.text.isdigit()) and plate.score < SURE_SCORE:
            continue
        if holder is None:
            orphans[index].append(entry)
        elif _worth(objects[index][holder]["plate"]) <= _worth(entry):
            objects[index][holder]["plate"] = entry
    return list(zip(objects, orphans, strict=True))


def plates_of(
    networks: Networks, pictures: Sequence[Bgr], found: Sequence[Sequence[Found]] | None = None
) -> list[tuple[int, PlateBox]]:
    """Plates with their picture's index: on the vehicles found, and where none is for certain, anywhere."""
    network = networks.plates
    found = networks.vehicles(pictures, None) if found is None else found
    carriers = [(index, thing) for index, things in enumerate(found) for thing in _carriers(things)]
    regions: list[Region] = [(index, crop_region(thing)) for index, thing in carriers]
    regions = [regions[k] for k in distinct_regions(regions)]
    plates = find_plates(network, pictures, regions)
    done = {regions[plate.region][0] for plate in plates if plate.score >= SURE_SCORE}
    done |= {index for index, box in regions if _fills(box, pictures[index])}
    whole: list[Region] = [
        (index, (0.0, 0.0, float(picture.shape[1]), float(picture.shape[0])))
        for index, picture in enumerate(pictures)
        if index not in done
    ]
    everywhere = find_plates(network, pictures, whole, WHOLE_PX, most=3)
    plates += [replace(plate, region=len(regions) + plate.region) for plate in everywhere]
    owners = [index for index, _ in [*regions, *whole]]
    return [(owners[plate.region], plate) for plate in without_doubles(plates, owners)]


def _fills(box: Sequence[float], picture: Bgr) -> bool:
    """Whether a region is so large a part of its picture that searching the whole shows no more."""
    height, width = picture.shape[:2]
    return bool((box[2] - box[0]) * (box[3] - box[1]) > FILLING * width * height)


def could_be_plate(text: str) -> bool:
    """Whether a reading is worth reporting: three characters or more with a digit, five or more without a letter.

    Words are lettering, short numbers are speed signs and the years of burnt-in clocks.
    """
    least = MIN_DIGITS if text.isdigit() else MIN_CHARACTERS
    return len(text) >= least and any(character.isdigit() for character in text)


def could_be_chosen(read: Read) -> bool:
    """Whether a reading without digits is likely a plate of chosen letters, not lettering: long enough and sure."""
    return MIN_LETTERS <= len(read.text) <= MOST_LETTERS and read.confidence >= SURE_LETTERS


def _worth(plate: dict[str, Any] | None) -> float:
    return float(plate["score"] * plate["confidence"]) if plate else 0.0


def _carriers(things: Sequence[Found]) -> list[Found]:
    wide = [t for t in things if t.label in CARRIERS and t.box[2] - t.box[0] >= MIN_VEHICLE_PX]
    return sorted(wide, key=lambda t: t.box[0] - t.box[2])[:MAX_VEHICLES]


def crop_region(thing: Found) -> tuple[float, float, float, float]:
    """Where to look for a vehicle's plate: its box grown a little, and of tall vehicles the lower part."""
    x0, y0, x1, y1 = grown(thing.box, 0.04, 0.04)  # type: ignore[arg-type]
    if thing.label != "motorcycle" and y1 - y0 > CROP_ASPECT * (x1 - x0):
        y0 = y1 - CROP_ASPECT * (x1 - x0)
    return x0, y0, x1, y1


def holder_of(plate: Sequence[float], things: Sequence[Found]) -> int | None:
    """Index of the vehicle a plate belongs to: the one whose lower middle it is nearest to, of those around it."""
    x, y = (plate[0] + plate[2]) / 2, (plate[1] + plate[3]) / 2
    best: tuple[float, int] | None = None
    for index, thing in enumerate(things):
        x0, y0, x1, y1 = grown(thing.box, 0.05, 0.08)  # type: ignore[arg-type]
        if thing.label not in CARRIERS or not (x0 <= x <= x1 and y0 <= y <= y1):
            continue
        # Of overlapping vehicles the nearer one hides the other; its plate is low in its own box.
        distance = abs(x - (x0 + x1) / 2) / (x1 - x0) + abs(y - (0.3 * y0 + 0.7 * y1)) / (y1 - y0)
        if best is None or distance < best[0]:
            best = (distance, index)
    return best[1] if best else None


def _appearances(
    networks: Networks, pictures: Sequence[Bgr], found: Sequence[Sequence[Found]]
) -> dict[tuple[int, int], tuple[dict[str, Any] | None, str]]:
    """Colour and look of the vehicles that are large enough, by picture and place; people have none."""
    places = [
        (k, i)
        for k, things in enumerate(found)
        for i, thing in enumerate(things)
        if thing.label in CARRIERS and large_enough(thing.box)
    ]
    crops = [crop(pictures[k], found[k][i].box) for k, i in places]
    colours = networks.colours.colours(crops) if networks.colours else [None] * len(places)
    looks = looks_of(networks.looks, crops) if networks.looks else [""] * len(places)
    told = [
        {"name": colour[0], "confidence": colour[1]} if colour and found[k][i].label in COLOURED else None
        for (k, i), colour in zip(places, colours, strict=True)
    ]
    return dict(zip(places, zip(told, looks, strict=True), strict=True))


def _entry(thing: Found, colour: dict[str, Any] | None, looks: str = "") -> dict[str, Any]:
    box = [round(edge, 1) for edge in thing.box]
    return {
        "label": thing.label,
        "label_confidence": round(thing.label_confidence, 4),
        "score": round(thing.score, 4),
        "box": box,
        "colour": colour,
        "looks": looks,
        "plate": None,
    }


def _plate(plate: PlateBox, read: Read, picture: Bgr) -> dict[str, Any]:
    limits = (picture.shape[1], picture.shape[0]) * 2
    return {
        "box": [round(min(max(edge, 0.0), limit), 1) for edge, limit in zip(plate.box, limits, strict=True)],
        "score": round(plate.score, 4),
        "text": read.text,
        "confidences": list(read.confidences),
        "confidence": read.confidence,
        "candidates": [{"text": text, "confidence": confidence} for text, confidence in read.candidates],
        "reader": read.reader,
        "two_line": read.two_line,
    }

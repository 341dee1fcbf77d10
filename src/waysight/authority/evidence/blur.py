"""Bystanders made unrecognisable in the pictures that are shown; the kept originals are never touched."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from waysight.adapters.evidence import frame_kind
from waysight.adapters.inference import Analyser
from waysight.adapters.pictures import Picture
from waysight.domain.geometry import Box, area, iou, overlap
from waysight.errors import BadMessage, EngineDown
from waysight.messages import DetectedObject, FrameRef

_BLOCKS = 6  # a region keeps at most this many mean values a side: nothing to sharpen again
_BLOCKS_OUTSIDE = 40
_OURS = 0.5
_RIDING = 0.3
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Hidden:
    """What is hidden on a picture (px): `beside` only outside the violation's vehicle, `upon` also where it overlaps it."""

    beside: tuple[Box, ...] = ()
    upon: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Blur:
    """How the pictures of a package are shown: as they are, with others hidden, or with all but the vehicle hidden.

    `hidden` holds what was found, by frame reference, for `bystanders`; `by` the models that found it. `originals`:
    the pictures as the cameras sent them go into the package too.
    """

    mode: Literal["", "bystanders", "outside"] = ""
    hidden: Mapping[str, Hidden] | None = None
    by: str = ""
    originals: bool = True


def blurred(picture: Picture, ref: FrameRef, blur: Blur) -> Picture:
    """A copy of a frame with what `blur` says hidden; vehicle and plate of the violation stay as they are."""
    if not blur.mode:
        return picture.copy()
    own, plate = (
        (ref.x1, ref.y1, ref.x2, ref.y2),
        (ref.plate_x1, ref.plate_y1, ref.plate_x2, ref.plate_y2),
    )
    if blur.mode == "outside":
        drawn = _mosaic(picture, _BLOCKS_OUTSIDE)
        _put(drawn, picture, own)
    else:
        hidden = (blur.hidden or {}).get(ref.evidence_ref, Hidden())
        drawn = picture.copy()
        for box in hidden.beside:
            _hide(drawn, picture, box)
        _put(drawn, picture, own)
        for box in hidden.upon:
            _hide(drawn, picture, box)
    _put(drawn, picture, plate)
    return drawn


def bystanders(objects: Sequence[DetectedObject], ref: FrameRef) -> Hidden:
    """Whom and what to hide on a frame: every other vehicle, every plate but the vehicle's, and all people.

    Only who rides the violation's motorcycle or bicycle is no bystander. A driver behind a windscreen is hidden too.
    """
    own = (ref.x1, ref.y1, ref.x2, ref.y2)
    wheels = [o for o in objects if o.label not in ("person", "bag", "plate")]
    ours = max(wheels, key=lambda o: iou(_box(o), own), default=None)
    if ours is not None and iou(_box(ours), own) < _OURS:
        ours = None
    two_wheels = ours is not None and ours.label in ("motorcycle", "bicycle")
    # Who rides in the open is seen whole, also in front of the violation's vehicle.
    open_ = [o for o in wheels if o is not ours and o.label in ("motorcycle", "bicycle")]
    beside = [_box(o) for o in wheels if o is not ours and o not in open_]
    upon = [_box(o) for o in open_]
    for thing in objects:
        if thing.label == "person" and not (
            two_wheels and overlap(_box(thing), own) >= _RIDING * area(_box(thing))
        ):
            upon.append(_box(thing))
        if thing.label == "plate":
            upon.append(_box(thing))
        elif thing.plate is not None and thing is not ours:
            upon.append((thing.plate.x1, thing.plate.y1, thing.plate.x2, thing.plate.y2))
    return Hidden(tuple(beside), tuple(_wider(box) for box in upon))


async def find_bystanders(
    analyser: Analyser, refs: Sequence[FrameRef], frames: Mapping[str, bytes]
) -> tuple[dict[str, Hidden], str]:
    """What to hide by frame reference, and the models that found it; raises EngineDown, BadMessage."""
    try:
        await asyncio.wait_for(analyser.start(), _PATIENCE_S)
    except TimeoutError as error:
        raise EngineDown(
            f"Triton did not answer within {_PATIENCE_S:g} s, so bystanders cannot be found; start it "
            "(`waysight up`), or hide all but the vehicle with --blur-outside, which needs no detector"
        ) from error
    found, models = {}, set[str]()
    for ref in refs:
        answer = await analyser.analyse(frames[ref.evidence_ref], frame_kind(ref.evidence_ref))
        if answer.error:
            raise BadMessage(f"{ref.evidence_ref} could not be searched for bystanders: {answer.error}")
        found[ref.evidence_ref] = bystanders(answer.objects, ref)
        models.add(answer.models)
    return found, "; ".join(sorted(models))


def _mosaic(part: Picture, blocks: int) -> Picture:
    height, width = part.shape[:2]
    few = min(blocks, width), min(blocks, height)
    small = cv2.resize(part, few, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _hide(drawn: Picture, picture: Picture, box: Box) -> None:
    rows, columns = _slices(picture, box)
    if picture[rows, columns].size:
        drawn[rows, columns] = _mosaic(picture[rows, columns], _BLOCKS)


def _put(drawn: Picture, picture: Picture, box: Box) -> None:
    rows, columns = _slices(picture, box)
    drawn[rows, columns] = picture[rows, columns]


def _slices(picture: Picture, box: Box) -> tuple[slice, slice]:
    height, width = picture.shape[:2]
    x1, y1 = max(int(box[0]), 0), max(int(box[1]), 0)
    return slice(y1, max(min(int(np.ceil(box[3])), height), y1)), slice(
        x1, max(min(int(np.ceil(box[2])), width), x1)
    )


def _box(thing: DetectedObject) -> Box:
    return thing.x1, thing.y1, thing.x2, thing.y2


def _wider(box: Box) -> Box:
    dx, dy = (box[2] - box[0]) * 0.1, (box[3] - box[1]) * 0.1
    return box[0] - dx, box[1] - dy, box[2] + dx, box[3] + dy

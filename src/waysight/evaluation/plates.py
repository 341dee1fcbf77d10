"""Plates on photographs or crops, read by the production analysis and compared with their labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from waysight.adapters.inference import Analysis
from waysight.adapters.pictures import Picture, encode_jpeg
from waysight.authority.rulepacks import all_packs
from waysight.domain import voting
from waysight.domain.plates import PlateFormats, canonical
from waysight.errors import BadConfiguration
from waysight.evaluation.engine import Engine
from waysight.evaluation.formats import LabelledPicture
from waysight.evaluation.plate_scores import Reading, Seen, figures, judged
from waysight.settings import Settings

CROP_TASK = "jpeg;plate"
RECODED_QUALITY = 97


def gates_of(settings: Settings) -> dict[str, float]:
    """The configured gates: name -> least confidence that the whole text is right."""
    return {
        "search": settings.search_gate,
        "alert": settings.alert_gate,
        "enforcement": settings.enforcement_gate,
    }


def formats_of(countries: Iterable[str]) -> tuple[PlateFormats, ...]:
    """Plate formats of the rule packs of some countries; raises BadConfiguration for one without a pack."""
    packs = {pack.country: pack for pack in all_packs().values()}
    found = []
    for country in countries:
        if country not in packs:
            raise BadConfiguration(
                f"no rule pack for country {country!r}; there are {', '.join(sorted(packs))}"
            )
        found.append(PlateFormats(country, packs[country].plate_formats))
    return tuple(found)


def as_jpeg(path: Path) -> bytes:
    """A picture file as production gets it: JPEG bytes as they are, other pictures recoded, the rest unchanged."""
    data = path.read_bytes()
    if data[:2] == b"\xff\xd8" or not data:
        return data
    picture = picture_of(data)
    return data if picture is None else encode_jpeg(picture, RECODED_QUALITY)


def picture_of(data: bytes) -> Picture | None:
    """The decoded picture, BGR uint8 (H, W, 3), or None."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    return None if picture is None else np.asarray(picture, np.uint8)


def readings_of(analysis: Analysis, formats: Sequence[PlateFormats] = ()) -> list[Reading]:
    """Every plate that the analysis read; with `formats`, candidates are decided as the voting of a track does."""
    found = []
    for plate in (thing.plate for thing in analysis.objects if thing.plate):
        text = canonical(plate.text)
        if formats:
            candidates = tuple((canonical(c.text), c.confidence) for c in plate.candidates)
            read = voting.Read(text, plate.confidence, plate.confidences, candidates)
            text = voting.vote([read], formats).text or text
        found.append(Reading(text, plate.confidence, (plate.x1, plate.y1, plate.x2, plate.y2)))
    return found


def look_at(
    engine: Engine,
    pictures: Sequence[LabelledPicture],
    formats: Sequence[PlateFormats],
    done: Callable[[], None],
) -> list[Seen]:
    """Analyse the pictures one after the other; `done` is called after each."""
    seen = []
    for picture in pictures:
        measured = engine.analyse(as_jpeg(picture.path), CROP_TASK if picture.is_crop else "jpeg")
        readings = readings_of(measured.analysis, formats)
        seen.append(judged(picture, readings, measured.wall_ms, measured.cpu_ms, measured.analysis.error))
        done()
    return seen


def report(seen: Sequence[Seen], pictures: Sequence[LabelledPicture], settings: Settings) -> dict[str, Any]:
    """Figures of all pictures, and of each group where there are several."""
    gates = gates_of(settings)
    groups = sorted({picture.group for picture in pictures})
    result = figures(seen, gates)
    if len(groups) > 1:
        members = {
            group: [one for one, picture in zip(seen, pictures, strict=True) if picture.group == group]
            for group in groups
        }
        result["groups"] = {group: figures(found, gates) for group, found in members.items()}
    return result

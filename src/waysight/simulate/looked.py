"""One pass before one camera as a tracker tells it: path, speed with its bound, plate with its confidences."""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import dataclass, replace

from waysight.messages import FrameRef, PathPoint, PlateCandidate, Sighting
from waysight.simulate.town import BUS_LANE, CLOCK_ERROR_MS, VIEW

FIRST_Y_M, LAST_Y_M = 15.0, 47.0
ERROR_KMH = 1.2
LANE_X_M = {"": 1.75, "bus": 4.6}
_COS, _SIN = math.cos(VIEW.pitch_rad), math.sin(VIEW.pitch_rad)
_MODELS = "vehicle_detector@1 plate_reader@1"
_DIGESTS = tuple(hashlib.sha256(str(n).encode()).hexdigest() for n in range(64))
_CONFUSED = dict(zip("0123456789", "OIZ3A5G7B9", strict=True)) | dict(zip("ABDGOSZ", "4806052", strict=True))


@dataclass(frozen=True)
class Look:
    """Who passes where: `at_ms` (UTC) is when its near end enters the view, `speed_kmh` its true speed.

    `measured_kmh` (bound `error_kmh`) is what was measured, by default something near the truth; `places` are times
    (UTC epoch ms) with x and y (m) of another way than straight ahead; `zones` are what it was seen in.
    """

    camera_id: str
    plate: str
    label: str
    colour: str
    at_ms: int
    speed_kmh: float
    sure: bool = True
    votes: int = 4
    country: str = "kz"
    lane: str = ""
    measured_kmh: float | None = None
    error_kmh: float = ERROR_KMH
    places: tuple[tuple[int, float, float], ...] = ()
    zones: tuple[str, ...] = ()


def look(what: Look, number: int, chance: random.Random) -> Sighting:
    """The final sighting of a pass; origin fields are 0."""
    keyframes = what.camera_id.endswith(("-in", "-out", "-gate"))
    step_ms = 1000 if keyframes else 200
    mps = what.speed_kmh / 3.6
    steps = int((LAST_Y_M - FIRST_Y_M) / mps * 1000 / step_ms)
    times = [what.at_ms + step_ms * n for n in range(min(20, max(2, steps + 1)))]
    x_m = LANE_X_M[what.lane] + chance.uniform(-0.2, 0.2)
    path = tuple(_point(t, x_m, FIRST_Y_M + mps * (t - what.at_ms) / 1000) for t in times)
    if what.places:
        path = tuple(_point(*place) for place in what.places)
        times = [p.captured_ms for p in path]
    measured = None if keyframes else round(what.speed_kmh + chance.uniform(-0.3, 0.3), 3)
    if what.measured_kmh is not None:
        measured = what.measured_kmh
    texts = _candidates(what, chance)
    best, second = (
        _frame(what, number, p, texts[0].confidence if texts else 0.0) for p in (path[0], path[1])
    )
    confidence = texts[0].confidence if texts else 0.0
    return Sighting(
        sighting_id=hashlib.blake2b(f"{what.camera_id}/{number}".encode(), digest_size=16).hexdigest(),
        revision=1,
        final=True,
        camera_id=what.camera_id,
        epoch="e1",
        label=what.label,  # type: ignore[arg-type]
        label_confidence=0.93,
        first_ms=times[0],
        last_ms=times[-1],
        clock_error_ms=CLOCK_ERROR_MS,
        frames=len(times),
        plate=what.plate,
        plate_country=what.country if what.plate else "",
        plate_confidence=confidence,
        plate_confidences=(confidence,) * len(what.plate),
        plate_candidates=texts,
        plate_votes=what.votes if what.plate else 0,
        colour=what.colour,
        colour_confidence=0.8,
        speed_kmh=measured,
        speed_error_kmh=None if keyframes else what.error_kmh,
        path=path,
        zones=(BUS_LANE,) if what.lane == "bus" else what.zones,
        dwell_ms=times[-1] - times[0],
        best_frame=best,
        second_frame=second,
        models=_MODELS,
        captured_ms=times[-1],
        emitted_ms=times[-1] + step_ms,
        origin_partition=0,
        origin_offset=0,
        ordinal=0,
    )


def early(sighting: Sighting) -> Sighting:
    """What the tracker told of it after its first two frames."""
    seen = sighting.path[:2]
    return replace(
        sighting,
        revision=0,
        final=False,
        path=seen,
        frames=2,
        last_ms=seen[-1].captured_ms,
        captured_ms=seen[-1].captured_ms,
        emitted_ms=seen[-1].captured_ms,
        dwell_ms=seen[-1].captured_ms - sighting.first_ms,
    )


def _candidates(what: Look, chance: random.Random) -> tuple[PlateCandidate, ...]:
    if not what.plate:
        return ()
    sure = round(chance.uniform(0.955, 0.99), 4) if what.sure else 0.84
    at = chance.randrange(len(what.plate))
    other = what.plate[:at] + _CONFUSED.get(what.plate[at], "8") + what.plate[at + 1 :]
    return (
        PlateCandidate(text=what.plate, confidence=sure),
        PlateCandidate(text=other, confidence=round((1 - sure) / 2, 4)),
    )


def _point(at_ms: int, x_m: float, y_m: float) -> PathPoint:
    depth = y_m * _COS + VIEW.height_m * _SIN
    return PathPoint(
        captured_ms=at_ms,
        x_m=x_m,
        y_m=y_m,
        x_px=VIEW.width_px / 2 + VIEW.focal_px * x_m / depth,
        y_px=VIEW.height_px / 2 - VIEW.focal_px * (y_m * _SIN - VIEW.height_m * _COS) / depth,
    )


def _frame(what: Look, number: int, point: PathPoint, confidence: float) -> FrameRef:
    x, y = point.x_px, point.y_px
    return FrameRef(
        captured_ms=point.captured_ms,
        evidence_ref=f"frames/{what.camera_id}/{point.captured_ms}-{number:09d}.jpg",
        sha256=_DIGESTS[number % 64],
        x1=x - 120.0,
        y1=y - 180.0,
        x2=x + 120.0,
        y2=y,
        plate_x1=x - 40.0,
        plate_y1=y - 60.0,
        plate_x2=x + 40.0,
        plate_y2=y - 40.0,
        plate_text=what.plate,
        plate_confidence=confidence,
    )

"""A track: what is known of one vehicle, person or bicycle while it is before the camera."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from waysight.domain import looks
from waysight.domain.geometry import (
    Box,
    Point,
    apply_homography,
    area,
    contact,
    ground_error_m,
    inside,
    same_side,
)
from waysight.domain.movement import Movement, ahead, corrected
from waysight.domain.observations import Seen
from waysight.domain.scene import Scene
from waysight.domain.speed import Fix
from waysight.domain.voting import Read
from waysight.messages.perception import Detections

MOST_PLACES = 64
MOST_VIEWS = 16
_EDGE_PX = 3.0
_LEAST_NOISE_PX = 1.5
_NOISE_OF_HEIGHT = 0.02
_UNKNOWN = "unknown"
_BODY_OF_PLATE = (1.5, 4.0)  # half extents of what carries a plate, in plates


@dataclass(frozen=True, slots=True)
class View:
    """One frame of a track: its time, kept picture, box (px), and the plate on it."""

    captured_ms: int
    evidence_ref: str
    sha256: str
    box: Box
    plate_box: Box | None = None
    read: Read | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """One point of a path: image px, and road plane (m) where calibrated and the contact is in the picture."""

    captured_ms: int
    x_px: float
    y_px: float
    fix: Fix | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """State of one track; `ground` is where it was last (m); frames are numbered from the epoch's first."""

    sighting_id: str
    epoch: str
    first_ms: int
    last_ms: int
    hits: int
    best_score: float
    score_sum: float
    box: Box
    movement: Movement
    first_frame: int = 0
    last_frame: int = 0
    at_edge: bool = False
    ground: Point | None = None
    labels: tuple[tuple[str, float], ...] = ()
    colours: tuple[tuple[str, float], ...] = ()
    looks: looks.Sum = ()
    places: tuple[Place, ...] = ()
    views: tuple[View, ...] = ()
    zones: tuple[tuple[str, int], ...] = ()
    clock_error_ms: int = 0
    received_ms: int = 0
    models: str = ""
    revision: int = -1
    told: str = ""

    @property
    def strength(self) -> float:
        """How surely it was there (0..1): the mean score of its views, less where it was missed in between."""
        present = self.hits / (self.last_frame - self.first_frame + 1)
        return self.score_sum / self.hits * math.sqrt(math.sqrt(present))

    @property
    def reads(self) -> tuple[Read, ...]:
        """The reads of its views."""
        return tuple(v.read for v in self.views if v.read is not None)

    @property
    def label(self) -> str:
        """The class with most weight."""
        return leading(self.labels)[0]


def born(sighting_id: str, scene: Scene, frame: Detections, seen: Seen, number: int) -> Track:
    """A track of one observation, on the frame of this number."""
    track = Track(
        sighting_id=sighting_id,
        epoch=frame.epoch,
        first_ms=frame.captured_ms,
        last_ms=frame.captured_ms,
        hits=0,
        best_score=0.0,
        score_sum=0.0,
        box=seen.box,
        movement=Movement(body(seen.label, seen.box)),
        first_frame=number,
    )
    return grown(track, scene, frame, seen, number, track.movement)


def grown(
    track: Track, scene: Scene, frame: Detections, seen: Seen, number: int, movement: Movement
) -> Track:
    """A track with one more observation, on the frame of this number; `movement` led to it from the last."""
    usable = fix_of(scene, frame, seen.box)
    place = Place(frame.captured_ms, *contact(seen.box), usable)
    dt = (frame.captured_ms - track.last_ms) / 1000.0
    moved = seen.label != "plate" or not track.labels or track.label == "plate"
    if dt > 0:
        movement = _moved(track, movement, seen, dt) if moved else ahead(movement, dt)
    view = View(
        frame.captured_ms, frame.evidence_ref, frame.evidence_sha256, seen.box, seen.plate_box, seen.read
    )
    return replace(
        track,
        last_ms=frame.captured_ms,
        hits=track.hits + 1,
        best_score=max(track.best_score, seen.score),
        score_sum=track.score_sum + seen.score,
        box=seen.box if moved else track.box,
        at_edge=cut_off(frame, seen.box) if moved else track.at_edge,
        movement=movement,
        last_frame=number,
        ground=ground_of(scene, frame, seen.box) if moved else track.ground,
        labels=_labels(track, seen),
        colours=_colours(track, seen),
        looks=_looks(track, frame, seen),
        places=_thinned((*track.places, place)) if moved else track.places,
        views=_best_views((*track.views, view)),
        zones=_entered(track.zones, scene, frame, seen) if moved else track.zones,
        clock_error_ms=frame.clock_error_ms,
        received_ms=frame.received_ms,
        models=frame.models,
    )


def body(label: str, box: Box) -> Box:
    """The box whose size is a thing's measure: its own; for a plate that of something that carries it."""
    if label != "plate":
        return box
    x, y, (wide, high) = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, _BODY_OF_PLATE
    w, h = (box[2] - box[0]) * wide, (box[3] - box[1]) * high
    return x - w, y - h, x + w, y + h


def _moved(track: Track, movement: Movement, seen: Seen, dt: float) -> Movement:
    if (track.label == "plate") != (seen.label == "plate"):
        return Movement(seen.box)  # the vehicle around a plate, seen for the first time
    return corrected(ahead(movement, dt), body(seen.label, seen.box), dt)


def leading(weights: tuple[tuple[str, float], ...]) -> tuple[str, float]:
    """The name with most weight and its share (0..1) of all weight; ("", 0.0) when nothing has a name."""
    name, weight = max((w for w in weights if w[0]), key=lambda w: (w[1], w[0]), default=("", 0.0))
    return name, weight / (sum(w for _, w in weights) or 1.0)


def _labels(track: Track, seen: Seen) -> tuple[tuple[str, float], ...]:
    if seen.label == "plate":
        return _added(track.labels, seen.label, 0.05)
    sure = seen.label_confidence or 1.0
    return _shared(track.labels, seen.label, seen.score, sure)


def _colours(track: Track, seen: Seen) -> tuple[tuple[str, float], ...]:
    if not seen.colour:
        return track.colours
    sure = 0.0 if seen.colour == _UNKNOWN else seen.colour_confidence
    return _shared(track.colours, seen.colour, 1.0, sure)


def _shared(
    weights: tuple[tuple[str, float], ...], name: str, weight: float, sure: float
) -> tuple[tuple[str, float], ...]:
    """A view's weight goes to its name as far as it is sure, the rest to no name, "": so shares stay probabilities."""
    named = _added(weights, name, weight * sure) if sure > 0.0 else weights
    return _added(named, "", weight * (1.0 - sure)) if sure < 1.0 else named


def _looks(track: Track, frame: Detections, seen: Seen) -> looks.Sum:
    """The sum of its views' looks: near views weigh more, and a view cut off at the edge only if it is the first."""
    if not seen.looks or (track.looks and cut_off(frame, seen.box)):
        return track.looks
    return looks.added(track.looks, seen.looks, max(1, min(16, int((seen.box[2] - seen.box[0]) / 16))))


def scaled(scene: Scene, frame: Detections, point: Point) -> Point:
    """A point of the frame (px) in the picture size that calibration and zones are given in."""
    width, height = scene.calibration_size
    if not (width and height and frame.width and frame.height):
        return point
    return point[0] * width / frame.width, point[1] * height / frame.height


def fix_of(scene: Scene, frame: Detections, box: Box) -> Fix | None:
    """Where a box's object stands on the road plane; None without calibration or a contact in the picture."""
    ground = None if cut_off(frame, box) else ground_of(scene, frame, box)
    if ground is None or scene.homography is None:
        return None
    noise = max(_LEAST_NOISE_PX, _NOISE_OF_HEIGHT * (box[3] - box[1]))
    if frame.height and scene.calibration_size[1]:
        noise *= scene.calibration_size[1] / frame.height
    errors = ground_error_m(scene.homography, scaled(scene, frame, contact(box)), noise)
    return Fix(frame.captured_ms, *ground, *errors)


def ground_of(scene: Scene, frame: Detections, box: Box) -> Point | None:
    """The road point (m) under the middle of a box's lower edge, cut off or not; None beyond the horizon."""
    if scene.homography is None:
        return None
    point = scaled(scene, frame, contact(box))
    bottom = (scene.calibration_size[0] / 2, float(scene.calibration_size[1]))
    return apply_homography(scene.homography, point) if same_side(scene.homography, point, bottom) else None


def cut_off(frame: Detections, box: Box) -> bool:
    """Whether the picture's edge hides where a box's object touches the ground."""
    below = frame.height and box[3] >= frame.height - _EDGE_PX
    aside = box[0] <= _EDGE_PX or (frame.width and box[2] >= frame.width - _EDGE_PX)
    return bool(below or aside)


def _entered(
    zones: tuple[tuple[str, int], ...], scene: Scene, frame: Detections, seen: Seen
) -> tuple[tuple[str, int], ...]:
    if not scene.zones:
        return zones
    x, y = contact(seen.box)
    # A zone drawn to the picture's edge holds what is cut off there.
    within = min(max(x, 1.0), frame.width - 1.0), min(max(y, 1.0), frame.height - 1.0)
    point = scaled(scene, frame, within)
    counts = dict(zones)
    for zone in scene.zones:
        if inside(zone.polygon, point):
            counts[zone.zone_id] = counts.get(zone.zone_id, 0) + 1
    return tuple(sorted(counts.items()))


def _thinned(places: tuple[Place, ...]) -> tuple[Place, ...]:
    """At most MOST_PLACES: the inner point whose neighbours are nearest in time goes; first and last stay."""
    if len(places) <= MOST_PLACES:
        return places
    gone = min(
        range(1, len(places) - 1), key=lambda i: (places[i + 1].captured_ms - places[i - 1].captured_ms, i)
    )
    return places[:gone] + places[gone + 1 :]


def _best_views(views: tuple[View, ...]) -> tuple[View, ...]:
    """At most MOST_VIEWS: the one with the least sure read goes, among those the smallest."""
    if len(views) <= MOST_VIEWS:
        return views
    worst = min(
        range(len(views)),
        key=lambda i: (r.confidence if (r := views[i].read) else 0.0, area(views[i].box), i),
    )
    return views[:worst] + views[worst + 1 :]


def _added(weights: tuple[tuple[str, float], ...], name: str, weight: float) -> tuple[tuple[str, float], ...]:
    table = dict(weights)
    table[name] = table.get(name, 0.0) + weight
    return tuple(table.items())

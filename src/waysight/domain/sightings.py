"""From a camera's detections to sightings: early ones while a vehicle passes, a final one when it is gone.

A sighting is told as soon as the voted plate passes the alert gate, again when the vote changes, and for
good when its track ends. Time is told on as watermarks that hold back for what is still open.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from waysight.domain import looks
from waysight.domain.geometry import area
from waysight.domain.observations import VEHICLES
from waysight.domain.plates import PlateFormats
from waysight.domain.scene import Scene
from waysight.domain.speed import Fix, measure
from waysight.domain.tracking import CameraTracks, TrackingRules
from waysight.domain.tracking import step as track_step
from waysight.domain.tracks import Track, View, leading
from waysight.domain.voting import VotedPlate, vote
from waysight.domain.watermarks import Progress
from waysight.messages.perception import Detections, FrameRef, PathPoint, PlateCandidate, Sighting

_SPARSE_MS = 800
_NOWHERE = math.nan
_LEAST_COLOUR = 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class SightingRules:
    """Gates (0..1) of reads and tracks; `hold_ms` is the longest that an open track holds time back.

    `least_strength` is the share of the strength of good tracks of the class that a track must have to be told
    without a sure plate; people, whom nothing but the detector vouches for, need more.
    """

    tracking: TrackingRules = TrackingRules()
    formats: tuple[PlateFormats, ...] = ()
    search_gate: float = 0.5
    alert_gate: float = 0.8
    sure_score: float = 0.5
    sure_single: float = 0.7
    least_strength: float = 0.5
    least_strength_of_people: float = 0.79
    hold_ms: int = 30_000


@dataclass(frozen=True, slots=True)
class Pictured:
    """What one frame gave: sightings in order, and how far time has come when the frame tells it on."""

    sightings: tuple[Sighting, ...] = ()
    progress: Progress | None = None


def step(
    rules: SightingRules, scene: Scene, state: CameraTracks, frame: Detections
) -> tuple[CameraTracks, Pictured]:
    """Apply one detections record of a camera; a record applied before gives nothing.

    The sightings carry origin fields of 0: the caller knows what message it reads.
    """
    stale = frame.epoch == state.epoch and frame.seq <= state.last_seq
    interval_ms = state.interval_ms
    state, over = track_step(rules.tracking, scene, state, frame)
    if stale:
        return state, Pictured()
    told = [
        _sighting(scene, track, voted, frame, final=True)
        for track in over
        if (voted := _worth_telling(rules, scene, track, interval_ms, state.usual)) is not None
    ]
    tracks = []
    for track in state.tracks:
        if track.last_ms == frame.captured_ms and frame.kind == "frame" and track.views[-1].read is not None:
            voted = vote(track.reads, rules.formats, scene.home)
            if voted.confidence >= rules.alert_gate and voted.text != track.told:
                track = replace(track, told=voted.text, revision=track.revision + 1)
                told.append(_sighting(scene, track, voted, frame, final=False))
        tracks.append(track)
    if frame.kind == "frame":
        return replace(state, tracks=tuple(tracks)), Pictured(tuple(told))
    complete = _complete_ms(rules, state, frame)
    return replace(state, tracks=tuple(tracks)), Pictured(
        tuple(told), Progress(complete, frame.kind == "end")
    )


def _complete_ms(rules: SightingRules, state: CameraTracks, frame: Detections) -> int:
    """Nothing up to then will come: neither the track itself nor what enforcement finds on its path."""
    held = [max(t.first_ms, frame.captured_ms - rules.hold_ms) - 1 for t in state.tracks]
    return min([frame.captured_ms, *held])


def _worth_telling(
    rules: SightingRules,
    scene: Scene,
    track: Track,
    interval_ms: float,
    usual: tuple[tuple[str, float], ...],
) -> VotedPlate | None:
    """The plate of a finished track that was a real thing; None for a flicker of the detector."""
    voted = vote(track.reads, rules.formats, scene.home)
    once = voted.votes < 2 and track.hits >= 3 and not voted.country  # many frames, and only one shows it
    if voted.confidence < (rules.alert_gate if once else rules.search_gate):
        voted = VotedPlate(candidates=voted.candidates)
    sure_plate = voted.confidence >= rules.alert_gate
    if track.revision >= 0 or (sure_plate and (track.label != "plate" or voted.votes >= 2)):
        return voted
    if track.label == "plate":
        return None
    if track.hits == 1:
        return voted if interval_ms >= _SPARSE_MS and track.best_score >= rules.sure_single else None
    least_hits = 2 if interval_ms >= _SPARSE_MS / 2 else 3
    real = track.best_score >= rules.sure_score and track.score_sum / track.hits >= 0.7 * rules.sure_score
    share = rules.least_strength_of_people if track.label == "person" else rules.least_strength
    real = real and track.strength >= share * dict(usual).get(track.label, 0.0)
    return voted if track.hits >= least_hits and real else None


def _sighting(scene: Scene, track: Track, voted: VotedPlate, frame: Detections, *, final: bool) -> Sighting:
    best, second = _frames(track, voted.text)
    motion = measure(_fixes(track), scene.calibration_error_m, scene.calibration_sways)
    label, label_confidence = leading(track.labels)
    colour, colour_confidence = _colour(track)
    return Sighting(
        sighting_id=track.sighting_id,
        revision=track.revision + 1 if final else track.revision,
        final=final,
        camera_id=scene.camera_id,
        epoch=track.epoch,
        label=label,  # type: ignore[arg-type]
        label_confidence=round(label_confidence, 4),
        first_ms=track.first_ms,
        last_ms=track.last_ms,
        clock_error_ms=track.clock_error_ms,
        frames=track.hits,
        plate=voted.text,
        plate_country=voted.country,
        plate_confidence=voted.confidence,
        plate_confidences=voted.confidences,
        plate_candidates=tuple(PlateCandidate(text=t, confidence=c) for t, c in voted.candidates),
        plate_votes=voted.votes,
        colour=colour,
        colour_confidence=round(colour_confidence, 4),
        looks=looks.mean(track.looks) if label in VEHICLES else "",
        speed_kmh=None if motion is None else round(motion.speed_kmh, 3),
        speed_error_kmh=None if motion is None else round(motion.error_kmh, 3),
        path=_path(track),
        zones=tuple(z for z, count in track.zones if count >= min(2, track.hits)),
        dwell_ms=track.last_ms - track.first_ms,
        best_frame=_reference(best),
        second_frame=_reference(second) if second is not None else None,
        models=track.models,
        captured_ms=track.last_ms,
        emitted_ms=frame.captured_ms,
        received_ms=track.received_ms,
        origin_partition=0,
        origin_offset=0,
        ordinal=0,
    )


def _colour(track: Track) -> tuple[str, float]:
    """The colour that most views speak for; "unknown" when they see one and are not sure, "" when none was looked for."""
    colour, confidence = leading(track.colours)
    if not track.colours or confidence >= _LEAST_COLOUR:
        return colour, confidence
    return "unknown", confidence


def _fixes(track: Track) -> list[Fix]:
    return [p.fix for p in track.places if p.fix is not None]


def _path(track: Track) -> tuple[PathPoint, ...]:
    return tuple(
        PathPoint(
            captured_ms=p.captured_ms,
            x_m=p.fix.x_m if p.fix else _NOWHERE,
            y_m=p.fix.y_m if p.fix else _NOWHERE,
            x_px=p.x_px,
            y_px=p.y_px,
        )
        for p in track.places
    )


def _frames(track: Track, plate: str) -> tuple[View, View | None]:
    """The frame that shows the plate best, and another that shows it too, as far away in time as may be."""
    best = max(track.views, key=lambda v: _worth(v, plate))
    others: Sequence[View] = [v for v in track.views if v.captured_ms != best.captured_ms]
    others = [v for v in others if v.evidence_ref] or others
    same = [v for v in others if plate and v.read is not None and v.read.text == plate]
    chosen = same or others
    if not chosen:
        return best, None
    return best, max(chosen, key=lambda v: (abs(v.captured_ms - best.captured_ms), v.captured_ms))


def _worth(view: View, plate: str) -> tuple[bool, bool, float, float, int]:
    shows = bool(plate) and view.read is not None and view.read.text == plate
    sure = view.read.confidence if view.read is not None and shows else 0.0
    return bool(view.evidence_ref), shows, sure, area(view.box), -view.captured_ms


def _reference(view: View) -> FrameRef:
    plate = view.plate_box or (0.0, 0.0, 0.0, 0.0)
    return FrameRef(
        captured_ms=view.captured_ms,
        evidence_ref=view.evidence_ref,
        sha256=view.sha256,
        x1=view.box[0],
        y1=view.box[1],
        x2=view.box[2],
        y2=view.box[3],
        plate_x1=plate[0],
        plate_y1=plate[1],
        plate_x2=plate[2],
        plate_y2=plate[3],
        plate_text=view.read.text if view.read else "",
        plate_confidence=view.read.confidence if view.read else 0.0,
    )


def is_vehicle(label: str) -> bool:
    """Whether traffic rules apply to a thing of this class: vehicles, and plates whose vehicle was not made out."""
    return label in VEHICLES or label == "plate"

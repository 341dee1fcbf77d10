"""Many tracks before one camera, from keyframes (about 1 a second) to full video.

Each frame's things are assigned to the tracks at least total cost. The cost is where the thing stands
against where the track would be by now (on the road plane where calibrated, in the picture otherwise),
and the plate: equal reads bind over any distance that the time allows, two sure and different reads
never join. A track that nothing has fed for a while is over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from waysight.domain.assignment import assign
from waysight.domain.courses import MOST_COURSES, Course, course_of, guesses
from waysight.domain.geometry import Box, Point, area, centre, iou, overlap, shifted
from waysight.domain.ids import derive_id
from waysight.domain.movement import Movement, ahead, size_of, surprise
from waysight.domain.observations import TWO_WHEELS, VEHICLES, Seen, observe
from waysight.domain.plates import differing
from waysight.domain.scene import Scene
from waysight.domain.tracks import Track, body, born, fix_of, ground_of, grown
from waysight.messages.perception import Detections

_FORBIDDEN = math.inf
_AGREED = 0.02
_OTHER_CLASS = 0.1
_SUREST, _STRANGER = -9.0, 4.0  # surprise of a certain match, and from which on it is something new
_ABSENCE = 0.5  # surprise that a second unseen adds
_FORGOTTEN_HITS = 1000  # a weak track of so many views moves the strength of good ones half-way down
_PROVEN = 3  # views from which on a track may outlast a few frames without any
_FLOW_BLEND = 0.3
_RECENT = 6  # fixes that say how fast it goes now
_LOST_S = 2.5  # whoever stands elsewhere after so long is somebody else
_SPARSE_S = 0.6  # from this gap on, frames are keyframes: pictures of one vehicle need not overlap


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingRules:
    """Gates of the tracker; times in ms, lengths in m, rates in m/s."""

    least_score: float = 0.25
    birth_score: float = 0.35
    sure_read: float = 0.75
    fastest_mps: float = 60.0
    silence_ms: int = 1600
    silence_frames: float = 2.6
    longest_silence_ms: int = 12_000
    standing_silence_ms: int = 8_000
    most_tracks: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraTracks:
    """Tracker state of one camera; `flow` holds the usual velocity (m/s) of each direction of travel.

    `frames` counts those applied; `courses` are the latest movements in the picture, oldest first;
    `usual` is the strength of each class's good tracks so far: what a detector's scores are worth here.
    """

    epoch: str = ""
    last_seq: int = -1
    last_ms: int = 0
    frame_ms: int = 0
    interval_ms: float = 0.0
    tracks: tuple[Track, ...] = ()
    flow: tuple[Point, ...] = ()
    frames: int = 0
    courses: tuple[Course, ...] = ()
    usual: tuple[tuple[str, float], ...] = ()


def step(
    rules: TrackingRules, scene: Scene, state: CameraTracks, frame: Detections
) -> tuple[CameraTracks, tuple[Track, ...]]:
    """Apply one frame, watermark or end; gives the new state and the tracks that are over, oldest first.

    A frame that was applied before (same epoch, sequence not higher) changes nothing. A new epoch ends
    the tracks of the one before.
    """
    over: tuple[Track, ...] = ()
    if frame.epoch != state.epoch:
        over, state = state.tracks, CameraTracks(epoch=frame.epoch, flow=state.flow, usual=state.usual)
    elif frame.seq <= state.last_seq:
        return state, ()
    state = replace(state, last_seq=frame.seq, last_ms=max(state.last_ms, frame.captured_ms))
    if frame.kind == "end":
        return replace(state, tracks=()), (*over, *state.tracks)
    if frame.kind == "frame":
        state = replace(
            state,
            interval_ms=_interval(state, frame),
            frame_ms=frame.captured_ms,
            frames=state.frames + 1,
        )
    quiet = tuple(t for t in state.tracks if _silent(rules, state, t, frame))
    if quiet:
        alive = tuple(t for t in state.tracks if t not in quiet)
        state = replace(state, tracks=alive, flow=_flow(state.flow, quiet), usual=_usual(state.usual, quiet))
    if frame.kind == "frame":
        state = _associated(rules, scene, state, frame)
    return state, (*over, *quiet)


def _associated(rules: TrackingRules, scene: Scene, state: CameraTracks, frame: Detections) -> CameraTracks:
    things = [s for s in observe(frame) if s.score >= rules.least_score]
    spots = [_spot(scene, frame, s.box) for s in things]
    ways = [guesses(state.courses, t.label, t.movement, t.hits, t.last_ms) for t in state.tracks]
    costs = [
        [_cost(rules, state, t, w, s, p, frame) for s, p in zip(things, spots, strict=True)]
        for t, w in zip(state.tracks, ways, strict=True)
    ]
    pairs = dict(assign(costs, 1.0))
    tracks = list(state.tracks)
    courses = list(state.courses)
    for i, rank in pairs.items():
        old, thing = tracks[i], things[rank]
        dt = (frame.captured_ms - old.last_ms) / 1000.0
        way = min(ways[i], key=lambda w: surprise(w, body(thing.label, thing.box), dt))
        tracks[i] = new = grown(old, scene, frame, thing, state.frames, way)
        if "plate" not in (thing.label, old.label):
            courses.append(
                course_of(new.label, frame.captured_ms, old.box, new.box, dt, new.movement, new.hits)
            )
    taken = set(pairs.values())
    fed = [tracks[i] for i in pairs]
    for rank, thing in enumerate(things):
        if rank in taken or len(tracks) >= rules.most_tracks:
            continue
        if thing.score < rules.birth_score and thing.read is None:
            continue
        if any(_shadow(t, thing) for t in fed):
            continue
        identity = derive_id("sighting", frame.camera_id, frame.epoch, frame.seq, rank)
        tracks.append(born(identity, scene, frame, thing, state.frames))
    return replace(state, tracks=tuple(tracks), courses=tuple(courses[-MOST_COURSES:]))


def _cost(
    rules: TrackingRules,
    state: CameraTracks,
    track: Track,
    ways: Sequence[Movement],
    thing: Seen,
    spot: _Spot | None,
    frame: Detections,
) -> float:
    dt = (frame.captured_ms - track.last_ms) / 1000.0
    if dt <= 0 or not _same_kind(track.label, thing.label):
        return _FORBIDDEN
    agreement = _plates(rules, track, thing)
    if agreement < 0:
        return _FORBIDDEN
    place = _place_cost(rules, state, track, ways, thing, spot, dt)
    if agreement > 0:
        return _AGREED * min(1.0, place)
    if thing.score < rules.birth_score and iou(_expected(track, dt), thing.box) < 0.4:
        return _FORBIDDEN
    return place + (_OTHER_CLASS if track.label != thing.label else 0.0)


def _same_kind(a: str, b: str) -> bool:
    vehicle = VEHICLES | {"plate"}
    return a == b or (a in vehicle and b in vehicle) or (a in TWO_WHEELS and b in TWO_WHEELS)


def _plates(rules: TrackingRules, track: Track, thing: Seen) -> int:
    """1: both read the same plate; -1: two sure reads of different plates; 0: nothing to say."""
    if thing.read is None:
        return 0
    reads = [r for r in track.reads if r.confidence >= 0.5]
    if not reads:
        return 0
    best = max(reads, key=lambda r: (r.confidence, r.text))
    mine, other = thing.read.text, best.text
    if mine == other or any(r.text == mine for r in reads):
        return 1 if thing.read.confidence >= 0.5 and len(mine) >= 5 else 0
    sure = min(thing.read.confidence, best.confidence) >= rules.sure_read
    far = differing(mine, other) >= 2 and mine not in other and other not in mine
    return -1 if sure and far else 0


def _place_cost(
    rules: TrackingRules,
    state: CameraTracks,
    track: Track,
    ways: Sequence[Movement],
    thing: Seen,
    spot: _Spot | None,
    dt: float,
) -> float:
    if thing.label == "plate" or track.label == "plate":
        return _plate_cost(track, ways, thing, dt)
    picture = _picture_cost(track, ways, thing, dt)
    if spot is None or track.ground is None or (dt < _SPARSE_S and picture <= 1.0):
        return picture
    return _road_cost(rules, state, track, spot, dt)


def _picture_cost(track: Track, ways: Sequence[Movement], thing: Seen, dt: float) -> float:
    if dt > _LOST_S and iou(_expected(track, dt), thing.box) < 0.4:
        return _FORBIDDEN
    seen = body(thing.label, thing.box)
    found = min(surprise(way, seen, dt) for way in ways) + _ABSENCE * dt
    return max(0.0, (found - _SUREST) / (_STRANGER - _SUREST)) if found < _STRANGER else _FORBIDDEN


def _road_cost(rules: TrackingRules, state: CameraTracks, track: Track, spot: _Spot, dt: float) -> float:
    assert track.ground is not None
    start, noise = track.ground, 3.0 * spot.error_m + 1.0
    velocity = _ground_velocity(track)
    if velocity is not None:
        gate = noise + 1.0 + 5.0 * dt
        off = spot.off(start, velocity, dt)
        return off / gate if off <= gate else _FORBIDDEN
    aside = abs(spot.x_m - start[0]) / (2.5 + noise)
    if aside > 1.0 or math.hypot(spot.x_m - start[0], spot.y_m - start[1]) > rules.fastest_mps * dt + noise:
        return _FORBIDDEN
    guesses = state.flow if dt >= _SPARSE_S and state.flow else ((0.0, 0.0), *state.flow)
    off = min(spot.off(start, v, dt) for v in guesses)
    return 0.2 + 0.7 * min(1.0, off / (12.0 * dt + noise)) + 0.1 * aside


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a box stands on the road (m); cut off below, it may be nearer to the camera than it looks."""

    x_m: float
    y_m: float
    error_m: float
    cut: bool

    def off(self, start: Point, velocity: Point, dt: float) -> float:
        """Distance (m) from where a track would be."""
        ahead = self.y_m - start[1] - velocity[1] * dt
        return math.hypot(self.x_m - start[0] - velocity[0] * dt, max(0.0, -ahead) if self.cut else ahead)


def _spot(scene: Scene, frame: Detections, box: Box) -> _Spot | None:
    ground = ground_of(scene, frame, box)
    if ground is None:
        return None
    fix = fix_of(scene, frame, box)
    error = math.hypot(fix.x_error_m, fix.y_error_m) if fix else 1.0
    return _Spot(*ground, error, fix is None)


def _ground_velocity(track: Track) -> Point | None:
    """Velocity (m/s) over the last few fixes; None with fewer than two."""
    fixes = [p.fix for p in track.places[-_RECENT:] if p.fix is not None]
    if len(fixes) < 2:
        return None
    times = [(f.captured_ms - fixes[0].captured_ms) / 1000.0 for f in fixes]
    middle = sum(times) / len(times)
    spread = sum((t - middle) ** 2 for t in times)
    if spread <= 0:
        return None
    vx = sum((t - middle) * f.x_m for t, f in zip(times, fixes, strict=True)) / spread
    vy = sum((t - middle) * f.y_m for t, f in zip(times, fixes, strict=True)) / spread
    return vx, vy


def _plate_cost(track: Track, ways: Sequence[Movement], thing: Seen, dt: float) -> float:
    """A plate on no detected vehicle: it belongs to the track on whose expected box it lies."""
    expected = _expected(track, dt)
    within = overlap(expected, thing.box) / max(min(area(thing.box), area(expected)), 1.0)
    if within > 0.7:
        return 0.6
    if track.label == thing.label:
        return _picture_cost(track, ways, thing, dt)
    return _FORBIDDEN


def _expected(track: Track, dt: float) -> Box:
    box = ahead(track.movement, dt).box
    if track.label != "plate":
        return box
    (x, y), (u, v) = centre(box), centre(track.box)
    return shifted(track.box, x - u, y - v)


def _shadow(track: Track, thing: Seen) -> bool:
    """A second box of a vehicle that this frame has fed already."""
    return _same_kind(track.label, thing.label) and iou(track.box, thing.box) > 0.5


def _interval(state: CameraTracks, frame: Detections) -> float:
    gap = frame.captured_ms - state.frame_ms if state.frame_ms else 0
    if gap <= 0:
        return state.interval_ms
    return float(gap) if not state.interval_ms else 0.8 * state.interval_ms + 0.2 * gap


def _silent(rules: TrackingRules, state: CameraTracks, track: Track, frame: Detections) -> bool:
    quiet_ms = frame.captured_ms - track.last_ms
    if not quiet_ms:
        return False
    limit = max(float(rules.silence_ms), rules.silence_frames * state.interval_ms)
    limit = min(limit, rules.longest_silence_ms)
    if track.hits < _PROVEN and not track.reads and state.interval_ms:
        return quiet_ms > min(limit, rules.silence_frames * state.interval_ms)
    if track.hits >= 4 and _standing(track):
        limit = max(limit, rules.standing_silence_ms)
    elif _leaving(track, frame):
        limit /= 2
    return quiet_ms > limit


def _standing(track: Track) -> bool:
    return not track.at_edge and max(map(abs, track.movement.velocity)) < 0.05 * size_of(track.movement.box)


def _leaving(track: Track, frame: Detections) -> bool:
    if not frame.width or track.hits < 2:
        return False
    x, y = centre(_expected(track, (frame.captured_ms - track.last_ms) / 1000.0))
    return not (0 < x < frame.width and 0 < y < frame.height)


def _usual(usual: tuple[tuple[str, float], ...], over: tuple[Track, ...]) -> tuple[tuple[str, float], ...]:
    table = dict(usual)
    for track in over:
        if track.hits >= _PROVEN:
            old = table.get(track.label, 0.0)
            slow = 1.0 if track.strength > old else track.hits / (track.hits + _FORGOTTEN_HITS)
            table[track.label] = old + (track.strength - old) * slow
    return tuple(sorted(table.items()))


def _flow(flow: tuple[Point, ...], over: tuple[Track, ...]) -> tuple[Point, ...]:
    """The usual velocity towards and away from the camera, from tracks that were measured twice or more."""
    known = {v[1] > 0: v for v in flow}
    for track in over:
        fixes = [p.fix for p in track.places if p.fix is not None]
        if len(fixes) < 2 or track.label not in VEHICLES:
            continue
        seconds = (fixes[-1].captured_ms - fixes[0].captured_ms) / 1000.0
        if seconds <= 0:
            continue
        vx, vy = (fixes[-1].x_m - fixes[0].x_m) / seconds, (fixes[-1].y_m - fixes[0].y_m) / seconds
        if math.hypot(vx, vy) < 3.0:
            continue
        old = known.get(vy > 0, (vx, vy))
        known[vy > 0] = (
            (1 - _FLOW_BLEND) * old[0] + _FLOW_BLEND * vx,
            (1 - _FLOW_BLEND) * old[1] + _FLOW_BLEND * vy,
        )
    return tuple(known[side] for side in sorted(known))

"""Section control: distance over time between two cameras, both bounded in the driver's favour.

The shortest distance that the survey and the two places allow, over the longest time that the two clocks
allow, must still pass the limit by the law's threshold. One limit for the whole section.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from waysight.domain.enforcement.case import Law, local_day, violation
from waysight.domain.geometry import apply_homography, ground_error_m
from waysight.domain.plates import resolved
from waysight.domain.scene import Scene, SectionPlan
from waysight.messages.enforcement import Violation
from waysight.messages.perception import PathPoint, Sighting

PURPOSE = "section_control"
FASTEST_KMH = 300.0
SLACK_MS = 5_000
ORPHAN_MS = 600_000
_COVERAGE = 1.96
_PLACE_PX = 4.0
_UNSEEN_ERROR_M = 15.0  # without calibration: anywhere in the legible part of the view
_UNSURE_M = 2.0  # a box cut off at the side still stands on its lower edge
_EDGE_PX = 3.0
_MOST_LENGTH_CORRECTION_M = 250.0


@dataclass(frozen=True, slots=True)
class End:
    """A pass at one end: when, how far before the end's surveyed line (m, along travel), and its bound (m)."""

    at_ms: int
    before_m: float
    error_m: float
    sighting: Sighting


@dataclass(frozen=True, slots=True)
class SectionState:
    """Passes that wait for their other end, and each camera's direction of travel (sign of Y over time)."""

    entries: tuple[End, ...] = ()
    exits: tuple[End, ...] = ()
    entry_side: int = 0
    exit_side: int = 0


def longest_ms(plan: SectionPlan) -> int:
    """Beyond this time the section was driven within the limit: nobody needs to wait longer."""
    return math.ceil((plan.length_m + _MOST_LENGTH_CORRECTION_M) / plan.limit_kmh * 3600) + SLACK_MS


def step(
    law: Law, plan: SectionPlan, entry: Scene, exit_: Scene, state: SectionState, sighting: Sighting
) -> tuple[SectionState, tuple[Violation, ...]]:
    """Apply a pass at either end; it meets the earliest pass at the other end that it can belong to."""
    if not sighting.plate:
        return state, ()
    if sighting.camera_id == plan.entry:
        side = entry.traffic or _side(sighting) or state.entry_side
        state = replace(state, entry_side=side)
        here = _end(entry, plan.entry_ground_y_m, side, sighting)
        partner = _first(law, plan, (here,), state.exits)
        if partner is None:
            return replace(state, entries=(*state.entries, here)), ()
        kept = tuple(e for e in state.exits if e is not partner[1])
        return replace(state, exits=kept), _judged(law, plan, entry, exit_, here, partner[1])
    side = exit_.traffic or _side(sighting) or state.exit_side
    state = replace(state, exit_side=side)
    here = _end(exit_, plan.exit_ground_y_m, side, sighting)
    partner = _first(law, plan, state.entries, (here,))
    if partner is None:
        return replace(state, exits=(*state.exits, here)), ()
    left = tuple(e for e in state.entries if not _same_plate(law, e, here) or e.at_ms > here.at_ms)
    return replace(state, entries=left), _judged(law, plan, entry, exit_, partner[0], here)


def forget(plan: SectionPlan, state: SectionState, camera_id: str, captured_ms: int) -> SectionState:
    """Drop what no later pass can meet, now that all of one camera up to a time is known.

    What waits for a camera that stays silent goes after ten minutes of the other camera's time.
    """
    longest = longest_ms(plan)
    entry_wait = longest if camera_id == plan.exit else longest + ORPHAN_MS
    exit_wait = SLACK_MS if camera_id == plan.entry else longest + ORPHAN_MS
    entries = tuple(e for e in state.entries if e.at_ms + entry_wait >= captured_ms)
    exits = tuple(e for e in state.exits if e.at_ms + exit_wait >= captured_ms)
    if len(entries) == len(state.entries) and len(exits) == len(state.exits):
        return state
    return replace(state, entries=entries, exits=exits)


def _first(
    law: Law, plan: SectionPlan, entries: Iterable[End], exits: Iterable[End]
) -> tuple[End, End] | None:
    least = (plan.length_m - _MOST_LENGTH_CORRECTION_M) / FASTEST_KMH * 3600
    pairs = [
        (entry, leaving)
        for entry in entries
        for leaving in exits
        if max(least, 0.0) < leaving.at_ms - entry.at_ms <= longest_ms(plan)
        and _same_plate(law, entry, leaving)
    ]
    return min(pairs, key=lambda p: (p[0].at_ms, p[1].at_ms)) if pairs else None


def _same_plate(law: Law, a: End, b: End) -> bool:
    if a.sighting.plate == b.sighting.plate:
        return True
    return not resolved(a.sighting.plate, law.formats).isdisjoint(resolved(b.sighting.plate, law.formats))


def _judged(
    law: Law, plan: SectionPlan, entry: Scene, exit_: Scene, first: End, last: End
) -> tuple[Violation, ...]:
    duration_ms = last.at_ms - first.at_ms
    clocks_ms = first.sighting.clock_error_ms + last.sighting.clock_error_ms
    distance = plan.length_m + first.before_m - last.before_m
    error_m = math.sqrt((_COVERAGE * plan.length_error_m) ** 2 + first.error_m**2 + last.error_m**2)
    measured = distance / duration_ms * 3600
    enforced = max(0.0, distance - error_m) / (duration_ms + clocks_ms) * 3600
    if enforced < plan.limit_kmh + law.threshold_kmh(plan.country, "average_speed", last.at_ms):
        return ()
    obstacles = [*_law_obstacles(law, plan, last.at_ms)]
    if first.sighting.plate != last.sighting.plate:
        obstacles.append("reads_differ")
    if (first.sighting.label == "motorcycle") != (last.sighting.label == "motorcycle"):
        obstacles.append("class_differs")
    found = violation(
        law,
        "average_speed",
        (entry, exit_),
        (first.sighting, last.sighting),
        last.at_ms,
        country=plan.country,
        obstacles=obstacles,
        subject=plan.section_id,
        evidence=(first.sighting.best_frame, last.sighting.best_frame),
        section_id=plan.section_id,
        measured_kmh=round(measured, 3),
        uncertainty_kmh=round(measured - enforced, 3),
        enforced_kmh=round(enforced, 3),
        limit_kmh=plan.limit_kmh,
        distance_m=round(distance - error_m, 3),
        duration_ms=duration_ms + clocks_ms,
    )
    return (found,)


def _law_obstacles(law: Law, plan: SectionPlan, at_ms: int) -> list[str]:
    pack = law.packs.get(plan.country)
    offence = pack.offence("average_speed") if pack else None
    if pack is None or offence is None or offence.tariff_on(local_day(pack, at_ms)) is None:
        return []  # the case itself names the missing pack or tariff
    found = []
    if offence.road_classes and plan.road_class not in offence.road_classes:
        found.append("road_class")
    if offence.straight_only and not plan.straight:
        found.append("not_straight")
    return found


def _end(scene: Scene, line_y_m: float, side: int, sighting: Sighting) -> End:
    """The place that the evidence frame shows; else the one nearest to the camera, where errors are least."""
    kept = replace(sighting, path=(), plate_candidates=(), plate_confidences=())
    shown_ms = sighting.best_frame.captured_ms if sighting.best_frame else sighting.last_ms
    spots = [s for p in sighting.path if (s := _spot(scene, p)) is not None]
    if not spots:
        return End(shown_ms, 0.0, _UNSEEN_ERROR_M, kept)
    at_ms, y_m, error = min(spots, key=lambda s: (s[2] > _UNSURE_M, s[0] != shown_ms, abs(s[1]), s[0]))
    off = y_m - line_y_m
    if side == 0:  # towards or away is unknown: either may be the truth
        return End(at_ms, 0.0, abs(off) + error, kept)
    return End(at_ms, -side * off, error + scene.calibration_error_m, kept)


def _spot(scene: Scene, place: PathPoint) -> tuple[int, float, float] | None:
    """Time, Y (m) and its bound (m) of a point of a path; one at the picture's edge is less sure."""
    if scene.homography is None:
        return None
    point = (place.x_px, place.y_px)
    ground = apply_homography(scene.homography, point)
    if ground is None:
        return None
    _, error = ground_error_m(scene.homography, point, _PLACE_PX)
    if not math.isnan(place.y_m):
        return place.captured_ms, place.y_m, error
    below = place.y_px >= scene.calibration_size[1] - _EDGE_PX
    return place.captured_ms, ground[1], error + (_UNSEEN_ERROR_M if below else _UNSURE_M)


def _side(sighting: Sighting) -> int:
    """1 when the pass goes away from the camera, -1 towards it, 0 when that cannot be seen."""
    places = [p for p in sighting.path if not math.isnan(p.y_m)]
    if len(places) < 2 or abs(places[-1].y_m - places[0].y_m) < 2.0:
        return 0
    return 1 if places[-1].y_m > places[0].y_m else -1

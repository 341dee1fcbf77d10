"""Section control: distance over time between two cameras, both bounded in the driver's favour.

The shortest distance that the survey and the two places allow, over the longest time that the two clocks
allow, must still pass the limit by the law's threshold. One limit for the whole section: the surveyed one,
or the highest that its sign showed during the passage.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from waysight.domain.enforcement import device_plates
from waysight.domain.enforcement.case import Law, in_favour_kmh, local_day, violation
from waysight.domain.enforcement.shown import KEEP_MS, Shown, highest_limit_kmh, settled
from waysight.domain.geometry import apply_homography, ground_error_m
from waysight.domain.plates import resolved
from waysight.domain.scene import Scene, SectionPlan
from waysight.domain.watermarks import Progress
from waysight.messages.enforcement import Violation
from waysight.messages.perception import PathPoint, Sighting

PURPOSE = "section_control"
FASTEST_KMH = 300.0
SLACK_MS = 5_000
ORPHAN_MS = 600_000
LOWEST_LIMIT_KMH = 20.0
_COVERAGE = 1.96
_LEAST_CANDIDATE = 0.1
_PLACE_PX = 4.0
_UNSEEN_ERROR_M = 15.0  # without calibration: anywhere in the legible part of the view
_UNSURE_M = 2.0  # a box cut off at the side still stands on its lower edge
_EDGE_PX = 3.0
_MOST_LENGTH_CORRECTION_M = 250.0


@dataclass(frozen=True, slots=True)
class End:
    """A pass at one end: when, how far before the end's surveyed line (m, along travel), and its bound (m).

    `texts` are the plates that it may be, without its own: look-alikes and the reader's other candidates.
    """

    at_ms: int
    before_m: float
    error_m: float
    sighting: Sighting
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SectionState:
    """Entries that may still meet an exit, and exits that wait until everything before them is known."""

    entries: tuple[End, ...] = ()
    exits: tuple[End, ...] = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """What is left, what was found, and how many passages had a limit that nobody knows."""

    state: SectionState
    found: tuple[Violation, ...] = ()
    undecided: int = 0


def longest_ms(plan: SectionPlan) -> int:
    """Beyond this time the section was driven within any limit: nobody needs to wait longer."""
    limit = min(plan.limit_kmh, LOWEST_LIMIT_KMH) if plan.variable_limit else plan.limit_kmh
    return math.ceil((plan.length_m + _MOST_LENGTH_CORRECTION_M) / limit * 3600) + SLACK_MS


def keep_sign_ms(plan: SectionPlan) -> int:
    """How far back what a section's sign showed may still be asked for."""
    return 2 * KEEP_MS + ORPHAN_MS + longest_ms(plan)


def seen(
    law: Law, plan: SectionPlan, entry: Scene, exit_: Scene, state: SectionState, sighting: Sighting
) -> SectionState:
    """The state with a pass at either end; `decided` says what follows from it."""
    if not sighting.plate:
        return state
    if sighting.camera_id == plan.entry:
        return replace(state, entries=(*state.entries, _end(law, entry, plan.entry_ground_y_m, sighting)))
    return replace(state, exits=(*state.exits, _end(law, exit_, plan.exit_ground_y_m, sighting)))


def decided(
    law: Law,
    plan: SectionPlan,
    entry: Scene,
    exit_: Scene,
    state: SectionState,
    reached: tuple[Progress | None, Progress | None],
    sign: Shown,
) -> Decided:
    """Judge, in order of time, the exits before which everything is known: both cameras' passes and the limit.

    `reached` is how far the passes of entry and exit have come. So the order of arrival changes nothing. An
    exit meets the earliest pass at the entry that it can belong to: the longest time is in the driver's favour.
    """
    found: list[Violation] = []
    entries, undecided = state.entries, 0
    waiting = sorted(state.exits, key=_order)
    patience_ms = _patience_ms(entry, exit_)
    while waiting and _known(waiting[0], reached, patience_ms):
        here = waiting[0]
        partner = _partner(plan, entries, here)
        limit: float | None = plan.limit_kmh
        if partner is not None and plan.variable_limit:
            start = partner.at_ms - partner.sighting.clock_error_ms
            end = here.at_ms + here.sighting.clock_error_ms
            silent = reached[1] is not None and reached[1].captured_ms >= here.sighting.last_ms + KEEP_MS
            if not settled(sign, end) and not silent:
                break
            limit = highest_limit_kmh(sign, plan.limit_kmh, start, end)
            undecided += limit is None
        waiting.pop(0)
        if partner is not None:
            entries = tuple(e for e in entries if not _same_plate(e, here) or _order(e) > _order(here))
            found += _judged(law, plan, entry, exit_, partner, here, limit)
    rest = SectionState(_kept(plan, entries, waiting, reached, patience_ms), tuple(waiting))
    return Decided(state if rest == state else rest, tuple(found), undecided)


def _order(end: End) -> tuple[int, str]:
    return end.sighting.last_ms, end.sighting.sighting_id


def _patience_ms(*ends: Scene) -> int:
    """How long one end is waited for; its passes may themselves wait for what a device that fell silent read."""
    return ORPHAN_MS + (KEEP_MS if any(map(device_plates.awaits, ends)) else 0)


def _known(leaving: End, reached: tuple[Progress | None, Progress | None], patience_ms: int) -> bool:
    """Whether no pass can come any more that belongs before an exit; a silent entry is waited for ten minutes."""
    entered, left = reached
    last_ms = leaving.sighting.last_ms
    if left is None or not (left.end or left.captured_ms >= last_ms):
        return False
    if entered is not None and (entered.end or entered.captured_ms >= last_ms):
        return True
    return left.captured_ms >= last_ms + patience_ms


def _kept(
    plan: SectionPlan,
    entries: tuple[End, ...],
    waiting: list[End],
    reached: tuple[Progress | None, Progress | None],
    patience_ms: int,
) -> tuple[End, ...]:
    """Entries that a later exit can still meet; where the exit is silent they stay for ten minutes."""
    entered, left = reached
    longest = longest_ms(plan)
    oldest = -math.inf
    if left is not None:
        oldest = left.captured_ms - longest
    if entered is not None:
        oldest = max(oldest, entered.captured_ms - longest - patience_ms)
    if waiting:
        oldest = min(oldest, min(w.at_ms for w in waiting) - longest)
    return tuple(e for e in entries if e.sighting.last_ms >= oldest)


def _partner(plan: SectionPlan, entries: Iterable[End], leaving: End) -> End | None:
    least = max((plan.length_m - _MOST_LENGTH_CORRECTION_M) / FASTEST_KMH * 3600, 0.0)
    longest = longest_ms(plan)
    fits = [
        e
        for e in entries
        if least < leaving.at_ms - e.at_ms <= longest
        and _order(e) <= _order(leaving)
        and (_same_plate(e, leaving) or _maybe_same(e, leaving))
    ]
    return min(fits, key=lambda e: (not _same_plate(e, leaving), e.at_ms, _order(e))) if fits else None


def _same_plate(a: End, b: End) -> bool:
    return a.sighting.plate == b.sighting.plate


def _maybe_same(a: End, b: End) -> bool:
    mine, other = {a.sighting.plate, *a.texts}, {b.sighting.plate, *b.texts}
    return not mine.isdisjoint(other)


def _judged(
    law: Law, plan: SectionPlan, entry: Scene, exit_: Scene, first: End, last: End, limit_kmh: float | None
) -> tuple[Violation, ...]:
    if limit_kmh is None:
        return ()
    duration_ms = last.at_ms - first.at_ms
    clocks_ms = first.sighting.clock_error_ms + last.sighting.clock_error_ms
    distance = plan.length_m + first.before_m - last.before_m
    error_m = math.sqrt((_COVERAGE * plan.length_error_m) ** 2 + first.error_m**2 + last.error_m**2)
    measured = distance / duration_ms * 3600
    least = max(0.0, distance - error_m) / (duration_ms + clocks_ms) * 3600
    tolerance = law.tolerance_kmh(plan.country, "average_speed", limit_kmh, last.at_ms)
    enforced = in_favour_kmh(least - tolerance)
    if not law.over(plan.country, "average_speed", enforced, limit_kmh, last.at_ms):
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
        uncertainty_kmh=round(measured - least, 3),
        tolerance_kmh=tolerance,
        enforced_kmh=enforced,
        limit_kmh=limit_kmh,
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


def _end(law: Law, scene: Scene, line_y_m: float, sighting: Sighting) -> End:
    """The place that the evidence frame shows; else the one nearest to the camera, where errors are least."""
    texts = set(resolved(sighting.plate, law.formats))
    texts.update(c.text for c in sighting.plate_candidates if c.confidence >= _LEAST_CANDIDATE)
    others = tuple(sorted(texts - {sighting.plate}))
    side = scene.traffic or _side(sighting)
    kept = replace(sighting, path=(), plate_candidates=(), plate_confidences=())
    shown_ms = sighting.best_frame.captured_ms if sighting.best_frame else sighting.last_ms
    spots = [s for p in sighting.path if (s := _spot(scene, p)) is not None]
    if not spots:
        return End(shown_ms, 0.0, _UNSEEN_ERROR_M, kept, others)
    at_ms, y_m, error = min(spots, key=lambda s: (s[2] > _UNSURE_M, s[0] != shown_ms, abs(s[1]), s[0]))
    off = y_m - line_y_m
    if side == 0:  # towards or away is unknown: either may be the truth
        return End(at_ms, 0.0, abs(off) + error, kept, others)
    return End(at_ms, -side * off, error + scene.calibration_error_m, kept, others)


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

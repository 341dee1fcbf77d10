"""When, where and for which vehicles an entry of a watchlist holds: validity, hours, area, direction, looks."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from waysight.domain.places import covers
from waysight.domain.scene import Scene
from waysight.messages.governance import Person, WatchlistEntry
from waysight.messages.perception import Sighting

OCTANTS = ("n", "ne", "e", "se", "s", "sw", "w", "nw")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LEAST_LABEL, LEAST_COLOUR = 0.6, 0.5
_DAY_MIN = 24 * 60
_LEAST_WAY_M, _LEAST_WAY_PX = 2.0, 24.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPAN = re.compile(
    r"(?:(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))? +)?"
    r"(?P<h1>\d\d?):(?P<m1>\d\d)-(?P<h2>\d\d?):(?P<m2>\d\d)"
)


@dataclass(frozen=True, slots=True)
class Span:
    """Minutes of a local day, [start, end); an end beyond 1,440 belongs to the next morning. Days from 0 (Monday)."""

    days: frozenset[int]
    start_min: int
    end_min: int


@lru_cache(maxsize=4096)
def spans_of(hours: str) -> tuple[Span, ...] | None:
    """Active hours, e.g. "mon-fri 22:00-06:00, sun 00:00-24:00"; None when they cannot be read.

    Without days they hold every day; a span that ends at or before its start runs into the next morning.
    """
    found = []
    for part in re.split(r"[,;]", hours.lower()):
        match = _SPAN.fullmatch(part.strip())
        if match is None:
            return None
        first, last = match["first"], match["last"] or match["first"]
        start, end = (int(match[f"h{n}"]) * 60 + int(match[f"m{n}"]) for n in (1, 2))
        minutes_fit = int(match["m1"]) < 60 and int(match["m2"]) < 60
        if not minutes_fit or start >= _DAY_MIN or end > _DAY_MIN or {first, last} - {None, *DAYS}:
            return None
        days = range(7) if first is None else _from_to(DAYS.index(first), DAYS.index(last))
        found.append(Span(frozenset(days), start, end if end > start else end + _DAY_MIN))
    return tuple(found)


def active(hours: str, at_ms: int, timezone: str) -> bool:
    """Whether a time (UTC epoch ms) is within active hours of a time zone; empty: always, unreadable: never."""
    if not hours:
        return True
    local = (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(ZoneInfo(timezone))
    day, minute = local.weekday(), local.hour * 60 + local.minute
    return any(
        (day in s.days and s.start_min <= minute < s.end_min)
        or ((day - 1) % 7 in s.days and minute + _DAY_MIN < s.end_min)
        for s in spans_of(hours) or ()
    )


def octant(scene: Scene, sighting: Sighting) -> str:
    """Compass octant a vehicle travels to, from where the camera looks and whether it goes away; "" when unknown."""
    side = scene.traffic or _side(sighting)
    if scene.bearing_deg is None or side == 0:
        return ""
    heading_deg = scene.bearing_deg + (0.0 if side > 0 else 180.0)
    return OCTANTS[int((heading_deg % 360.0 + 22.5) // 45.0) % 8]


def in_force(record: WatchlistEntry | Person, at_ms: int) -> bool:
    """Whether an entry or warrant may match at a time: begun, not expired; a revoked one never again."""
    return record.revoked_ms is None and record.valid_from_ms <= at_ms < record.expires_ms


def holds(entry: WatchlistEntry, scene: Scene, at_ms: int) -> bool:
    """Whether an entry is in force at a time (UTC epoch ms), within its hours and area, before a camera."""
    return in_force(entry, at_ms) and covers(entry.area, scene) and active(entry.hours, at_ms, scene.timezone)


def meets(entry: WatchlistEntry, scene: Scene, sighting: Sighting) -> bool:
    """Whether an entry holds for a sighting; an unknown direction never meets an entry that asks for one."""
    if not holds(entry, scene, sighting.captured_ms):
        return False
    return not entry.direction or entry.direction == octant(scene, sighting)


def contradicts(entry: WatchlistEntry, sighting: Sighting) -> bool:
    """Whether a sighting surely shows another class or colour than the entry states."""
    other_label = entry.label and sighting.label not in (entry.label, "plate")
    other_colour = entry.colour and sighting.colour not in (entry.colour, "", "unknown")
    return bool(
        (other_label and sighting.label_confidence >= LEAST_LABEL)
        or (other_colour and sighting.colour_confidence >= LEAST_COLOUR)
    )


def shows(entry: WatchlistEntry, sighting: Sighting) -> bool:
    """Whether a sighting surely shows the class and colour that an entry states."""
    label = not entry.label or (sighting.label == entry.label and sighting.label_confidence >= LEAST_LABEL)
    colour = not entry.colour or (
        sighting.colour == entry.colour and sighting.colour_confidence >= LEAST_COLOUR
    )
    return label and colour


def _side(sighting: Sighting) -> int:
    """1 when a pass goes away from the camera, -1 towards it, 0 when that cannot be seen."""
    if len(sighting.path) < 2:
        return 0
    first, last = sighting.path[0], sighting.path[-1]
    way_m = last.y_m - first.y_m
    if not math.isnan(way_m):
        return 0 if abs(way_m) < _LEAST_WAY_M else 1 if way_m > 0 else -1
    way_px = first.y_px - last.y_px
    return 0 if abs(way_px) < _LEAST_WAY_PX else 1 if way_px > 0 else -1


def _from_to(first: int, last: int) -> list[int]:
    return [(first + n) % 7 for n in range((last - first) % 7 + 1)]

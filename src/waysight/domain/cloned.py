"""Cloned plates: one plate at two places that no vehicle could reach in time, or on two different vehicles.

What is said of an episode follows from the set of its sightings, in whatever order they come.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from waysight.domain.fresh_alert import fresh_alert
from waysight.domain.ids import derive_id
from waysight.domain.recent import Seen, Span
from waysight.domain.scene import Scene
from waysight.messages.governance import Alert

KIND = "cloned_plate"
PLATES = Span(key=lambda seen: seen.plate, within_ms=3_600_000, late_ms=600_000)
_EARTH_M = 6_335_439.0  # the least radius of curvature of WGS 84: on this sphere every way is shorter than on the ground
_KINDS = {"car": "car", "truck": "heavy", "bus": "heavy", "motorcycle": "motorcycle"}
Reason = Literal["too_fast", "two_vehicles"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClonedRules:
    """On whose behalf and by what law cloned plates are looked for, and from when on a pair is one.

    `place_error_m` bounds how far a vehicle may be from its camera's place; `plausible_kmh` is what no vehicle keeps
    up across a city; `sure_label` is the least confidence (0..1) of both classes.
    """

    legal_basis: str
    authority: str
    audience: str = ""
    priority: int = 3
    plausible_kmh: float = 250.0
    place_error_m: float = 100.0
    sure_label: float = 0.9
    episode_ms: int = 3_600_000


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sightings of a plate that one vehicle cannot have made; `later` by time, then by id."""

    later: Seen
    earlier: Seen
    reason: Reason

    @property
    def at(self) -> tuple[int, str, str]:
        """By what the first pair of an episode is chosen."""
        return (*self.later.at, self.earlier.sighting_id)


@dataclass(frozen=True, slots=True)
class Episode:
    """One plate's pairs of an hour: the first, the newest, and the ids of all their sightings, in order."""

    first: Pair
    newest: Pair
    sighting_ids: tuple[str, ...]


def compare(rules: ClonedRules, a: Seen, b: Seen, scene_a: Scene, scene_b: Scene) -> Pair | None:
    """The pair when two sightings of one plate cannot be one vehicle, whichever is given first; else None."""
    too_fast = _too_fast(rules, a, b, scene_a, scene_b)
    if not too_fast and not _two_vehicles(rules, a, b):
        return None
    earlier, later = sorted((a, b), key=lambda s: s.at)
    return Pair(later, earlier, "too_fast" if too_fast else "two_vehicles")


def episode_key(rules: ClonedRules, pair: Pair) -> str:
    """Which episode a pair belongs to."""
    return f"{pair.later.plate}|{pair.later.last_ms // rules.episode_ms}"


def joined(episode: Episode | None, pair: Pair) -> Episode:
    """The episode with one more pair; the same pairs in any order give the same episode."""
    if episode is None:
        return Episode(pair, pair, tuple(sorted((pair.later.sighting_id, pair.earlier.sighting_id))))
    ids = {*episode.sighting_ids, pair.later.sighting_id, pair.earlier.sighting_id}
    return Episode(
        min(episode.first, pair, key=lambda p: p.at),
        max(episode.newest, pair, key=lambda p: p.at),
        tuple(sorted(ids)),
    )


def alert(rules: ClonedRules, key: str, episode: Episode, scene: Scene, now_ms: int) -> Alert:
    """The alert of an episode, as if told for the first time; `scene` is where its first pair's later sighting was.

    Both sightings are named and no picture is attached: evidence is kept with the sightings.
    """
    first, newest = episode.first, episode.newest
    later = first.later
    return fresh_alert(
        scene,
        later.last_ms,
        alert_id=derive_id("alert", KIND, key),
        kind=KIND,
        priority=rules.priority,
        subject=later.plate,
        plate=later.plate,
        legal_basis=rules.legal_basis,
        authority=rules.authority,
        case_number="",
        audience=rules.audience,
        sighting_id=later.sighting_id,
        raised_ms=now_ms,
        plate_confidence=later.plate_confidence,
        label=later.label,
        colour="",
        matched="cloned" if first.reason == "too_fast" else "two_vehicles",
        sightings=len(episode.sighting_ids),
        last_seen_ms=newest.later.last_ms,
        last_camera_id=newest.later.camera_id,
        other_camera_id=first.earlier.camera_id,
        other_sighting_id=first.earlier.sighting_id,
    )


def distance_m(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float:
    """A way between two places (degrees, WGS 84) that none over the ground undercuts, m.

    Haversine on a sphere of WGS 84's least radius of curvature: at most 1 % shorter than the geodesic, never longer.
    """
    up, across = math.radians(lat_b - lat_a) / 2, math.radians(lon_b - lon_a) / 2
    shrunk = math.cos(math.radians(lat_a)) * math.cos(math.radians(lat_b))
    half = math.sin(up) ** 2 + shrunk * math.sin(across) ** 2
    return 2 * _EARTH_M * math.asin(min(1.0, math.sqrt(half)))


def pairs(
    rules: ClonedRules, seen: Seen, others: Iterable[Seen], scene: Callable[[str], Scene]
) -> tuple[Pair, ...]:
    """The pairs that a sighting makes with others of its plate."""
    here, found = scene(seen.camera_id), []
    for other in others:
        there = scene(other.camera_id)
        if seen.label == other.label and not _too_fast(rules, seen, other, here, there):
            continue
        pair = compare(rules, seen, other, here, there)
        if pair is not None:
            found.append(pair)
    return tuple(found)


@lru_cache(maxsize=1 << 16)
def _needed_ms(lat_a: float, lon_a: float, lat_b: float, lon_b: float, spared_m: float, kmh: float) -> float:
    """The time that a way takes at least, less `spared_m` of it."""
    return (distance_m(lat_a, lon_a, lat_b, lon_b) - spared_m) * 3600 / kmh


def _too_fast(rules: ClonedRules, a: Seen, b: Seen, scene_a: Scene, scene_b: Scene) -> bool:
    """Whether even the longest time that both sightings and clocks allow is too short for the shortest way."""
    if a.camera_id == b.camera_id or None in (scene_a.lat, scene_a.lon, scene_b.lat, scene_b.lon):
        return False
    ends = scene_a.lat, scene_a.lon, scene_b.lat, scene_b.lon
    needed_ms = _needed_ms(*ends, 2 * rules.place_error_m, rules.plausible_kmh)
    longest_ms = max(b.last_ms - a.first_ms, a.last_ms - b.first_ms) + a.clock_error_ms + b.clock_error_ms
    return longest_ms < needed_ms


def _two_vehicles(rules: ClonedRules, a: Seen, b: Seen) -> bool:
    if a.label == b.label or min(a.label_confidence, b.label_confidence) < rules.sure_label:
        return False
    kinds = _KINDS.get(a.label), _KINDS.get(b.label)
    return None not in kinds and kinds[0] != kinds[1]

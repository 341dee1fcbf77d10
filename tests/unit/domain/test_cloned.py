"""Cloned plates: what no vehicle can do is found, what one can do is not, in whatever order it comes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightings import placed, sighting

from waysight.domain import cloned
from waysight.domain.recent import Recent, Seen
from waysight.domain.scene import Scene

RULES = cloned.ClonedRules(legal_basis="law", authority="police")
KM = {"west": 0.0, "mid": 10.0, "east": 60.0}
SCENES = {name: placed(name, km) for name, km in KM.items()}


def _seen(camera: str, at_s: float, **change: object) -> Seen:
    return Seen.of(sighting(camera, "123ABC02", round(at_s * 1000), **change))


def _compare(a: Seen, b: Seen) -> cloned.Pair | None:
    return cloned.compare(RULES, a, b, SCENES[a.camera_id], SCENES[b.camera_id])


@pytest.mark.parametrize(
    ("a", "b", "found"),
    [
        (_seen("west", 0), _seen("east", 600), "too_fast"),  # 60 km in ten minutes
        (_seen("west", 0), _seen("east", 1000), None),  # 216 km/h
        (_seen("west", 600), _seen("east", 0), "too_fast"),  # the other way
        (_seen("west", 0), _seen("west", 5), None),
        (_seen("west", 0), _seen("east", 600, clock_error_ms=400_000), None),  # a clock that may be wrong
        (_seen("west", 0), _seen("east", 900, label="truck"), "two_vehicles"),
        (_seen("west", 0), _seen("west", 900, label="motorcycle"), "two_vehicles"),
        (_seen("west", 0), _seen("east", 900, label="truck", label_confidence=0.8), None),
        (_seen("west", 0), _seen("east", 900, label="plate"), None),
        (
            _seen("west", 0, label="bus"),
            _seen("east", 900, label="truck"),
            None,
        ),  # readers of shapes differ here
    ],
)
def test_a_pair_is_judged_alike_from_both_ends(a: Seen, b: Seen, found: str | None) -> None:
    pair, turned = _compare(a, b), _compare(b, a)
    assert pair == turned
    assert (pair.reason if pair else None) == found
    if pair is not None:
        assert pair.earlier.last_ms <= pair.later.last_ms


def test_a_camera_without_a_place_is_nowhere_else() -> None:
    nowhere = Scene(camera_id="nowhere")
    assert cloned.compare(RULES, _seen("west", 0), _seen("nowhere", 1), SCENES["west"], nowhere) is None


@given(st.floats(-80, 80), st.floats(-179, 179), st.floats(-0.9, 0.9), st.floats(-0.9, 0.9))
def test_a_way_is_never_too_long(lat: float, lon: float, up: float, across: float) -> None:
    """Against the ellipsoid's own metric, integrated along the straight line of the map, which is no shorter way."""
    steps, walked = 200, 0.0
    for n in range(steps):
        walked += math.hypot(*_metres(lat + up * (n + 0.5) / steps, up / steps, across / steps))
    way = cloned.distance_m(lat, lon, lat + up, lon + across)
    assert way <= walked * 1.000001
    assert way >= 0.97 * walked - 0.01


def _metres(lat: float, up: float, across: float) -> tuple[float, float]:
    """Metres north and east of small steps in degrees on WGS 84."""
    a, e2, phi = 6_378_137.0, 0.00669437999014, math.radians(lat)
    bent = 1 - e2 * math.sin(phi) ** 2
    return (
        math.radians(up) * a * (1 - e2) / bent**1.5,
        math.radians(across) * a / math.sqrt(bent) * math.cos(phi),
    )


PLACES = st.tuples(st.sampled_from(sorted(KM)), st.integers(0, 7200), st.sampled_from(["car", "truck"]))


@given(st.lists(PLACES, min_size=2, max_size=9, unique=True), st.randoms(use_true_random=False))
def test_the_order_of_sightings_changes_no_episode(
    places: list[tuple[str, int, str]], random: object
) -> None:
    seen = [
        replace_id(_seen(camera, at_s, label=label), f"{camera}{at_s}{label}")
        for camera, at_s, label in places
    ]
    shuffled = list(seen)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert _episodes(seen) == _episodes(shuffled)


def replace_id(seen: Seen, name: str) -> Seen:
    return seen._replace(sighting_id=name)


def _episodes(seen: list[Seen]) -> dict[str, cloned.Episode]:
    recent, found = Recent(cloned.PLATES), dict[str, cloned.Episode]()
    for one in seen:
        others = recent.meet(one)
        assert recent.meet(one) is None, "what comes again is known"
        for pair in cloned.pairs(RULES, one, others or (), SCENES.__getitem__):
            key = cloned.episode_key(RULES, pair)
            found[key] = cloned.joined(found.get(key), pair)
    return found


def test_an_alert_names_both_sightings_and_who_asks() -> None:
    pair = _compare(_seen("west", 0), _seen("east", 600))
    assert pair is not None
    alert = cloned.alert(RULES, "k", cloned.joined(None, pair), replace(SCENES["east"], group="ring"), 5)
    assert (alert.camera_id, alert.other_camera_id) == ("east", "west")
    assert alert.sighting_id != alert.other_sighting_id
    assert (alert.legal_basis, alert.authority, alert.matched) == ("law", "police", "cloned")
    assert (alert.subject, alert.sightings, alert.camera_group) == ("123ABC02", 2, "ring")

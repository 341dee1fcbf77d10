"""Speed, its bound, line crossings and the assignment they feed on."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import Pinhole

from waysight.domain.assignment import assign
from waysight.domain.geometry import apply_homography, beyond_line_m, ground_error_m, inside
from waysight.domain.speed import Fix, crossing_ms, measure

CAMERA = Pinhole(1500.0, 6.0, 12.0)


@given(st.floats(-8, 8), st.floats(8, 120))
def test_homography_is_the_inverse_of_the_view(x_m: float, y_m: float) -> None:
    found = apply_homography(CAMERA.homography(), CAMERA.pixel(x_m, y_m))
    assert found == pytest.approx((x_m, y_m), abs=1e-6)


def test_error_grows_with_distance() -> None:
    near = ground_error_m(CAMERA.homography(), CAMERA.pixel(0, 20), 1.0)
    far = ground_error_m(CAMERA.homography(), CAMERA.pixel(0, 80), 1.0)
    assert far[1] > 10 * near[1]


def _fixes(rng: random.Random, speed_mps: float, error_m: float, count: int) -> list[Fix]:
    return [
        Fix(
            i * 200,
            rng.gauss(0, error_m / 3),
            80 - speed_mps * i / 5 + rng.gauss(0, error_m),
            error_m / 3,
            error_m,
        )
        for i in range(count)
    ]


def test_bound_covers_the_truth() -> None:
    rng, covered = random.Random(5), 0
    for _ in range(300):
        motion = measure(_fixes(rng, 22.0, 0.5, 12))
        assert motion is not None
        covered += abs(motion.speed_kmh - 79.2) <= motion.error_kmh
    assert covered >= 270


def test_one_wild_fix_is_left_out() -> None:
    fixes = _fixes(random.Random(1), 20.0, 0.2, 10)
    wild = [*fixes[:4], Fix(800, 0.0, 95.0, 0.1, 0.2), *fixes[5:]]
    motion = measure(wild)
    assert motion is not None
    assert motion.speed_kmh == pytest.approx(72.0, abs=2.0)


def test_calibration_error_is_never_averaged_away() -> None:
    fixes = _fixes(random.Random(2), 20.0, 0.1, 30)
    plain, surveyed = measure(fixes), measure(fixes, 0.3)
    assert plain is not None
    assert surveyed is not None
    duration_s = (fixes[-1].captured_ms - fixes[0].captured_ms) / 1000
    assert surveyed.error_kmh >= 1.96 * math.sqrt(2) * 0.3 / duration_s * 3.6
    assert surveyed.error_kmh > plain.error_kmh


def test_too_little_gives_nothing() -> None:
    assert measure([]) is None
    assert measure([Fix(0, 0, 0, 1, 1)]) is None


def test_crossing() -> None:
    assert crossing_ms([0, 100, 200], [-2, -1, 1], 0.0) == 150
    assert crossing_ms([0, 100], [1, 2], 0.0) is None


def test_polygons_and_lines() -> None:
    square = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)]
    assert inside(square, (2, 2))
    assert not inside(square, (5, 2))
    assert beyond_line_m(((-50.0, 20.0), (50.0, 20.0)), (3.0, 23.0)) == pytest.approx(3.0)


@given(st.integers(0, 10_000))
def test_assignment_is_optimal(seed: int) -> None:
    rng = random.Random(seed)
    rows, columns = rng.randint(1, 4), rng.randint(1, 4)
    costs = [[rng.choice([math.inf, rng.random() * 10]) for _ in range(columns)] for _ in range(rows)]
    found = assign(costs, 6.0)
    cost = sum(costs[i][j] for i, j in found) + 6.0 * (rows - len(found))
    best = math.inf
    for choice in itertools.product(range(-1, columns), repeat=rows):
        used = [c for c in choice if c >= 0]
        if len(used) == len(set(used)):
            best = min(best, sum(6.0 if c < 0 else costs[i][c] for i, c in enumerate(choice)))
    assert cost == pytest.approx(best)


def test_a_stalled_end_is_left_out() -> None:
    fixes = _fixes(random.Random(3), 20.0, 0.15, 24)
    last = fixes[18]
    stalled = [*fixes[:19], *(Fix(f.captured_ms, last.x_m, last.y_m, 0.05, 0.05) for f in fixes[19:])]
    motion = measure(stalled)
    assert motion is not None
    assert motion.speed_kmh == pytest.approx(72.0, abs=1.5)
    assert motion.fixes <= 21


def test_errors_that_last_widen_the_bound() -> None:
    rng, covered, widths = random.Random(9), 0, []
    for _ in range(150):
        drift, fixes = 0.0, []
        for i in range(60):
            drift = 0.9 * drift + rng.gauss(0.0, 0.15)
            fixes.append(Fix(20 * i, 0.0, 80.0 - 22.0 * i / 50 + drift, 0.1, 0.15))
        motion = measure(fixes)
        assert motion is not None
        widths.append(motion.tracking_kmh)
        covered += abs(motion.speed_kmh - 79.2) <= 1.96 * motion.tracking_kmh
    assert covered >= 125
    assert sorted(widths)[75] < 2.5


def test_a_sway_of_the_plane_counts_in_full() -> None:
    fixes = _fixes(random.Random(4), 20.0, 0.1, 30)
    stretched = (1.0, 0.0, 0.0, 0.0, 1.02, 0.0, 0.0, 0.0, 1.0)
    motion = measure(fixes, 0.0, [stretched, stretched])
    assert motion is not None
    assert motion.calibration_kmh == pytest.approx(math.sqrt(2) * 0.02 * 72.0, rel=0.05)
    parts = (motion.tracking_kmh, motion.calibration_kmh, motion.clock_kmh, motion.model_kmh)
    assert motion.error_kmh == pytest.approx(1.96 * math.hypot(*parts))


def test_the_same_moment_twice_is_one_fix() -> None:
    fixes = _fixes(random.Random(6), 20.0, 0.1, 10)
    assert measure([*fixes[:5], *fixes[4:]]) == measure(fixes)


@given(st.integers(-(10**12), 10**12))
def test_shifted_times_give_the_same_motion(shift_ms: int) -> None:
    fixes = _fixes(random.Random(8), 17.0, 0.3, 9)
    moved = [Fix(f.captured_ms + shift_ms, f.x_m, f.y_m, f.x_error_m, f.y_error_m) for f in fixes]
    assert measure(moved) == measure(fixes)

"""Intervals of rate ratios: right by simulation, symmetric, wider with scatter."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waysight.reporting.rate_ratios import change, change_against, dispersion

counts = st.integers(1, 10_000)


def test_the_interval_is_that_of_the_textbook() -> None:
    found = change([(100, 10)], [(50, 10)])
    assert found is not None
    assert found.value == pytest.approx(0.5)
    assert math.log(found.high / found.low) / 2 == pytest.approx(1.96 * math.sqrt(1 / 100 + 1 / 50), rel=1e-4)
    assert found.clear


def test_nothing_counted_after_still_gives_an_interval() -> None:
    found = change([(8, 12)], [(0, 12)])
    assert found is not None
    assert 0 < found.low < found.value < 0.2
    assert change([], [(1, 1)]) is None


@given(counts, counts, counts, counts)
def test_swapping_before_and_after_inverts_the_ratio(a: int, b: int, c: int, d: int) -> None:
    one, other = (
        change_against([(a, 3)], [(b, 2)], [(c, 3)], [(d, 2)]),
        change_against([(b, 2)], [(a, 3)], [(d, 2)], [(c, 3)]),
    )
    assert one is not None
    assert other is not None
    assert one.value * other.value == pytest.approx(1)
    assert one.low * other.high == pytest.approx(1)


def test_95_of_100_intervals_hold_the_true_effect() -> None:
    random = np.random.default_rng(6)
    inside = 0
    for _ in range(1000):
        cells = [[(float(n), 1.0) for n in random.poisson(mean, 12)] for mean in (20, 12, 30, 30)]
        found = change_against(*cells)
        assert found is not None
        inside += found.low <= 0.6 <= found.high
    assert 0.93 <= inside / 1000 <= 0.985


def test_months_that_scatter_widen_the_interval() -> None:
    even, uneven = [(10.0, 1.0)] * 6, [(1.0, 1.0), (19.0, 1.0)] * 3
    assert dispersion([even]) == 1
    assert dispersion([uneven]) == pytest.approx(6 * 8.1 / 5)
    narrow, wide = change(even, even), change(uneven, uneven)
    assert narrow is not None
    assert wide is not None
    assert wide.high > narrow.high

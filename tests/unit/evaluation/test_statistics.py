"""Intervals, bounds and reliability against values worked out by hand or published."""

from __future__ import annotations

import pytest

from waysight.evaluation.statistics import rate, reliability, upper_bound, wilson


def test_wilson_equals_the_published_example() -> None:
    assert wilson(86, 108) == pytest.approx((0.7108, 0.8614), abs=5e-4)
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10)[1] == 1.0
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_upper_bound_of_no_error_is_the_rule_of_three() -> None:
    assert upper_bound(0, 100) == pytest.approx(1 - 0.05 ** (1 / 100), abs=1e-6)
    assert upper_bound(1, 193) == pytest.approx(0.0243, abs=3e-4)
    assert upper_bound(0, 0) == upper_bound(3, 3) == 1.0


def test_a_rate_of_nothing_is_no_rate() -> None:
    assert rate(0, 0)["rate"] is None
    assert rate(3, 4) == {"count": 3, "total": 4, "rate": 0.75, "interval": list(wilson(3, 4))}


def test_confidences_that_hold_have_no_calibration_error() -> None:
    held = reliability([0.75] * 4, [True, True, True, False])
    assert held["expected_calibration_error"] == 0.0
    [only] = held["bins"]
    assert (only["from"], only["count"], only["stated"], only["right"]) == (0.7, 4, 0.75, 0.75)


def test_boasting_is_seen_and_a_full_confidence_falls_into_the_last_bin() -> None:
    boasted = reliability([1.0, 1.0, 0.05], [False, True, False])
    assert [row["count"] for row in boasted["bins"]] == [1, 2]
    assert boasted["expected_calibration_error"] == pytest.approx((0.05 + 2 * 0.5) / 3, abs=1e-4)

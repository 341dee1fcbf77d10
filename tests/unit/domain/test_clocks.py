"""What comparisons with a reference say of a clock at a moment."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from waysight.domain.clocks import clock_record, error_ms
from waysight.messages import ClockCheck

AT_MS = 1_794_805_210_000


def check(checked_ms: int, offset_ms: float = 1.0, bound_ms: float = 2.0, camera: str = "c") -> ClockCheck:
    """One comparison."""
    return ClockCheck(
        check_id=f"{camera}-{checked_ms}-{offset_ms}", camera_id=camera, checked_ms=checked_ms, offset_ms=offset_ms,
        error_ms=bound_ms, reference="gps", by="T. Tech",
    )  # fmt: skip


def test_a_clock_never_compared_is_said_to_be_so() -> None:
    record = clock_record("c", AT_MS, 40, [check(AT_MS, camera="other")])
    assert (record.before, record.after, record.seen_ms) == (None, None, None)
    assert record.verdict.startswith("never compared")


def test_a_comparison_at_the_moment_itself_counts_as_before() -> None:
    record = clock_record("c", AT_MS, 40, [check(AT_MS)])
    assert record.before is not None
    assert record.verdict == "compared: within the stated bound, on one side of the moment only"


def test_the_worse_side_decides() -> None:
    near, off = check(AT_MS - 1), check(AT_MS + 1, offset_ms=-39.0)
    assert clock_record("c", AT_MS, 41, [near, off]).verdict == "compared: within the stated bound"
    assert "WORSE" in clock_record("c", AT_MS, 40, [near, off]).verdict
    assert clock_record("c", AT_MS, None, [near]).verdict == "compared; no bound is stated"


checks = st.lists(
    st.builds(
        check,
        st.integers(AT_MS - 50, AT_MS + 50),
        st.floats(-100, 100),
        st.floats(0, 50),
        st.sampled_from(["c", "d"]),
    ),
    max_size=8,
)


@given(checks)
def test_the_nearest_on_either_side_in_whatever_order(found: list[ClockCheck]) -> None:
    own = [c for c in found if c.camera_id == "c"]
    record = clock_record("c", AT_MS, 40, found)
    assert record == clock_record("c", AT_MS, 40, reversed(found))
    before = [c.checked_ms for c in own if c.checked_ms <= AT_MS]
    after = [c.checked_ms for c in own if c.checked_ms > AT_MS]
    assert (record.before and record.before.checked_ms) == max(before, default=None)
    assert (record.after and record.after.checked_ms) == min(after, default=None)
    sides = [error_ms(c) for c in (record.before, record.after) if c]
    assert record.seen_ms == max(sides, default=None)

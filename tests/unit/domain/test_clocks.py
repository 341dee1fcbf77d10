"""What comparisons with a reference say of a clock at a moment."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from sightings import sighting

from waysight.domain.clocks import OFF, Clocks, clock_record, error_ms
from waysight.domain.enforcement.case import Law, violation
from waysight.domain.scene import Scene
from waysight.messages import ClockCheck, Violation

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


def _violation() -> Violation:
    scene = Scene(camera_id="c", papers=(0, 2**62))
    return violation(Law(), "bus_lane", (scene,), (sighting("c", "123ABC02", 0),), AT_MS, country="kz", subject="c",
                     evidence=())  # fmt: skip


def test_a_clock_that_was_found_worse_than_stated_brings_no_fine() -> None:
    bare, bound = _violation(), {"c": 40}
    worse = check(AT_MS - 3, offset_ms=-39.0)
    found = Clocks([check(AT_MS - 9), worse]).applied(bare, bound)
    assert (found.enforceable, found.obstacles[-1]) == (False, OFF)
    assert Clocks([worse]).applied(found, bound) == found, "said once"
    assert Clocks([worse]).applied(bare, {"c": 41}) == bare, "within the bound"
    assert Clocks([worse, check(AT_MS)]).applied(bare, bound) == bare, "it was set right before"
    assert Clocks([check(AT_MS + 1, offset_ms=-39.0)]).applied(bare, bound) == bare, "found later"
    assert Clocks([check(AT_MS - 3, offset_ms=90.0, camera="entry")]).applied(bare, bound) == bare
    entry = Clocks([check(AT_MS - 3, offset_ms=90.0, camera="entry")]).applied(bare, {**bound, "entry": 40})
    assert OFF in entry.obstacles, "the other end of the section"
    assert Clocks().applied(bare, bound) == bare


@given(
    st.lists(st.tuples(st.integers(-50, 50), st.floats(-100, 100)), max_size=6),
    st.randoms(use_true_random=False),
)
def test_the_order_in_which_checks_are_entered_changes_nothing(
    what: list[tuple[int, float]], rng: Random
) -> None:
    checks = [check(AT_MS + at, offset_ms=off) for at, off in what]
    again = [*checks, *checks]
    rng.shuffle(again)
    assert Clocks(checks).applied(_violation(), {"c": 40}) == Clocks(again).applied(_violation(), {"c": 40})

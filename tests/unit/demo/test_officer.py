"""What the demo's officer lets pass although it conflicts: light paints that the light decides, and nothing else."""

from __future__ import annotations

import pytest

from waysight.demo.officer import only_the_light


@pytest.mark.parametrize(
    ("conflicts", "seen", "entered", "passes"),
    [
        (("register_colour",), "white", "silver", True),
        (("register_colour",), "grey", "white", True),
        (("register_colour",), "black", "white", False),
        (("register_colour",), "red", "white", False),
        (("register_colour", "register_type"), "white", "silver", False),
        (("one_read",), "white", "silver", False),
        ((), "white", "white", False),
    ],
)
def test_only_light_paints_pass(conflicts: tuple[str, ...], seen: str, entered: str, passes: bool) -> None:
    assert only_the_light(conflicts, seen, entered) is passes

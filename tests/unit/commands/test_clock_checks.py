"""Comparisons of clocks out of text fields."""

from __future__ import annotations

import pytest

from waysight.commands.clock_checks import check_of
from waysight.errors import BadConfiguration

NOW_MS = 1_795_000_000_000
ROW = {"camera_id": "kz-a1-exit", "checked_at": "2026-11-16T05:00:00Z", "offset_ms": "-3.5", "error_ms": "1",
       "reference": "gps", "by": "T. Tech"}  # fmt: skip


def test_the_same_line_is_the_same_check() -> None:
    check = check_of(ROW, ["kz-a1-exit"], NOW_MS)
    assert (check.offset_ms, check.error_ms, check.checked_ms) == (-3.5, 1.0, 1_794_805_200_000)
    assert check == check_of({**ROW, "offset_ms": " -3.50"}, ["kz-a1-exit"], NOW_MS + 5)
    assert check_of({**ROW, "checked_at": ""}, ["kz-a1-exit"], NOW_MS).checked_ms == NOW_MS


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"camera_id": "kz-a9"}, "no camera 'kz-a9'"),
        ({"offset_ms": "much"}, "no number"),
        ({"offset_ms": "nan"}, "more than a day"),
        ({"error_ms": "1e9"}, "more than a day"),
        ({"error_ms": "-1"}, "below 0"),
        ({"by": " "}, "by missing"),
        ({"reference": "", "by": ""}, "reference and by missing"),
        ({"checked_at": "2027-01-01"}, "in the future"),
        ({"checked_at": "yesterday"}, "no date"),
    ],
)
def test_what_is_wrong_is_refused(changes: dict[str, str], why: str) -> None:
    with pytest.raises(BadConfiguration, match=why):
        check_of({**ROW, **changes}, ["kz-a1-exit"], NOW_MS)

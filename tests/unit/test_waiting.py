"""How tests wait for what other processes do."""

from __future__ import annotations

from itertools import chain, repeat

from officers import plates
from workers import eventually


def test_what_is_not_there_yet_is_awaited() -> None:
    looks = chain([[], [{}]], repeat([{"status": "paid"}]))
    assert eventually(lambda: next(looks), lambda seen: seen[0]["status"] == "paid") == [{"status": "paid"}]


def test_what_never_comes_is_what_was_seen_last() -> None:
    assert eventually(list[int], lambda seen: seen[0], seconds=0.0) == []


def test_no_plate_is_given_twice() -> None:
    given = [*plates(1500), *plates(700)]
    assert len(set(given)) == 2200
    assert {len(plate) for plate in given} == {8}

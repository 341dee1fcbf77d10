"""Reading ahead changes nothing that is read: order, errors, and the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from waysight.reporting.ahead import ahead


def test_everything_comes_once_and_in_order() -> None:
    assert list(ahead(iter(range(100)))) == list(range(100))
    assert list(ahead([])) == []


def test_an_error_comes_after_what_was_read_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    found = ahead(items())
    assert next(found) == 1
    with pytest.raises(OSError, match="gone"):
        next(found)


def test_who_stops_early_closes_the_source_and_leaves_no_thread() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(10**9)
        finally:
            closed.set()

    found = ahead(items())
    assert next(found) == 0
    found.close()
    assert closed.is_set()
    assert not [t.name for t in threading.enumerate() if t.name.startswith("ahead")]

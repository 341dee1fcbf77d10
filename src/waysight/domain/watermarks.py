"""How far time has come: the least of what every source has promised."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """One source's promise: everything up to `captured_ms` has been sent; `end`: and nothing more comes."""

    captured_ms: int
    end: bool = False


def merge(last: Progress | None, new: Progress) -> Progress:
    """The later of two promises of one source; time never runs back, a new epoch reopens an ended source."""
    if last is None or new.captured_ms > last.captured_ms:
        return new
    return Progress(last.captured_ms, last.end or new.end) if new.captured_ms == last.captured_ms else last


def least(promises: Iterable[Progress | None]) -> Progress | None:
    """The least promise of several sources; None while one of them has made none.

    >>> least([Progress(5), Progress(3, end=True)])
    Progress(captured_ms=3, end=False)
    """
    found = list(promises)
    known = [p for p in found if p is not None]
    if not known or len(known) < len(found):
        return None
    return Progress(min(p.captured_ms for p in known), all(p.end for p in known))

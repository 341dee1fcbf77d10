"""What a lamp or a speed sign showed over time, told by its controller's records and heartbeats."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from waysight.messages.perception import Signal

KEEP_MS = 3_600_000  # so far may a worker that catches up read passes and signals apart
_AFTER_ANY = "~"


@dataclass(frozen=True, slots=True)
class Shown:
    """(from_ms, what) in order, and until when the last one held, by a clock that is off by at most its error.

    What a lamp shows is its state; what a sign shows is its limit (km/h), or "" while it is dark.
    """

    changes: tuple[tuple[int, str], ...] = ()
    valid_ms: int = 0
    clock_error_ms: int = 0
    ended: bool = False


def place_of(signal: Signal) -> str:
    """Whose record it is: the sign's place, or the junction and signal group of a lamp."""
    return signal.place or f"{signal.junction_id}|{signal.signal_group}"


def changed(shown: Shown, signal: Signal, keep_ms: int = KEEP_MS) -> Shown:
    """History after a record of its controller; a repeated one changes nothing, old states are dropped."""
    what = signal.state
    if signal.place:
        what = "" if signal.limit_kmh is None else f"{signal.limit_kmh:g}"  # type: ignore[assignment]
    changes = shown.changes
    if (signal.changed_ms, what) not in changes:
        changes = tuple(sorted((*changes, (signal.changed_ms, what))))
    newest = signal.valid_ms >= shown.valid_ms
    valid_ms = max(shown.valid_ms, signal.valid_ms)
    old = bisect_right(changes, (valid_ms - keep_ms, _AFTER_ANY)) - 1
    return Shown(
        changes=changes[max(old, 0) :],
        valid_ms=valid_ms,
        clock_error_ms=signal.clock_error_ms if newest else shown.clock_error_ms,
        ended=signal.end or (shown.ended and signal.valid_ms <= shown.valid_ms),
    )


def settled(shown: Shown, until_ms: float) -> bool:
    """Whether it is known what was shown until a time (UTC epoch ms, the observer's bound included)."""
    return shown.ended or shown.valid_ms >= until_ms + shown.clock_error_ms


def reaches_back(shown: Shown, start_ms: float) -> bool:
    """Whether the history still holds what was shown at a time."""
    return bool(shown.changes) and shown.changes[0][0] <= start_ms - shown.clock_error_ms


def highest_limit_kmh(shown: Shown, posted_kmh: float, start_ms: float, end_ms: float) -> float | None:
    """The highest limit that a sign may have shown between two times; the posted one while it was dark.

    The times hold the observer's clock error, the sign's own is added here. None where it is not known:
    the history does not reach back, or the sign fell silent before.
    """
    if not reaches_back(shown, start_ms) or end_ms + shown.clock_error_ms > shown.valid_ms:
        return None
    first = bisect_right(shown.changes, (int(start_ms - shown.clock_error_ms), _AFTER_ANY)) - 1
    last = bisect_right(shown.changes, (int(end_ms + shown.clock_error_ms), _AFTER_ANY))
    return max(float(what) if what else posted_kmh for _, what in shown.changes[max(first, 0) : last])

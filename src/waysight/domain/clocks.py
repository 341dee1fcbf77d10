"""How wrong a camera's clock was at a moment, from the comparisons with a reference before and after it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from waysight.messages import ClockCheck, Violation

OFF = "clock_off"
_MOST_KEPT = 1_000  # comparisons of one camera: years of daily ones


@dataclass(frozen=True, slots=True)
class ClockRecord:
    """The nearest comparison at or before `at_ms` (UTC epoch ms) and the nearest after it; None where there is none.

    `stated_ms` is the bound that the camera's configuration states, `seen_ms` the largest error that the two
    comparisons leave possible (None without any), `verdict` what follows from both, in words.
    """

    camera_id: str
    at_ms: int
    stated_ms: int | None
    before: ClockCheck | None
    after: ClockCheck | None
    seen_ms: float | None
    verdict: str


def clock_record(
    camera_id: str, at_ms: int, stated_ms: int | None, checks: Iterable[ClockCheck]
) -> ClockRecord:
    """What is known of a camera's clock at a moment; checks of other cameras are left out."""
    own = sorted(
        (c for c in checks if c.camera_id == camera_id), key=lambda c: (c.checked_ms, error_ms(c), c.check_id)
    )
    before = next((c for c in reversed(own) if c.checked_ms <= at_ms), None)
    after = next((c for c in own if c.checked_ms > at_ms), None)
    seen = [error_ms(c) for c in (before, after) if c is not None]
    return ClockRecord(
        camera_id, at_ms, stated_ms, before, after, max(seen, default=None), _verdict(stated_ms, seen)
    )


def error_ms(check: ClockCheck) -> float:
    """The largest error of the clock that a comparison leaves possible, ms."""
    return abs(check.offset_ms) + check.error_ms


def _verdict(stated_ms: int | None, seen: list[float]) -> str:
    if not seen:
        return "never compared with a reference: only the stated bound is known"
    if stated_ms is None:
        return "compared; no bound is stated"
    if max(seen) > stated_ms:
        return "compared: WORSE than the stated bound, which the measurement relies on"
    return "compared: within the stated bound" + (
        "" if len(seen) == 2 else ", on one side of the moment only"
    )


class Clocks:
    """The comparisons of every camera's clock, kept up to date one by one."""

    def __init__(self, checks: Iterable[ClockCheck] = ()) -> None:
        self._by_camera: dict[str, list[tuple[int, float, str]]] = {}
        for check in checks:
            self.apply(check.camera_id, check)

    def apply(self, camera_id: str, check: ClockCheck | None) -> None:
        """Add a comparison; the same one again changes nothing, and none is ever taken back."""
        if check is None:
            return
        own = self._by_camera.setdefault(camera_id, [])
        made = (check.checked_ms, error_ms(check), check.check_id)
        if made not in own:
            own[:] = sorted((*own, made))[-_MOST_KEPT:]

    def applied(self, violation: Violation, stated_ms: Mapping[str, int]) -> Violation:
        """The violation as it stands: no fine where the last comparison at or before it was worse than a stated bound.

        `stated_ms` are the bounds by camera on which it relies.
        """
        if not any(self._worse(c, violation.occurred_ms, bound) for c, bound in stated_ms.items()):
            return violation
        obstacles = tuple(dict.fromkeys((*violation.obstacles, OFF)))
        return replace(violation, enforceable=False, obstacles=obstacles)

    def _worse(self, camera_id: str, at_ms: int, stated_ms: int) -> bool:
        own = self._by_camera.get(camera_id, [])
        last = bisect_right(own, at_ms, key=lambda c: c[0]) - 1
        return last >= 0 and own[last][1] > stated_ms

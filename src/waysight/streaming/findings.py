"""Violations that were found and are told in order of time, once nothing earlier can follow; of one act the first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from waysight.cloudevents import cloudevents_headers
from waysight.domain.enforcement.precedence import PARKING_GAP_MS, STAYS
from waysight.domain.enforcement.shown import KEEP_MS
from waysight.domain.watermarks import Progress
from waysight.engine import PartitionState
from waysight.messages import Tally, Violation
from waysight.streaming import device_plates
from waysight.streaming.envelopes import Flush

REPEAT_MS = 60_000


@dataclass(frozen=True, slots=True)
class Found:
    """Violations of a camera before which something may still be found."""

    items: tuple[Violation, ...] = ()


def keep(state: PartitionState, found: Iterable[Violation]) -> None:
    """Keep violations, with what devices add to their proof, until their camera's time has passed them."""
    by_camera: dict[str, list[Violation]] = {}
    for violation in device_plates.proved(state, found):
        by_camera.setdefault(violation.camera_id, []).append(violation)
    for camera_id, more in by_camera.items():
        kept = (state.get("found", camera_id, Found) or Found()).items
        state.put("found", camera_id, Found((*kept, *more)))


def tell(
    state: PartitionState,
    flush: Flush,
    camera_id: str,
    ready: Progress,
    exempted: Callable[[Violation], Violation],
) -> None:
    """Tell what occurred up to a time before which nothing more is found."""
    kept = (state.get("found", camera_id, Found) or Found()).items
    due = [v for v in kept if ready.end or v.occurred_ms <= ready.captured_ms]
    if not due:
        return
    if len(due) == len(kept):
        state.delete("found", camera_id)
    else:
        state.put("found", camera_id, Found(tuple(v for v in kept if v not in due)))
    for violation in sorted(due, key=lambda v: (v.occurred_ms, v.violation_id)):
        if not _again(state, violation):
            violation = flush.stamped(exempted(violation))
            headers = cloudevents_headers("violations", violation)
            flush.one("violations", violation.plate or violation.violation_id, violation, headers)
            flush.grouped("tallies", f"camera:{camera_id}", flush.stamped(_tally(violation)))


def sweep(state: PartitionState, camera_id: str, captured_ms: int) -> None:
    """Forget what was told of a camera an hour ago, by its own time: recordings of other days run beside it.

    What still waits to be told may go on from there: time that comes in leaps (a camera that was away) passes it by.
    """
    told, waiting = _told_of(state).get(camera_id, {}), state.get("found", camera_id, Found) or Found()
    oldest_ms = min([captured_ms, *(v.occurred_ms - (v.dwell_ms or 0) for v in waiting.items)])
    for name in [n for n, told_ms in told.items() if told_ms + KEEP_MS < oldest_ms]:
        state.delete("told", name)
        del told[name]


def _again(state: PartitionState, violation: Violation) -> bool:
    """Whether this act was told already: seen as two tracks, or one parking captured again. Remembers it."""
    if not violation.plate:
        return False
    place = violation.section_id or violation.zone_id or violation.line_id
    key = f"{violation.camera_id}|{violation.offence}|{place}|{violation.plate}"
    told_ms = state.get("told", key, int)
    stay = violation.offence in STAYS
    since_ms = violation.occurred_ms - (violation.dwell_ms or 0 if stay else 0)
    gap_ms = PARKING_GAP_MS if stay else REPEAT_MS
    again = told_ms is not None and since_ms - told_ms <= gap_ms and told_ms - violation.occurred_ms <= gap_ms
    if stay or not again:  # each capture of a parking makes it longer
        last_ms = max(violation.occurred_ms, told_ms or 0) if again else violation.occurred_ms
        state.put("told", key, last_ms)
        _told_of(state).setdefault(violation.camera_id, {})[key] = last_ms
    return again


def _tally(violation: Violation) -> Tally:
    return Tally(
        violation_id=violation.violation_id,
        camera_id=violation.camera_id,
        offence=violation.offence,
        occurred_ms=violation.occurred_ms,
        origin_partition=0,
        origin_offset=0,
        ordinal=0,
    )


def _told_of(state: PartitionState) -> dict[str, dict[str, int]]:
    """By camera, when what was told of it occurred (the table "told"); in memory only."""

    def build() -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for name, told_ms in state.items("told", int):
            found.setdefault(name.partition("|")[0], {})[name] = told_ms
        return found

    return state.derived("told", build)

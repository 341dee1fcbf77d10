"""Traffic-light states from JSON lines, repeated each second, up to the end of the cameras beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from waysight.domain.ids import derive_id
from waysight.errors import BadConfiguration
from waysight.messages import Signal

HEARTBEAT_MS = 1000
CLOCK_ERROR_MS = 20


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the file."""

    junction_id: Annotated[str, msgspec.Meta(min_length=1)]
    signal_group: Annotated[str, msgspec.Meta(min_length=1)]
    state: Literal["red", "red_amber", "green", "amber", "off"]
    changed_ms: int
    clock_error_ms: Annotated[int, msgspec.Meta(ge=0)] = CLOCK_ERROR_MS


@dataclass(slots=True)
class SignalLane:
    """One junction's records in order; `seq` numbers them, so that a restart finds its place."""

    junction_id: str
    epoch: str
    changes: list[Change]
    sent: int = -1
    ended: bool = False
    seq: int = 0
    _now: dict[str, Change] = field(default_factory=dict)
    _next: int = 0
    _beat_ms: int = 0

    def __post_init__(self) -> None:
        self._beat_ms = self.changes[0].changed_ms + HEARTBEAT_MS

    @property
    def key(self) -> str:
        """Key on the topic."""
        return f"junction:{self.junction_id}"

    def until(self, time_ms: int) -> Iterator[tuple[int, Signal]]:
        """Records valid up to a time (UTC epoch ms) that were neither given nor already sent: (seq, record)."""
        while (due_ms := self._due_ms()) <= time_ms:
            if self._next < len(self.changes) and self.changes[self._next].changed_ms == due_ms:
                change = self.changes[self._next]
                self._next += 1
                self._now[change.signal_group] = change
                yield from self._record(change, due_ms)
                continue
            self._beat_ms += HEARTBEAT_MS
            for group in sorted(self._now):
                yield from self._record(self._now[group], due_ms)

    def finish(self, end_ms: int) -> Iterator[tuple[int, Signal]]:
        """All that is left up to the end, and the closing record of each group."""
        end_ms = max(end_ms, self.changes[-1].changed_ms)
        yield from self.until(end_ms)
        self.ended = True
        for group in sorted(self._now):
            yield from self._record(self._now[group], end_ms, end=True)

    def _due_ms(self) -> int:
        change_ms = self.changes[self._next].changed_ms if self._next < len(self.changes) else self._beat_ms
        return min(change_ms, self._beat_ms)

    def _record(self, change: Change, valid_ms: int, end: bool = False) -> Iterator[tuple[int, Signal]]:
        number, self.seq = self.seq, self.seq + 1
        if number > self.sent:
            yield (
                number,
                Signal(
                    junction_id=self.junction_id,
                    signal_group=change.signal_group,
                    state=change.state,
                    changed_ms=change.changed_ms,
                    valid_ms=valid_ms,
                    clock_error_ms=change.clock_error_ms,
                    end=end,
                ),
            )


def signal_lanes(path: Path, run: str = "") -> list[SignalLane]:
    """The junctions of a signals file; raises BadConfiguration naming the line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{path}: cannot be read: {error}; give a file of JSON lines") from error
    junctions: dict[str, list[Change]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            change = msgspec.json.decode(line, type=Change)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise BadConfiguration(f"{path}:{number}: {error}; correct the line") from error
        junctions.setdefault(change.junction_id, []).append(change)
    if not junctions:
        raise BadConfiguration(f"{path}: holds no signal; give a file of JSON lines")
    lanes = []
    for junction, changes in sorted(junctions.items()):
        ordered = sorted(changes, key=lambda c: (c.changed_ms, c.signal_group))
        content = derive_id("signals", *(f"{c.signal_group} {c.state} {c.changed_ms}" for c in ordered))
        lanes.append(SignalLane(junction, derive_id("epoch", junction, content, run)[:16], ordered))
    return lanes

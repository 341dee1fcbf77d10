"""Traffic lights and variable speed signs from JSON lines, repeated each second, up to the end of the cameras beside them."""

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
    """One line of the file: what a light (junction, group, state) or a speed sign (place, limit) shows from then on."""

    changed_ms: int
    junction_id: str = ""
    signal_group: str = ""
    state: Literal["red", "red_amber", "green", "amber", "off"] | None = None
    place: str = ""
    limit_kmh: Annotated[float, msgspec.Meta(gt=0, le=200)] | None = None
    clock_error_ms: Annotated[int, msgspec.Meta(ge=0)] = CLOCK_ERROR_MS

    def __post_init__(self) -> None:
        if self.place:
            kind, _, name = self.place.partition(":")
            if kind not in ("section", "camera") or not name:
                raise ValueError(f"place {self.place!r}: write section:<id> or camera:<id>")
            if self.junction_id or self.signal_group or self.state:
                raise ValueError("a speed sign has a place and a limit_kmh, no junction, group or state")
        elif not (self.junction_id and self.signal_group and self.state):
            raise ValueError(
                "a light needs junction_id, signal_group and state; a speed sign needs place and limit_kmh (null: dark)"
            )
        elif self.limit_kmh is not None:
            raise ValueError("limit_kmh belongs to a speed sign, which has a place")

    @property
    def key(self) -> str:
        """Key on the topic."""
        return self.place or f"junction:{self.junction_id}"


@dataclass(slots=True)
class SignalLane:
    """The records of one junction or sign in order; `seq` numbers them, so that a restart finds its place."""

    key: str
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
                    junction_id=change.junction_id,
                    signal_group=change.signal_group,
                    state=change.state or "off",
                    changed_ms=change.changed_ms,
                    valid_ms=valid_ms,
                    clock_error_ms=change.clock_error_ms,
                    end=end,
                    place=change.place,
                    limit_kmh=change.limit_kmh,
                ),
            )


def signal_lanes(path: Path, run: str = "") -> list[SignalLane]:
    """The junctions and signs of a signals file; raises BadConfiguration naming the line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{path}: cannot be read: {error}; give a file of JSON lines") from error
    by_key: dict[str, list[Change]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            change = msgspec.json.decode(line, type=Change)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise BadConfiguration(f"{path}:{number}: {error}; correct the line") from error
        by_key.setdefault(change.key, []).append(change)
    if not by_key:
        raise BadConfiguration(f"{path}: holds no signal; give a file of JSON lines")
    lanes = []
    for key, changes in sorted(by_key.items()):
        ordered = sorted(changes, key=lambda c: (c.changed_ms, c.signal_group))
        content = derive_id(
            "signals", *(f"{c.signal_group} {c.state or c.limit_kmh} {c.changed_ms}" for c in ordered)
        )
        name = key.removeprefix("junction:")  # as it was before there were signs: a restart finds its epoch
        lanes.append(SignalLane(key, derive_id("epoch", name, content, run)[:16], ordered))
    return lanes

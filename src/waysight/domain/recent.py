"""What is remembered of the plates seen lately: enough to say that one was elsewhere, or with whom it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, Self

from waysight.messages.perception import Sighting

LEAST_VOTES = 2


class Seen(NamedTuple):
    """A final sighting of a surely read plate; times in UTC epoch ms by the camera's clock, confidences 0..1."""

    plate: str
    camera_id: str
    first_ms: int
    last_ms: int
    clock_error_ms: int
    label: str
    label_confidence: float
    plate_confidence: float
    sighting_id: str
    colour: str = ""

    @classmethod
    def of(cls, sighting: Sighting) -> Self:
        """What is remembered of a sighting."""
        return cls(
            sighting.plate,
            sighting.camera_id,
            sighting.first_ms,
            sighting.last_ms,
            sighting.clock_error_ms,
            sighting.label,
            sighting.label_confidence,
            sighting.plate_confidence,
            sighting.sighting_id,
            sighting.colour,
        )

    @property
    def at(self) -> tuple[int, str]:
        """By what sightings are ordered: time, then id."""
        return self.last_ms, self.sighting_id


def is_sure(sighting: Sighting, gate: float) -> bool:
    """Whether a sighting is final and its plate sure enough to be remembered: `gate` is a confidence, 0..1."""
    sure = sighting.plate_confidence >= gate and sighting.plate_votes >= LEAST_VOTES
    return sighting.final and bool(sighting.plate) and sure


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What belongs together: the same key within `within_ms`, and met however late, up to `late_ms`."""

    key: Callable[[Seen], str]
    within_ms: int
    late_ms: int


class Recent:
    """Sightings by a key. Forgetting goes by the time of each one's own camera: clocks and recordings differ.

    A sighting is kept until its camera has come `within_ms + late_ms` beyond it, so that what comes up to `late_ms`
    late meets the same sightings as if it had come in order.
    """

    def __init__(self, span: Span, kept: Iterable[Seen] = ()) -> None:
        self._span = span
        self._by_key: dict[str, tuple[Seen, ...]] = {}
        self._reached: dict[str, int] = {}
        for seen in kept:
            self._keep(span.key(seen), seen)

    def __len__(self) -> int:
        return sum(map(len, self._by_key.values()))

    def meet(self, seen: Seen) -> tuple[Seen, ...] | None:
        """The others of the same key within `within_ms`, and remember this one; None when it is known already."""
        key = self._span.key(seen)
        known, last_ms, within_ms = self._by_key.get(key), seen.last_ms, self._span.within_ms
        if known is None:
            self._keep(key, seen)
            return ()
        if seen.sighting_id in [k.sighting_id for k in known]:
            return None
        self._keep(key, seen)
        return tuple([k for k in known if -within_ms <= k.last_ms - last_ms <= within_ms])

    def reach(self, camera_id: str, captured_ms: int) -> None:
        """A camera has come to a time; it never runs back."""
        if captured_ms > self._reached.get(camera_id, -1):
            self._reached[camera_id] = captured_ms

    def is_over(self, seen: Seen) -> bool:
        """Whether a sighting may be forgotten."""
        return self.has_passed(seen.camera_id, seen.last_ms + self._span.within_ms + self._span.late_ms)

    def has_passed(self, camera_id: str, at_ms: int) -> bool:
        """Whether a camera has come to a time, as far as is known since the start."""
        return at_ms <= self._reached.get(camera_id, -1)

    def forget(self, gone: Iterable[Seen]) -> None:
        """Drop sightings."""
        for seen in gone:
            key = self._span.key(seen)
            left = tuple(k for k in self._by_key.get(key, ()) if k.sighting_id != seen.sighting_id)
            if left:
                self._by_key[key] = left
            else:
                self._by_key.pop(key, None)

    def _keep(self, key: str, seen: Seen) -> None:
        self._by_key[key] = (*self._by_key.get(key, ()), seen)
        self.reach(seen.camera_id, seen.last_ms)

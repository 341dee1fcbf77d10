"""Capture times of a live stream: the stream's own clock, anchored to when its pictures arrive."""

from __future__ import annotations

from dataclasses import dataclass

STALL_MS = 500
DRIFT = 0.0002  # a camera's oscillator is within 200 ppm of ours


@dataclass(slots=True)
class ArrivalClock:
    """One session. A picture can only be late, never early, so the least delay seen is the anchor.

    Streams without usable timestamps (all equal) fall back to arrival.
    """

    _offset_ms: float | None = None
    _stream_ms: float = 0.0
    _arrival_ms: float = 0.0
    _moved_ms: float = 0.0

    def place(self, stream_ms: float, arrival_ms: float) -> int:
        """UTC epoch ms of a picture with this stream time (ms) that arrived at this wall-clock time (UTC epoch ms)."""
        delay_ms = arrival_ms - stream_ms
        if self._offset_ms is None:
            self._offset_ms, self._moved_ms = delay_ms, arrival_ms
        drift_ms = max(0.0, arrival_ms - self._arrival_ms) * DRIFT if self._arrival_ms else 0.0
        self._offset_ms = min(self._offset_ms + drift_ms, delay_ms)
        if stream_ms > self._stream_ms:
            self._moved_ms = arrival_ms
        self._stream_ms, self._arrival_ms = max(stream_ms, self._stream_ms), arrival_ms
        if arrival_ms - self._moved_ms > STALL_MS:
            self._offset_ms = delay_ms
            return int(arrival_ms)
        return int(stream_ms + self._offset_ms + 0.5)

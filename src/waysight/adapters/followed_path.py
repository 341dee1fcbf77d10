"""The points of one followed vehicle: those that the topic `follows` holds, then each as it comes."""

from __future__ import annotations

import queue
import time

from waysight.adapters.broadcast import Broadcast
from waysight.codec import Codec
from waysight.messages import FollowPoint
from waysight.settings import Settings


class FollowedPath:
    """Points of a plate under one authorisation from a time (UTC epoch ms) on; of each the newest revision."""

    def __init__(
        self, settings: Settings, codec: Codec, authorisation_id: str, plate: str, from_ms: int
    ) -> None:
        self._authorisation_id, self._plate, self._from_ms = authorisation_id, plate, from_ms
        self._waiting: queue.SimpleQueue[FollowPoint] = queue.SimpleQueue()
        self._table = Broadcast[FollowPoint](settings, codec, "follows", self._take)
        self._points: dict[str, FollowPoint] = {}

    def start(self) -> list[FollowPoint]:
        """Load what there is, and give it in order of time; raises EngineDown, BadConfiguration."""
        self._table.start()
        self.wait(0.0)
        return self.points

    def stop(self) -> None:
        """End the background thread."""
        self._table.stop()

    @property
    def points(self) -> list[FollowPoint]:
        """All of them so far, in order of time."""
        return sorted(self._points.values(), key=lambda p: (p.captured_ms, p.point_id))

    def wait(self, seconds: float) -> list[FollowPoint]:
        """What has become known or changed since the last call, waiting so long for it; raises what `start` does."""
        self._table.check()
        found: list[FollowPoint] = []
        deadline = time.monotonic() + seconds
        while True:
            try:
                point = self._waiting.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                return found
            known = self._points.get(point.point_id)
            if known is None or point.revision > known.revision:
                self._points[point.point_id] = point
                found.append(point)

    def _take(self, plate: str, point: FollowPoint | None) -> None:
        if point is None or plate != self._plate or point.authorisation_id != self._authorisation_id:
            return
        if point.captured_ms >= self._from_ms:
            self._waiting.put(point)

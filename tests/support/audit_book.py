"""An audit log that keeps what it was told, or fails when told to."""

from __future__ import annotations

from typing import Any


class AuditBook:
    """In place of the audit log: `events` as recorded; with `failure` set, it refuses."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.failure: Exception | None = None

    def record(self, *event: Any) -> None:
        """Keep one event."""
        if self.failure:
            raise self.failure
        self.events.append(event)

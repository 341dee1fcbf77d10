"""The alerts of one partition: as they were last told, and which of them the time of their cameras has gone past."""

from __future__ import annotations

from typing import Self

from waysight.domain.episodes import Raised
from waysight.engine import PartitionState

_TABLE, _SWEEP_MS = "alerts", 60_000


class AlertBook:
    """Alerts by id. An alert is forgotten once one of its own cameras has come far enough beyond it (event time):
    recordings of other days may run beside it. Which alerts wait for which camera is kept in memory only.
    """

    def __init__(self, state: PartitionState) -> None:
        self._state = state
        self._due: dict[str, dict[str, int]] = {}
        self._swept: dict[str, int] = {}
        for key, raised in state.items(_TABLE, Raised):
            self._wait(key, raised)

    @classmethod
    def of(cls, state: PartitionState) -> Self:
        """The book of a partition, made from its state after each restore."""
        return state.derived(cls.__name__, lambda: cls(state))

    def get(self, alert_id: str) -> Raised | None:
        """An alert, or None."""
        return self._state.get(_TABLE, alert_id, Raised)

    def put(self, raised: Raised) -> None:
        """Keep an alert as it was told."""
        self._state.put(_TABLE, raised.alert.alert_id, raised)
        self._wait(raised.alert.alert_id, raised)

    def reach(self, camera_id: str, captured_ms: int) -> None:
        """A camera has come to a time: forget what is over, looking at most once a minute of event time."""
        due = self._due.get(camera_id)
        if not due or captured_ms < self._swept.get(camera_id, 0) + _SWEEP_MS:
            return
        self._swept[camera_id] = captured_ms
        for key in [k for k, forget_ms in due.items() if forget_ms <= captured_ms]:
            raised = self.get(key)
            for camera in () if raised is None else raised.cameras:
                self._due.get(camera, {}).pop(key, None)
            due.pop(key, None)
            self._state.delete(_TABLE, key)

    def _wait(self, key: str, raised: Raised) -> None:
        for camera in raised.cameras:
            self._due.setdefault(camera, {})[key] = raised.forget_ms

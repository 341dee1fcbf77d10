"""CPU time of a set of processes at nanosecond resolution, so that single pictures can be accounted (Linux)."""

from __future__ import annotations

import time
from collections.abc import Sequence

import psutil

from waysight.errors import EngineDown


def family(pid: int) -> tuple[int, ...]:
    """A process and all its descendants as they are now; raises EngineDown when it is gone."""
    try:
        root = psutil.Process(pid)
        return (pid, *(child.pid for child in root.children(recursive=True)))
    except psutil.NoSuchProcess as error:
        raise EngineDown(f"process {pid} has ended; its log says why") from error


def spent_ns(pids: Sequence[int]) -> int:
    """CPU time that the processes (all their threads) have used so far; raises EngineDown when one is gone.

    The clock of a process is ``(~pid << 3) | 2`` (Linux, CPUCLOCK_SCHED; see clock_getcpuclockid(3)).
    """
    try:
        return sum(time.clock_gettime_ns((~pid << 3) | 2) for pid in pids)
    except OSError as error:
        raise EngineDown(
            f"one of the processes {list(pids)} has ended while it was measured; its log says why"
        ) from error

"""Production's way of analysing pictures, measured: the running stack's Triton, or a private one.

CPU time of a picture = this process + the Triton server + its model processes, from the call to the answer, one
picture at a time. What these processes do in the background meanwhile is counted too; nothing is subtracted.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from waysight.adapters.inference import Analysis, TritonAnalyser
from waysight.evaluation.cpu import family, spent_ns
from waysight.local import control
from waysight.local.temporary import temporary_stack
from waysight.settings import Settings

Say = Callable[[str], None]
WARM_UPS = 3
MS = 1e6  # ns


@dataclass(frozen=True, slots=True)
class Measured:
    """An analysis and what it cost, ms; `cpu_ms` is None where the server is not on this machine."""

    analysis: Analysis
    wall_ms: float
    cpu_ms: float | None


class Engine:
    """One picture after the other through `frame_analysis`; made by `analysis_engine`."""

    def __init__(self, settings: Settings, kind: str, server_pid: int | None) -> None:
        self.kind = kind
        self._analyser = TritonAnalyser(settings)
        self._addresses = settings.triton_addresses
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._analyser.start())
        self._pids = family(server_pid) if server_pid else ()
        self._cold = True
        self.models = ""

    def analyse(self, payload: bytes, codec: str) -> Measured:
        """Analyse one picture (`codec`: jpeg, h264 or hevc, or with a task); raises EngineDown."""
        if self._cold:
            self._cold = False
            for _ in range(WARM_UPS):
                self._loop.run_until_complete(self._analyser.analyse(payload, codec))
        began_ns, cpu_ns = time.perf_counter_ns(), self._cpu_ns()
        analysis = self._loop.run_until_complete(self._analyser.analyse(payload, codec))
        wall_ms, used_ms = (time.perf_counter_ns() - began_ns) / MS, (self._cpu_ns() - cpu_ns) / MS
        self.models = self.models or analysis.models
        return Measured(analysis, round(wall_ms, 2), round(used_ms, 2) if self._pids else None)

    def about(self) -> dict[str, Any]:
        """Which server, which weights, and what the CPU time counts."""
        cpu = f"this process, the Triton server and {len(self._pids) - 1} processes of its own"
        return {
            "engine": self.kind,
            "addresses": list(self._addresses),
            "models": self.models,
            "cpu_ms": cpu if self._pids else "not measured: the server is not on this machine",
        }

    def close(self) -> None:
        """End the connections."""
        self._loop.run_until_complete(self._analyser.close())
        self._loop.close()

    def _cpu_ns(self) -> int:
        return time.process_time_ns() + spent_ns(self._pids)


@contextmanager
def analysis_engine(settings: Settings, say: Say, private: bool = False) -> Iterator[Engine]:
    """The configured servers, else the running stack's Triton, else (or with `private`) a temporary one.

    A temporary one takes about half a minute and ends with the body, also on Ctrl-C and SIGTERM.
    """
    if settings.triton_urls and not private:
        yield from _opened(settings, "configured servers", None, say)
        return
    triton = control.status(settings)["children"].get("triton", {})
    if triton.get("state") == "healthy" and not private:
        yield from _opened(settings, "running stack", int(triton["pid"]), say)
        return
    say("starting a Triton of this measurement's own (about half a minute)")
    with ended_by_sigterm(), temporary_stack(settings, ("triton",)) as own:
        pid = int(control.status(own)["children"]["triton"]["pid"])
        yield from _opened(own, "private", pid, say)


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """SIGTERM unwinds the body as Ctrl-C does, so that what it started is ended; only in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(143)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _opened(settings: Settings, kind: str, pid: int | None, say: Say) -> Iterator[Engine]:
    engine = Engine(settings, kind, pid)
    say(f"Triton: {kind} at {', '.join(settings.triton_addresses)}")
    try:
        yield engine
    finally:
        engine.close()

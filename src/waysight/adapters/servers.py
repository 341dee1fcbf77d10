"""Which of several equal servers takes the next request: health, bounds, a circuit that opens and closes again.

A request goes to the server with the least in flight. One that fails a request, or neither answers requests
nor a probe, is left alone (its requests go to the others) and probed with growing pauses; once it answers it
gets one request, then two, then four, up to its bound. While no server answers, requests wait.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from waysight import metrics
from waysight.errors import EngineDown, WaysightError

_log = logging.getLogger(__name__)
T = TypeVar("T")
Probe = Callable[[str, bool], Awaitable[None]]

SILENT_S = 2.0  # without an answer for so long a server is probed
MISSES = 2  # probes in a row that a silent server may miss
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 5.0
_SAY_S = 30.0


@dataclass(eq=False)
class _Server:
    address: str
    limit: int
    up: bool = True
    misses: int = 0
    heard_s: float = field(default_factory=time.monotonic)
    calls: set[asyncio.Task[Any]] = field(default_factory=set)
    in_flight: int = 0
    used: int = 0


class Servers:
    """`bound` requests at most are in flight at each server.

    `probe(address, whole)` raises EngineDown when a server does not answer (`whole`: when it cannot work), and
    BadConfiguration when it is another than it should be. Use from one event loop.
    """

    def __init__(self, addresses: Sequence[str], bound: int, probe: Probe) -> None:
        self._bound, self._probe = bound, probe
        self._servers = [_Server(address, bound) for address in addresses]
        self._changed = asyncio.Event()
        self._revivals: set[asyncio.Task[None]] = set()
        self._used = 0

    async def start(self, patience_s: float) -> None:
        """Return when one server can work; raises EngineDown when none can in time, BadConfiguration."""
        deadline = time.monotonic() + patience_s
        while True:
            found = await asyncio.gather(
                *(self._probe(s.address, True) for s in self._servers), return_exceptions=True
            )
            for fault in found:
                if isinstance(fault, BaseException) and not isinstance(fault, EngineDown):
                    raise fault
            if None in found:
                break
            if time.monotonic() > deadline:
                raise next(fault for fault in found if isinstance(fault, EngineDown))
            await asyncio.sleep(1.0)
        for server, fault in zip(self._servers, found, strict=True):
            metrics.INFERENCE_UP.labels(server.address).set(1)
            if isinstance(fault, EngineDown):
                self._down(server, fault)

    async def call(self, request: Callable[[str], Awaitable[T]], patience_s: float | None = None) -> T:
        """What `request(address)` returns at one of the servers.

        A request that raises EngineDown is made again elsewhere, after `patience_s` (None: never) it is given up;
        whatever else it raises is raised.
        """
        deadline = None if patience_s is None else time.monotonic() + patience_s
        while True:
            server = await self._free(deadline)
            server.in_flight, server.used, self._used = server.in_flight + 1, self._used, self._used + 1
            metrics.INFERENCE_IN_FLIGHT.labels(server.address).set(server.in_flight)
            try:
                answer = await self._at(server, request)
                metrics.INFERENCES.labels(server.address, "answered").inc()
                server.limit = min(self._bound, 2 * server.limit)
                return answer
            except EngineDown as error:
                metrics.INFERENCES.labels(server.address, "failed").inc()
                metrics.INFERENCE_RETRIES.labels(server.address).inc()
                self._down(server, error)
                if deadline is not None and time.monotonic() > deadline:
                    raise
            finally:
                server.in_flight -= 1
                metrics.INFERENCE_IN_FLIGHT.labels(server.address).set(server.in_flight)
                self._tell()

    async def close(self) -> None:
        """End the probing."""
        for task in self._revivals:
            task.cancel()
        await asyncio.gather(*self._revivals, return_exceptions=True)

    async def _free(self, deadline: float | None) -> _Server:
        said = time.monotonic()
        while True:
            free = [s for s in self._servers if s.up and s.in_flight < s.limit]
            if free:
                return min(free, key=lambda s: (s.in_flight, s.used))
            changed, now = self._changed, time.monotonic()
            if deadline is not None and now > deadline:
                raise EngineDown(f"{self._names()}: none took the request in time")
            if now - said > _SAY_S and not any(s.up for s in self._servers):
                said = now
                _log.warning("no inference server answers (%s); frames wait", self._names())
            try:
                await asyncio.wait_for(changed.wait(), 1.0)
            except TimeoutError:
                continue

    async def _at(self, server: _Server, request: Callable[[str], Awaitable[T]]) -> T:
        call = asyncio.ensure_future(request(server.address))
        server.calls.add(call)
        asked_s = time.monotonic()
        try:
            while True:
                await asyncio.wait({call}, timeout=SILENT_S)
                if call.cancelled():
                    raise EngineDown(f"{server.address} does not answer")
                if call.done():
                    server.heard_s, server.misses = time.monotonic(), 0
                    return call.result()
                await self._examine(server, asked_s)
        finally:
            call.cancel()
            server.calls.discard(call)

    async def _examine(self, server: _Server, asked_s: float) -> None:
        """Probe a server that has been silent since a request was made."""
        if not server.up or time.monotonic() - max(server.heard_s, asked_s) < SILENT_S:
            return
        server.heard_s = time.monotonic()  # one probe at a time
        try:
            await self._probe(server.address, False)
            server.misses = 0
        except WaysightError as error:
            server.misses += 1
            if server.misses >= MISSES:
                self._down(server, error)

    def _down(self, server: _Server, error: WaysightError) -> None:
        if not server.up:
            return
        server.up, server.limit = False, 1
        metrics.INFERENCE_UP.labels(server.address).set(0)
        _log.warning("inference server left alone: %s", error)
        revival = asyncio.get_running_loop().create_task(self._revive(server))
        self._revivals.add(revival)
        revival.add_done_callback(self._revivals.discard)
        self._give_up_lost()

    async def _revive(self, server: _Server) -> None:
        pause_s = FIRST_PAUSE_S
        while not server.up:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            try:
                await self._probe(server.address, True)
            except WaysightError as error:
                _log.info("%s", error)
                continue
            server.up, server.misses, server.heard_s = True, 0, time.monotonic()
        metrics.INFERENCE_UP.labels(server.address).set(1)
        _log.warning("inference server %s answers again", server.address)
        self._give_up_lost()
        self._tell()

    def _give_up_lost(self) -> None:
        """What a server that is down still holds goes to another, if there is one."""
        if any(s.up for s in self._servers):
            for call in [c for s in self._servers if not s.up for c in s.calls]:
                call.cancel()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _names(self) -> str:
        return ", ".join(s.address for s in self._servers)

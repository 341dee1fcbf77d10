"""Several servers: balance, bounds, failures, hangs and returns."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from waysight import metrics
from waysight.adapters import servers as module
from waysight.adapters.servers import Servers
from waysight.errors import BadConfiguration, BadMessage, EngineDown


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("SILENT_S", 0.05), ("FIRST_PAUSE_S", 0.02), ("LONGEST_PAUSE_S", 0.05)):
        monkeypatch.setattr(module, name, value)


class Fleet:
    """Servers whose state a test sets: up, down (refuses), hung (never answers)."""

    def __init__(self, *names: str, work_s: float = 0.002) -> None:
        self.state, self.work_s = dict.fromkeys(names, "up"), work_s
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()

    async def probe(self, address: str, whole: bool) -> None:
        del whole
        await self._reach(address, 0.03)

    def request(self, number: int) -> Callable[[str], Awaitable[int]]:
        async def work(address: str) -> int:
            self.now[address] += 1
            self.most[address] = max(self.most[address], self.now[address])
            try:
                await asyncio.sleep(self.work_s)
                await self._reach(address, 0.6)
                self.answers[address] += 1
                return number
            finally:
                self.now[address] -= 1

        return work

    async def _reach(self, address: str, patience_s: float) -> None:
        if self.state[address] == "hung":
            await asyncio.sleep(patience_s)
        if self.state[address] == "wrong":
            raise BadConfiguration(f"{address} has another model")
        if self.state[address] != "up":
            raise EngineDown(f"{address} is {self.state[address]}")


def _run(fleet: Fleet, act: Callable[[Servers], Awaitable[Any]], bound: int = 4) -> Any:
    async def main() -> Any:
        found = Servers(list(fleet.state), bound, fleet.probe)
        await found.start(1.0)
        try:
            return await asyncio.wait_for(act(found), 120.0)
        finally:
            await found.close()

    return asyncio.run(main())


def _all(fleet: Fleet, servers: Servers, count: int) -> Awaitable[list[int]]:
    return asyncio.gather(*(servers.call(fleet.request(n)) for n in range(count)))


def test_load_is_shared_and_bounded() -> None:
    fleet = Fleet("a", "b")
    assert _run(fleet, lambda s: _all(fleet, s, 100)) == list(range(100))
    assert fleet.most == {"a": 4, "b": 4}
    assert min(fleet.answers.values()) >= 40


@pytest.mark.parametrize("fault", ["down", "hung"])
def test_what_a_lost_server_had_is_answered_by_the_other_and_it_comes_back(fault: str) -> None:
    fleet = Fleet("a", "b", work_s=0.01)

    async def act(servers: Servers) -> list[int]:
        load = asyncio.ensure_future(_all(fleet, servers, 200))
        await asyncio.sleep(0.03)
        fleet.state["a"] = fault
        answered = await load
        assert _gauge("a") == 0.0
        fleet.state["a"], before = "up", fleet.answers["a"]
        await asyncio.sleep(0.3)
        assert _gauge("a") == 1.0
        await _all(fleet, servers, 40)
        assert fleet.answers["a"] > before
        return answered

    assert _run(fleet, act) == list(range(200))


def test_requests_wait_while_all_are_down_and_a_patient_caller_is_told() -> None:
    fleet = Fleet("a", "b")

    async def act(servers: Servers) -> list[int]:
        fleet.state.update(a="down", b="hung")
        with pytest.raises(EngineDown):
            await servers.call(fleet.request(0), patience_s=0.1)
        load = asyncio.ensure_future(_all(fleet, servers, 20))
        await asyncio.sleep(0.3)
        assert not load.done()
        fleet.state.update(a="up")
        return await load

    assert _run(fleet, act) == list(range(20))


def test_a_slow_server_that_answers_probes_keeps_its_requests() -> None:
    fleet = Fleet("a", work_s=0.4)
    assert _run(fleet, lambda s: _all(fleet, s, 6)) == list(range(6))
    assert fleet.answers == {"a": 6}


def test_another_fault_is_the_callers() -> None:
    async def refused(address: str) -> int:
        raise BadMessage(f"{address} cannot read this")

    fleet = Fleet("a")

    async def act(servers: Servers) -> int:
        with pytest.raises(BadMessage):
            await servers.call(refused)
        return await servers.call(fleet.request(7))

    assert _run(fleet, act) == 7
    assert _gauge("a") == 1.0


def test_start_needs_one_server_and_no_wrong_one() -> None:
    fleet = Fleet("a", "b")
    fleet.state["a"] = "down"
    assert _run(fleet, lambda s: _all(fleet, s, 8)) == list(range(8))
    fleet.state["a"] = "wrong"
    with pytest.raises(BadConfiguration):
        _run(fleet, lambda s: _all(fleet, s, 1))
    fleet.state.update(a="down", b="down")
    with pytest.raises(EngineDown):
        _run(fleet, lambda s: _all(fleet, s, 1))


def _gauge(address: str) -> float:
    return metrics.INFERENCE_UP.labels(address)._value.get()

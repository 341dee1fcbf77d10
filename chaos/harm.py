"""The plan of harm: the same seed gives the same acts at the same times; and the hand that does them."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from chaos.stage import PARTS, WORKERS, start
from waysight.local import control, spec
from waysight.settings import Settings

FIRST_S, CALM_S = 6.0, 4.0  # nothing before, and nothing in the last so many seconds
GAP_S = (5.0, 16.0)
PAUSE_S = (1.0, 20.0)
AWAY_S = (5.0, 25.0)
TARGETS = {**dict.fromkeys(WORKERS, 10.0), "kafka": 9.0, "registry": 6.0, "clickhouse": 10.0}
WORKER_ACTS = {"kill": 40, "pause": 35, "restart": 13, "away": 12}
PART_ACTS = {"kill": 50, "pause": 35, "restart": 15}


@dataclass(frozen=True)
class Act:
    """What is done to whom, when (s after the start), and for how long (s) where it lasts."""

    at_s: float
    target: str
    what: str
    lasts_s: float = 0.0


def plan(seed: int, duration_s: float) -> list[Act]:
    """All acts of a campaign, in order; each target is harmed at least once when there is time."""
    chance, acts, at_s = random.Random(f"harm{seed}"), [], FIRST_S
    owed = [*WORKERS, *PARTS]
    chance.shuffle(owed)
    while at_s < duration_s - CALM_S:
        target = owed.pop() if owed and chance.random() < 0.6 else _drawn(chance, TARGETS)
        what = _drawn(chance, WORKER_ACTS if target in WORKERS else PART_ACTS)
        spans = {"pause": PAUSE_S, "away": AWAY_S}
        lasts_s = round(chance.uniform(*spans[what]), 1) if what in spans else 0.0
        acts.append(Act(round(at_s, 1), target, what, lasts_s))
        at_s += chance.uniform(*GAP_S)
    return acts


def _drawn(chance: random.Random, weights: dict[str, float] | dict[str, int]) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]


@dataclass
class Hand:
    """Does the acts when their time comes; `done` tells what happened (s after the start, act, remark)."""

    settings: Settings
    acts: list[Act]
    done: list[tuple[float, Act, str]] = field(default_factory=list)
    _later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def tend(self, now_s: float) -> None:
        """Everything that is due at `now_s`."""
        for when_s, back in [x for x in self._later if x[0] <= now_s]:
            self._later.remove((when_s, back))
            back()
        while self.acts and self.acts[0].at_s <= now_s:
            act = self.acts.pop(0)
            self.done.append((round(now_s, 1), act, self._do(act, now_s)))

    def end(self) -> None:
        """Wake and call back everybody."""
        for _, back in self._later:
            back()
        self._later.clear()

    def _do(self, act: Act, now_s: float) -> str:
        if act.what == "away":
            spec.remove(self.settings.state_dir, act.target)
            self._later.append((now_s + act.lasts_s, lambda: start(self.settings, act.target)))
            return ""
        pid = (control.status(self.settings)["children"].get(act.target) or {}).get("pid")
        if pid is None:
            return "was down already"
        number = {"kill": signal.SIGKILL, "restart": signal.SIGTERM, "pause": signal.SIGSTOP}[act.what]
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return "was down already"
        if act.what == "pause":
            self._later.append((now_s + act.lasts_s, lambda: _wake(pid)))
        return ""


def _wake(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def until_calm(settings: Settings, patience_s: float = 240.0) -> None:
    """Wait until every part and worker is healthy again."""
    deadline = time.monotonic() + patience_s
    names = {*PARTS, *WORKERS}
    while time.monotonic() < deadline:
        children = control.status(settings)["children"]
        if all(children.get(name, {}).get("state") == "healthy" for name in names):
            return
        time.sleep(1.0)

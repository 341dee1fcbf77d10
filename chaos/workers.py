"""Worker processes under harm: started, killed, paused, sent away and called back; those that die start again."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from waysight.settings import Settings

WORKER = Path(__file__).with_name("worker.py")


class Workers:
    """The workers of one trial; `named`: each is a static member of its groups; `mood`: see chaos/worker.py."""

    def __init__(
        self, settings: Settings, prefix: str, count: int, log: Path, named: bool = True, mood: str = "-"
    ) -> None:
        self._settings, self._prefix, self._log = settings, prefix, log.open("ab")
        self._named, self._mood, self._folder = named, mood, log.parent
        self._got_stuck = False
        self._running = {n: self._spawn(n) for n in range(count)}
        self._leaving: list[subprocess.Popen[bytes]] = []
        self._paused: list[tuple[float, subprocess.Popen[bytes]]] = []
        self.ended = self.killed = 0

    def _spawn(self, number: int) -> subprocess.Popen[bytes]:
        instance = f"w{number}" if self._named else "-"
        first = number == 0 and self._mood == "stuck" and not self._got_stuck
        self._got_stuck = self._got_stuck or first
        mood = self._mood if first or self._mood in ("slow", "fail") else "-"
        command = [sys.executable, str(WORKER), self._prefix, instance, mood]
        own = {"WAYSIGHT_STATE_DIR": str(self._folder / f"{self._prefix}-{number}")}
        environment = {**self._settings.child_environment(), **own}
        return subprocess.Popen(command, env=environment, stdout=self._log, stderr=self._log)

    def tend(self) -> None:
        """Wake those whose pause is over, start again those that have ended."""
        for until, worker in [p for p in self._paused if time.monotonic() > p[0]]:
            worker.send_signal(signal.SIGCONT)
            self._paused.remove((until, worker))
        for number, worker in self._running.items():
            if worker.poll() is not None:
                self.ended += 1
                self._running[number] = self._spawn(number)

    def harm(self, number: int, pause_s: float) -> None:
        """SIGKILL, or SIGSTOP for a while when `pause_s` is not 0."""
        worker = self._running[number % len(self._running)]
        worker.send_signal(signal.SIGSTOP if pause_s else signal.SIGKILL)
        if pause_s:
            self._paused.append((time.monotonic() + pause_s, worker))
        else:
            self.killed += 1

    def join(self) -> None:
        """One worker more."""
        self._running[len(self._running)] = self._spawn(len(self._running))

    def leave(self) -> None:
        """The newest worker finishes its batch and goes."""
        worker = self._running.pop(len(self._running) - 1)
        worker.terminate()
        self._leaving.append(worker)

    def stop(self) -> list[int]:
        """SIGTERM to all; their exit codes."""
        everyone = [*self._running.values(), *self._leaving]
        for worker in self._running.values():
            worker.send_signal(signal.SIGCONT)
            worker.terminate()
        try:
            return [worker.wait(60) for worker in everyone]
        finally:
            for worker in everyone:
                worker.kill()
                worker.wait()
            self._log.close()

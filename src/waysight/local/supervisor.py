"""The supervisor process: keeps what children.d asks for running, and tells the state in status.json.

Started detached by `waysight up` (``python -m waysight.local.supervisor``); SIGTERM ends it and every child.
A second one for the same state folder ends at once: the lock file is held for life.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from waysight.errors import BadConfiguration
from waysight.local import processes, spec
from waysight.local.catalogue import OPTIONAL, ORDER
from waysight.local.runner import Runner
from waysight.settings import Settings, get_settings

LOCK = "supervisor.lock"
STATUS = "status.json"
TICK_S = 0.2


class Supervisor:
    """One per state folder; `run` returns when asked to stop or when `owner_pid` is gone."""

    def __init__(self, settings: Settings, owner_pid: int | None = None) -> None:
        self._settings = settings
        self._state_dir = settings.state_dir.resolve()
        self._owner = psutil.Process(owner_pid) if owner_pid else None
        self._runners: dict[str, Runner] = {}
        self._texts: dict[str, str] = {}
        self._broken: dict[str, str] = {}
        self._leaving: list[Runner] = []
        self._told = ""
        self.stopping = threading.Event()

    def run(self) -> None:
        """Serve until stopped, then end every child, programs first and Kafka last."""
        processes.end(processes.of_stack(self._state_dir))
        while not self.stopping.wait(TICK_S):
            self._follow_files()
            self._tell("running")
            if self._owner is not None and not self._owner.is_running():
                break
        self._tell("stopping")
        for wave in self._waves():
            for name in wave:
                self._runners[name].stop()
            for name in wave:
                self._runners[name].join()
            self._tell("stopping")
        for runner in self._leaving:
            runner.join()

    def _follow_files(self) -> None:
        wanted = spec.read_all(self._state_dir)
        self._leaving = [r for r in self._leaving if r.state not in ("stopped", "finished", "failed")]
        busy = {r.child.name for r in self._leaving}
        for name in [n for n, text in self._texts.items() if wanted.get(n) != text]:
            del self._texts[name]
            self._broken.pop(name, None)
            if name in self._runners:
                runner = self._runners.pop(name)
                runner.stop()
                self._leaving.append(runner)
                busy.add(name)
        for name, text in wanted.items():
            if name in self._texts or name in busy:
                continue
            self._texts[name] = text
            try:
                child = spec.parse(name, text, self._settings)
            except BadConfiguration as error:
                self._broken[name] = str(error)
                continue
            self._runners[name] = Runner(
                child, self._state_dir, self._settings.child_environment(), self._is_healthy
            )
            self._runners[name].start()

    def _is_healthy(self, name: str) -> bool:
        runner = self._runners.get(name)
        return runner is not None and runner.state in ("healthy", "unhealthy")

    def _waves(self) -> list[list[str]]:
        programs = [name for name in self._runners if name not in (*ORDER, *OPTIONAL)]
        last = [name for name in self._runners if name == "kafka"]
        parts = [name for name in self._runners if name not in (*programs, *last)]
        return [programs, parts, last]

    def _tell(self, state: str) -> None:
        children: dict[str, Any] = {name: runner.report() for name, runner in self._runners.items()}
        children |= {
            name: {"state": "failed", "message": why, "pid": None} for name, why in self._broken.items()
        }
        children |= {r.child.name: {**r.report(), "state": "stopping"} for r in self._leaving}
        report = {"supervisor": {"pid": os.getpid(), "state": state}, "children": children}
        text = json.dumps(report, indent=1, sort_keys=True)
        if text != self._told:
            spec.replace_text(self._state_dir / STATUS, text)
            self._told = text


def take_lock(state_dir: Path, *, mark: bool = True) -> int | None:
    """The folder's lock as an open handle (our pid in it when `mark`), or None when a supervisor holds it."""
    state_dir.mkdir(parents=True, exist_ok=True)
    handle = os.open(state_dir / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    if mark:
        os.truncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
    return handle


def main(arguments: list[str]) -> int:
    """Run until SIGTERM; the argument, if any, is the pid of an owner to outlive by no more than a moment."""
    settings = get_settings()
    if os.fork():
        return 0  # whoever started us need not wait for our end
    if take_lock(settings.state_dir.resolve()) is None:
        return 0
    supervisor = Supervisor(settings, int(arguments[0]) if arguments else None)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.stopping.set())
    print(f"{time.strftime('%FT%TZ', time.gmtime())} supervisor {os.getpid()} starts", flush=True)
    supervisor.run()
    print(f"{time.strftime('%FT%TZ', time.gmtime())} supervisor {os.getpid()} ends", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""One thread per child: start it, wait until it serves, watch it, start it again when it dies."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from waysight.errors import BadConfiguration, EngineDown, WaysightError
from waysight.local import processes
from waysight.local.child import Child
from waysight.local.ports import require_free
from waysight.local.probes import nothing

POLL_S = 0.1
HEALTH_EVERY_S = 5.0
STEADY_S = 30.0
PROOF_S = 1.0  # a program without a probe proves itself by living this long
LONGEST_PAUSE_S = 10.0
LOG_LIMIT_BYTES = 20_000_000
TAIL_LINES = 15


class Runner:
    """Keeps one child in the state that its restart policy asks for; `report()` is its status.json entry."""

    def __init__(
        self, child: Child, state_dir: Path, base_env: dict[str, str], healthy: Callable[[str], bool]
    ) -> None:
        self.child, self._state_dir, self._base_env, self._healthy = child, state_dir, base_env, healthy
        self.log = state_dir / child.name / f"{child.name}.log"
        self._stop = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._facts: dict[str, Any] = {"state": "waiting", "message": "", "pid": None, "exit_code": None}
        self._deaths_in_a_row = self._restarts = 0
        self._since_ms = int(time.time() * 1000)
        self._thread = threading.Thread(target=self._run, name=child.name, daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the child to end; `join` waits for it."""
        self._stop.set()

    def join(self) -> None:
        """Wait until the child and its descendants are gone."""
        self._thread.join()

    @property
    def state(self) -> str:
        """waiting, starting, healthy, unhealthy, ending, pausing, failed, finished or stopped."""
        return str(self._facts["state"])

    def report(self) -> dict[str, Any]:
        """State, pid, message, restarts, since_ms (UTC epoch) and, in trouble, the last log lines."""
        troubled = self.state not in ("healthy", "finished", "stopped") and self._deaths_in_a_row > 0
        troubled = troubled or self.state in ("unhealthy", "failed")
        return {
            **self._facts,
            "restarts": self._restarts,
            "deaths_in_a_row": self._deaths_in_a_row,
            "since_ms": self._since_ms,
            "log": str(self.log),
            "log_tail": tail(self.log) if troubled else [],
        }

    def _set(self, state: str, message: str = "", **facts: Any) -> None:
        if state != self._facts["state"]:
            self._since_ms = int(time.time() * 1000)
        self._facts = {**self._facts, "state": state, "message": message, **facts}

    def _run(self) -> None:
        while not self._stop.is_set():
            missing = [name for name in self.child.depends_on if not self._healthy(name)]
            if missing:
                self._set("waiting", f"waits for {', '.join(missing)}")
                self._stop.wait(POLL_S)
                continue
            try:
                code = self._one_life()
            except BadConfiguration as error:
                self._end_family()
                self._set("failed", str(error), pid=None)
                self._stop.wait()
                break
            except (WaysightError, OSError) as error:
                self._end_family()
                self._pause_after_death(str(error), None)
                continue
            if code is None:
                break
            self._set("ending", f"ended with exit code {code}", pid=None, exit_code=code)
            self._end_family()
            if self.child.restart == "never" or (self.child.restart == "on-failure" and code == 0):
                how = "finished" if code == 0 else "failed"
                self._set(how, f"ended with exit code {code}", pid=None, exit_code=code)
                self._stop.wait()
                break
            self._pause_after_death(f"ended with exit code {code}", code)
        self._end_family()
        if self.state not in ("finished", "failed"):
            self._set("stopped", pid=None)

    def _one_life(self) -> int | None:
        """Start, serve, die: the exit code, or None when asked to stop."""
        self._end_family()
        for port, setting in self.child.ports:
            require_free(port, setting)
        self._set("starting")
        self.child.prepare()
        self._spawn()
        deadline = time.monotonic() + self.child.ready_timeout_s
        next_probe = born = time.monotonic()
        while not self._stop.wait(POLL_S):
            assert self._process is not None
            code = self._process.poll()
            if code is not None:
                return code
            now = time.monotonic()
            if now < next_probe:
                continue
            trouble = self.child.ready()
            if self.child.ready is nothing and now - born < PROOF_S:
                trouble = "has only just started"
            ever_ready = self.state != "starting"
            if trouble is None:
                if self.state != "healthy":
                    self._set("healthy")
                if now - born > STEADY_S:
                    self._deaths_in_a_row = 0
            elif ever_ready:
                self._set("unhealthy", trouble)
            elif now > deadline:
                raise EngineDown(f"not ready after {self.child.ready_timeout_s:.0f} s: {trouble}")
            next_probe = now + (HEALTH_EVERY_S if trouble is None else 2 * POLL_S)
        return None

    def _spawn(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        env = {**self._base_env, **self.child.env, **processes.marks(self._state_dir, self.child.name)}
        with self.log.open("ab") as log:
            log.write(f"--- {time.strftime('%FT%TZ', time.gmtime())} start of {self.child.name}\n".encode())
            self._process = subprocess.Popen(
                self.child.command,
                env=env,
                cwd=self.child.cwd or self.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._set("starting", pid=self._process.pid, exit_code=None)

    def _pause_after_death(self, why: str, code: int | None) -> None:
        self._deaths_in_a_row += 1
        self._restarts += 1
        pause_s = min(LONGEST_PAUSE_S, 0.25 * 2 ** (self._deaths_in_a_row - 1))
        again = f"{self._deaths_in_a_row} times in a row; " if self._deaths_in_a_row > 1 else ""
        self._set("pausing", f"{why}; {again}next start in {pause_s:g} s", pid=None, exit_code=code)
        self._stop.wait(pause_s)

    def _end_family(self) -> None:
        """End the child and whatever it left behind (Triton's model processes outlive their server)."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(self.child.stop_timeout_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None
        processes.end(processes.of_stack(self._state_dir, self.child.name), grace_s=1.0)
        self.child.cleanup()


def tail(log: Path, lines: int = TAIL_LINES) -> list[str]:
    """The last lines of a log file; empty when there is none."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - 8192))
            return stream.read().decode(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []

"""What `up`, `down` and `status` do: start the supervisor, ask it for parts, wait, read its report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from waysight.errors import BadConfiguration, EngineDown
from waysight.local import processes, spec, triton_venv
from waysight.local.catalogue import ORDER, check_names
from waysight.local.parts import fetch_parts
from waysight.local.runner import tail
from waysight.local.supervisor import LOCK, STATUS, take_lock
from waysight.local.triton import shared_memory_prefix
from waysight.settings import Settings

Say = Callable[[str], None]
WAIT_S = 0.2
DEATHS_TO_GIVE_UP = 3
PATIENCE_S = 60.0
SUPERVISOR_LOG = "supervisor.log"
JAVA_PARTS = frozenset(("kafka", "registry"))


def up(
    settings: Settings,
    names: Sequence[str] = ORDER,
    *,
    say: Say = lambda _line: None,
    timeout_s: float = 240.0,
    owner_pid: int | None = None,
) -> dict[str, Any]:
    """Bring the named parts up and wait until all are healthy; harmless to repeat.

    `owner_pid`: the stack ends when that process does (for tests). Returns the status report; raises
    BadConfiguration or EngineDown with the part's last log lines.
    """
    check_names(names)
    prepare(settings, names, say)
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    _forget_failed(settings, names)
    for name in names:
        spec.write(settings.state_dir, name, {"part": name})
    _ensure_supervisor(settings, owner_pid)
    return wait_healthy(settings, names, say=say, timeout_s=timeout_s)


def prepare(settings: Settings, names: Sequence[str] = ORDER, say: Say = lambda _line: None) -> None:
    """Download and install, once, what the named parts need; harmless to repeat."""
    if JAVA_PARTS.intersection(names):
        fetch_parts(settings, say)
    if "triton" in names:
        triton_venv.create(settings, say)


def wait_healthy(
    settings: Settings, names: Sequence[str], *, say: Say = lambda _line: None, timeout_s: float = 240.0
) -> dict[str, Any]:
    """Wait until the named children are healthy; raises EngineDown or BadConfiguration if one fails."""
    deadline = time.monotonic() + timeout_s
    said: dict[str, str] = {}
    while True:
        report = status(settings)
        children = report["children"]
        for name in names:
            child = children.get(name, {"state": "waiting", "message": "", "pid": None})
            if said.get(name) != child["state"]:
                said[name] = child["state"]
                say(f"{name}: {child['state']}{_why(child)}")
            if child["state"] == "failed":
                raise BadConfiguration(_trouble(name, child))
            if child.get("deaths_in_a_row", 0) >= DEATHS_TO_GIVE_UP:
                raise EngineDown(_trouble(name, child))
        if all(children.get(name, {}).get("state") == "healthy" for name in names):
            return report
        if not report["supervisor"]["running"] and time.monotonic() > deadline - timeout_s + 10:
            lines = "\n".join(tail(settings.state_dir / SUPERVISOR_LOG))
            raise EngineDown(f"the supervisor is not running; its last log lines:\n{lines}")
        if time.monotonic() > deadline:
            slow = [n for n in names if children.get(n, {}).get("state") != "healthy"]
            details = "\n".join(_trouble(n, children.get(n, {"state": "waiting"})) for n in slow)
            raise EngineDown(f"not healthy after {timeout_s:.0f} s:\n{details}")
        time.sleep(WAIT_S)


def down(settings: Settings, *, say: Say = lambda _line: None) -> int:
    """End the stack and everything that an earlier, killed one left; returns how many orphans were ended."""
    state_dir = settings.state_dir.resolve()
    pid = _supervisor_pid(state_dir)
    if pid is not None:
        say(f"ending the supervisor (pid {pid}) and its children")
        _end_supervisor(state_dir, pid)
    orphans = processes.end(processes.of_stack(state_dir))
    if orphans:
        say(f"ended {orphans} left-over processes")
    processes.remove_shared_memory(shared_memory_prefix(state_dir))
    for name in spec.read_all(state_dir):
        spec.remove(state_dir, name)
    (state_dir / STATUS).unlink(missing_ok=True)
    return orphans


def status(settings: Settings) -> dict[str, Any]:
    """{"supervisor": {"running", "pid", "state"}, "children": {name: report}}; state "down" if none runs."""
    state_dir = settings.state_dir.resolve()
    pid = _supervisor_pid(state_dir)
    try:
        report: dict[str, Any] = json.loads((state_dir / STATUS).read_text())
    except FileNotFoundError:
        report = {"supervisor": {}, "children": {}}
    if pid is None or report["supervisor"].get("pid") != pid:
        children = {name: {"state": "down", "message": "", "pid": None} for name in report["children"]}
        report = {"supervisor": {"pid": pid, "state": "starting" if pid else "down"}, "children": children}
    report["supervisor"]["running"] = pid is not None
    return report


def _forget_failed(settings: Settings, names: Sequence[str]) -> None:
    """A part that gave up is asked for anew."""
    failed = {n for n, c in status(settings)["children"].items() if n in names and c["state"] == "failed"}
    for name in failed:
        spec.remove(settings.state_dir, name)
    deadline = time.monotonic() + 5.0
    while failed.intersection(status(settings)["children"]) and time.monotonic() < deadline:
        time.sleep(WAIT_S)


def _ensure_supervisor(settings: Settings, owner_pid: int | None) -> None:
    state_dir = settings.state_dir.resolve()
    if _supervisor_pid(state_dir) is not None:
        return
    (state_dir / STATUS).unlink(missing_ok=True)
    with (state_dir / SUPERVISOR_LOG).open("ab") as log:
        subprocess.run(
            [sys.executable, "-m", "waysight.local.supervisor", *([str(owner_pid)] if owner_pid else [])],
            check=False,
            env=settings.child_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _supervisor_pid(state_dir: Path) -> int | None:
    """The pid of the folder's living supervisor; None when nobody holds the lock."""
    if not (state_dir / LOCK).exists():
        return None
    for _ in range(10):
        text = (state_dir / LOCK).read_text()
        handle = take_lock(state_dir, mark=False)
        if handle is not None:
            os.close(handle)
            return None
        if text.isdigit():
            return int(text)
        time.sleep(0.05)
    raise EngineDown(f"{state_dir / LOCK} is held by an unknown process; end it and try again")


def _end_supervisor(state_dir: Path, pid: int) -> None:
    try:
        process = psutil.Process(pid)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=PATIENCE_S)
    except psutil.NoSuchProcess:
        return
    except psutil.TimeoutExpired:
        if _supervisor_pid(state_dir) == pid:
            process.kill()
            with suppress(psutil.TimeoutExpired):
                process.wait(timeout=10)


def _why(child: dict[str, Any]) -> str:
    return f" ({child['message']})" if child.get("message") else ""


def _trouble(name: str, child: dict[str, Any]) -> str:
    lines = "\n".join(f"    {line}" for line in child.get("log_tail", []))
    where = f"\n  last lines of {child['log']}:\n{lines}" if lines else ""
    return f"{name} is {child['state']}{_why(child)}{where}"

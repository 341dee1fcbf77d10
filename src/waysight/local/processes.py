"""Which processes belong to one stack, and how to end them and nobody else's.

Every child is started with two variables that its descendants inherit: the stack's state folder and the
child's name. They are what tells our orphans from other people's processes after a SIGKILL of the supervisor.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import psutil

STACK_MARK = "WAYSIGHT_CHILD_OF"
NAME_MARK = "WAYSIGHT_CHILD"
SHARED_MEMORY = Path("/dev/shm")


def marks(state_dir: Path, name: str) -> dict[str, str]:
    """Environment that marks a process as child `name` of the stack in `state_dir`."""
    return {STACK_MARK: str(state_dir.resolve()), NAME_MARK: name}


def of_stack(state_dir: Path, name: str | None = None) -> list[psutil.Process]:
    """Living processes of the stack (of one child if `name` is given), never the caller or its ancestors."""
    stack = str(state_dir.resolve())
    own = {os.getpid(), *(p.pid for p in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter():
        if process.pid in own:
            continue
        try:
            environment = process.environ()
        except (psutil.Error, OSError):
            continue
        if environment.get(STACK_MARK) == stack and name in (None, environment.get(NAME_MARK)):
            found.append(process)
    return found


def end(processes: Iterable[psutil.Process], grace_s: float = 5.0) -> int:
    """SIGTERM, then SIGKILL after `grace_s` seconds to those that remain; returns how many there were."""
    targets = list(processes)
    for process in targets:
        _send(process, kill=False)
    _, alive = psutil.wait_procs(targets, timeout=grace_s)
    for process in alive:
        _send(process, kill=True)
    psutil.wait_procs(alive, timeout=5.0)
    return len(targets)


def remove_shared_memory(prefix: str) -> int:
    """Delete the shared-memory files whose names start with `prefix`; returns how many there were."""
    files = [f for f in SHARED_MEMORY.glob(f"{prefix}*") if f.is_file()]
    for file in files:
        file.unlink(missing_ok=True)
    return len(files)


def _send(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return

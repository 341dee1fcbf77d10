"""Runs `waysight` commands as programs of their own, and waits for what they do."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from waysight.settings import Settings

T = TypeVar("T")


def waysight(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command to its end."""
    command = [sys.executable, "-m", "waysight.cli", *arguments]
    return subprocess.run(
        command, env=settings.child_environment(), capture_output=True, text=True, timeout=120
    )


@contextlib.contextmanager
def running(settings: Settings, log: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs until the block ends (SIGTERM, then SIGKILL); its output goes to `log`."""
    command = [sys.executable, "-m", "waysight.cli", *arguments]
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=settings.child_environment(), stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def eventually(look: Callable[[], T], done: Callable[[T], bool], seconds: float = 60.0) -> T:
    """Look until `done`, and return what was seen last."""
    deadline = time.monotonic() + seconds
    while not done(seen := look()) and time.monotonic() < deadline:
        time.sleep(0.3)
    return seen

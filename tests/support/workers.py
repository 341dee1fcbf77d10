"""Runs `waysight` commands as programs of their own, and waits for what they do."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import typer
from typer.testing import CliRunner

from waysight.errors import WaysightError
from waysight.settings import Settings, using

T = TypeVar("T")


def waysight(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command to its end."""
    command = [sys.executable, "-m", "waysight.cli", *arguments]
    return subprocess.run(
        command, env=settings.child_environment(), capture_output=True, text=True, timeout=600
    )


def said(settings: Settings, *arguments: str, code: int = 0) -> Any:
    """What one command tells with --json, in this process: no seconds go by until it has started. Raises what it raised."""
    with using(settings):
        result = CliRunner().invoke(_command(arguments[0]), [*arguments, "--json"])
    if isinstance(result.exception, WaysightError):
        raise result.exception
    assert result.exit_code == code, (result.output, result.exception)
    return json.loads(result.stdout)


@cache
def _command(name: str) -> typer.Typer:
    app = typer.Typer()
    import_module(f"waysight.commands.{name}").register(app)
    return app


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
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def eventually(look: Callable[[], T], done: Callable[[T], object], seconds: float = 300.0) -> T:
    """Look until `done`, and return what was seen last; what `done` does not find in it yet is awaited, too.

    The time is for the slowest machine: shorter only where it is what a test shows.
    """
    deadline = time.monotonic() + seconds
    while not _met(done, seen := look()) and time.monotonic() < deadline:
        time.sleep(0.3)
    return seen


def _met(done: Callable[[T], object], seen: T) -> bool:
    try:
        return bool(done(seen))
    except LookupError:
        return False

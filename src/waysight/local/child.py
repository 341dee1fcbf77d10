"""What the supervisor needs to know of one child."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from waysight.local.probes import Probe, nothing

Restart = Literal["always", "on-failure", "never"]


def nothing_to_do() -> None:
    """Default for `prepare` and `cleanup`."""


@dataclass(frozen=True)
class Child:
    """One supervised program.

    `prepare` runs before each start (formats storage, writes configuration) and may raise WaysightError;
    `ready` says None once the child serves; `cleanup` runs after each death; `ports` are (port, setting)
    pairs that must be free before a start; times are seconds.
    """

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    ready: Probe = nothing
    depends_on: tuple[str, ...] = ()
    restart: Restart = "always"
    ports: tuple[tuple[int, str], ...] = ()
    prepare: Callable[[], object] = nothing_to_do
    cleanup: Callable[[], object] = nothing_to_do
    ready_timeout_s: float = 90.0
    stop_timeout_s: float = 15.0

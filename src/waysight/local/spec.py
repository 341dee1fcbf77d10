"""The control interface: one JSON file per wanted child in children.d; delete the file to stop the child."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from waysight.errors import BadConfiguration
from waysight.local import prometheus
from waysight.local.child import Child, Restart
from waysight.local.probes import http_ok, nothing
from waysight.settings import Settings

FOLDER = "children.d"


def write_program(
    settings: Settings,
    name: str,
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    restart: Restart = "on-failure",
    depends_on: Sequence[str] = (),
    ready_port: int | None = None,
    ready_path: str = "/metrics",
    cwd: Path | None = None,
) -> None:
    """Ask the running supervisor for a program of ours; it starts within a second.

    `ready_port`: healthy once http://127.0.0.1:ready_port/ready_path answers 200, and scraped by Prometheus;
    without it, healthy once it has run for a second.
    Writing a different file under the same name restarts the child.
    """
    spec: dict[str, Any] = {
        "command": list(command),
        "env": dict(env or {}),
        "restart": restart,
        "depends_on": list(depends_on),
        "cwd": str(cwd or Path.cwd()),
    }
    if ready_port is not None:
        spec["ready"] = {"port": ready_port, "path": ready_path}
        target = prometheus.target_file(settings.state_dir, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_text(target, prometheus.target_text(name, ready_port))
    write(settings.state_dir, name, spec)


def write(state_dir: Path, name: str, spec: Mapping[str, Any]) -> None:
    """Write children.d/NAME.json atomically; leaves an equal file untouched."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise BadConfiguration(f"child name {name!r}: use lower-case letters, digits, '.', '_' and '-'")
    path = folder(state_dir) / f"{name}.json"
    text = json.dumps(spec, indent=1, sort_keys=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        replace_text(path, text)


def remove(state_dir: Path, name: str) -> None:
    """Stop the child `name`; harmless when there is none."""
    (folder(state_dir) / f"{name}.json").unlink(missing_ok=True)
    prometheus.target_file(state_dir, name).unlink(missing_ok=True)


def folder(state_dir: Path) -> Path:
    """Where the files lie."""
    return state_dir.resolve() / FOLDER


def read_all(state_dir: Path) -> dict[str, str]:
    """Name -> text of every file."""
    found = {}
    for path in sorted(folder(state_dir).glob("*.json")):
        try:
            found[path.stem] = path.read_text()
        except FileNotFoundError:
            continue
    return found


def parse(name: str, text: str, settings: Settings) -> Child:
    """The child that a file asks for; raises BadConfiguration naming the file and field."""
    try:
        spec = json.loads(text)
        if "part" in spec:
            from waysight.local.catalogue import part

            return part(spec["part"], settings)
        ready = spec.get("ready")
        restart = spec.get("restart", "on-failure")
        if restart not in get_args(Restart):
            raise ValueError(f"restart is {restart!r}, must be one of {', '.join(get_args(Restart))}")
        return Child(
            name=name,
            command=tuple(str(word) for word in spec["command"]),
            env={str(k): str(v) for k, v in spec.get("env", {}).items()},
            cwd=Path(spec["cwd"]) if spec.get("cwd") else None,
            ready=http_ok(int(ready["port"]), str(ready["path"])) if ready is not None else nothing,
            depends_on=tuple(spec.get("depends_on", ())),
            restart=restart,
            stop_timeout_s=float(spec.get("stop_timeout_s", 15.0)),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadConfiguration(f"{FOLDER}/{name}.json: {error!r}; correct or delete the file") from error


def replace_text(path: Path, text: str) -> None:
    """Write a file so that readers see the old text or the new one, never a part."""
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    new.write_text(text)
    new.replace(path)

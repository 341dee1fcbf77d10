"""Who may send: one bearer token a device, kept as its hash only, with what the device may say and where."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from waysight.errors import BadConfiguration

KINDS = ("anpr", "radar", "lidar", "loop", "signals")


@dataclass(frozen=True, slots=True)
class Grant:
    """One device's right: the kinds of records, and the places (their keys: camera:<id>, …); none means anywhere."""

    device_id: str
    kinds: tuple[str, ...]
    sha256: str
    places: tuple[str, ...] = ()
    added_ms: int = 0
    added_by: str = ""

    def against(self, device_id: str, kind: str, place: str) -> tuple[str, str]:
        """The field at fault and why this device may not say it; two empty texts when it may."""
        if device_id != self.device_id:
            return "device_id", f"the token is {self.device_id}'s, the record is {device_id}'s"
        if kind not in self.kinds:
            return "device_kind", f"the token is for {', '.join(self.kinds)}, not for {kind}"
        if self.places and place not in self.places:
            return "camera_id", f"the token is for {', '.join(self.places)}, not for {place}"
        return "", ""


class TokenFile:
    """The grants of one file (JSON, mode 0600); a change is seen by a running server at its next request."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int] | None = None
        self._grants: dict[str, Grant] = {}

    def grants(self) -> list[Grant]:
        """All grants by device; raises BadConfiguration for a file that is none."""
        return sorted(self._load().values(), key=lambda g: g.device_id)

    def find(self, token: str) -> Grant | None:
        """Whose token it is."""
        return self._load().get(_digest(token))

    def add(
        self, device_id: str, kinds: tuple[str, ...], places: tuple[str, ...], now_ms: int, by: str
    ) -> str:
        """A new token of a device, shown this once; an earlier one of the same device ends. Raises BadConfiguration."""
        unknown = [k for k in kinds if k not in KINDS]
        if unknown or not kinds or not device_id:
            raise BadConfiguration(
                f"device {device_id!r}: kinds {', '.join(unknown) or 'missing'}; there are {', '.join(KINDS)}"
            )
        token = secrets.token_urlsafe(32)
        grant = Grant(device_id, kinds, _digest(token), places, now_ms, by)
        self._change(lambda old: [*(g for g in old if g.device_id != device_id), grant])
        return token

    def revoke(self, device_id: str) -> None:
        """End a device's token; raises BadConfiguration when it has none."""
        self.require(device_id)
        self._change(lambda old: [g for g in old if g.device_id != device_id])

    def require(self, device_id: str) -> None:
        """Raise BadConfiguration where a device has no token."""
        if all(g.device_id != device_id for g in self.grants()):
            raise BadConfiguration(
                f"{self.path}: no token of {device_id}; `waysight intake token list` shows them"
            )

    def _load(self) -> dict[str, Grant]:
        try:
            stat = self.path.stat()
            if (at := (stat.st_mtime_ns, stat.st_ino)) != self._seen:
                found = msgspec.json.decode(self.path.read_bytes(), type=list[Grant])
                self._grants, self._seen = {g.sha256: g for g in found}, at
        except FileNotFoundError:
            self._grants, self._seen = {}, None
        except (OSError, msgspec.MsgspecError) as error:
            raise BadConfiguration(f"{self.path}: not a file of tokens ({error}); add them again") from error
        return self._grants

    def _change(self, change: Callable[[list[Grant]], list[Grant]]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            fresh = self.path.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_bytes(msgspec.json.format(msgspec.json.encode(change(self.grants()))))
            os.replace(fresh, self.path)


def _digest(token: str) -> str:
    # 256 random bits need no salt and no slow hash: there is nothing to guess.
    return hashlib.sha256(token.encode()).hexdigest()

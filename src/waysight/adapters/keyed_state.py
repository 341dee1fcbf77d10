"""The keyed state of one partition: live values in front, msgpack bytes behind, changes since the last commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
_SEPARATOR = b"\x1f"


class KeyedState:
    """Implements `engine.PartitionState` for both engines."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self._raw: dict[str, dict[str, bytes]] = {}
        self._live: dict[tuple[str, str], Any] = {}
        self._dirty: set[tuple[str, str]] = set()
        self._order: dict[str, list[str]] = {}
        self._derived: dict[str, Any] = {}

    def get(self, table: str, key: str, kind: type[T]) -> T | None:
        """The value, or None."""
        at = (table, key)
        if at in self._live:
            return self._live[at]  # type: ignore[no-any-return]
        raw = self._raw.get(table, {}).get(key)
        if raw is None or at in self._dirty:
            return None
        value: T = msgspec.msgpack.decode(raw, type=kind)
        self._live[at] = value
        return value

    def put(self, table: str, key: str, value: Any) -> None:
        """Write; durable with the step's outputs."""
        if not self._has(table, key):
            self._order.pop(table, None)
        self._live[table, key] = value
        self._dirty.add((table, key))

    def delete(self, table: str, key: str) -> None:
        """Remove; a missing key is no error."""
        if self._has(table, key):
            self._order.pop(table, None)
            self._live.pop((table, key), None)
            self._dirty.add((table, key))

    def items(self, table: str, kind: type[T]) -> Iterator[tuple[str, T]]:
        """All entries of a table as they are at the call, in key order."""
        if table not in self._order:
            stored = [k for k in self._raw.get(table, {}) if (table, k) not in self._dirty]
            fresh = [k for t, k in self._dirty if t == table and (t, k) in self._live]
            self._order[table] = sorted([*stored, *fresh])
        for key in list(self._order[table]):
            value = self.get(table, key, kind)
            if value is not None:
                yield key, value

    def derived(self, name: str, build: Callable[[], T]) -> T:
        """What is made from the state and kept in memory only; made anew after a restore."""
        if name not in self._derived:
            self._derived[name] = build()
        return self._derived[name]  # type: ignore[no-any-return]

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """What has changed since the last `committed`, as changelog records in key order; None = removed."""
        found: list[tuple[bytes, bytes | None]] = []
        for table, key in sorted(self._dirty):
            value = self._live.get((table, key))
            raw = None if (table, key) not in self._live else msgspec.msgpack.encode(value)
            if raw is not None or key in self._raw.get(table, {}):
                found.append((table.encode() + _SEPARATOR + key.encode(), raw))
        return found

    def committed(self, changes: list[tuple[bytes, bytes | None]]) -> None:
        """The changes are durable."""
        for key, raw in changes:
            self.load(key, raw)
        self._dirty.clear()

    def load(self, key: bytes, raw: bytes | None) -> None:
        """Apply one changelog record."""
        table_raw, _, key_raw = key.partition(_SEPARATOR)
        table, name = table_raw.decode(), key_raw.decode()
        if raw is None:
            self._raw.get(table, {}).pop(name, None)
        else:
            self._raw.setdefault(table, {})[name] = raw

    def forget_live(self) -> None:
        """Drop the decoded values, so that the next reads prove that what was written can be read back."""
        self._live.clear()
        self._order.clear()
        self._derived.clear()

    def snapshot(self) -> dict[str, dict[str, bytes]]:
        """The committed entries of every table that has any."""
        return {table: dict(entries) for table, entries in self._raw.items() if entries}

    def restore(self, snapshot: dict[str, dict[str, bytes]]) -> None:
        """Take over a snapshot."""
        self._raw = {table: dict(entries) for table, entries in snapshot.items()}
        self._derived.clear()

    def _has(self, table: str, key: str) -> bool:
        at = (table, key)
        return at in self._live or (at not in self._dirty and key in self._raw.get(table, {}))

"""One replay: run, compare, and what of it may be published."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from waysight import processing
from waysight.adapters.clickhouse import ClickHouse
from waysight.adapters.kafka_admin import topic_partitions
from waysight.codec import Codec
from waysight.engine import Message
from waysight.errors import BadConfiguration
from waysight.replaying.difference import Change, Found, fields_changed, stored_rows
from waysight.replaying.publication import decided, held_back
from waysight.replaying.scratch import Scratch, in_flow_order, retained, retained_inputs
from waysight.settings import Settings
from waysight.storage.tables import BY_TOPIC, TABLES

MINUTE_MS = 60_000
KEPT_OUT = ("papers", "fine", "store", "ledger")
# How long before the range a processor must begin to know what it would have known; others take an hour.
WARM_UP_MINUTES = {"match": 24 * 60, "convoy": 24 * 60}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Event times from `from_ms` to before `to_ms`; of the input what reached Kafka within the arrival times.

    `since_ms` None: from the range's begin less the warm-up; `until_ms` None: up to now.
    """

    processors: tuple[str, ...]
    from_ms: int
    to_ms: int
    warm_up_minutes: int | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    keep_evidence: bool = False

    def __post_init__(self) -> None:
        if not self.from_ms < self.to_ms:
            raise BadConfiguration("--from must be before --to")
        kept_out = [name for name in self.processors if name in KEPT_OUT]
        if kept_out:
            raise BadConfiguration(f"{kept_out[0]} is not replayed: fines, what is stored and what the register said are not made again; "
                                   "replay what they rest on")  # fmt: skip

    @property
    def start_ms(self) -> int:
        """From which arrival on input is read."""
        minutes = self.warm_up_minutes
        if minutes is None:
            minutes = max(WARM_UP_MINUTES.get(name, 60) for name in self.processors)
        return self.from_ms - minutes * MINUTE_MS if self.since_ms is None else self.since_ms


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came out: the differences by table, and why some of them must stay as they are."""

    messages_read: int
    dead_letters: int
    same: Mapping[str, int]
    changes: Mapping[str, list[Change]]
    held: Mapping[str, dict[str, str]] = field(default_factory=dict)

    def summary(self) -> list[dict[str, Any]]:
        """Per table how many rows are the same, added, changed, gone, and held back."""
        rows = []
        for table, changes in self.changes.items():
            kinds = [c.kind for c in changes]
            counts = {kind: kinds.count(kind) for kind in ("added", "changed", "gone")}
            rows.append({"table": table, "same": self.same[table], **counts, "held": len(self.held[table])})
        return rows

    def listed(self, limit: int) -> list[dict[str, Any]]:
        """The first differences of each table, with the fields that changed."""
        found = []
        for table, changes in self.changes.items():
            known = TABLES[table]
            for change in changes[:limit]:
                row = change.after if change.after is not None else change.before
                found.append({
                    "table": table, "id": change.row_id, "change": change.kind,
                    "at_ms": None if row is None else row[known.time],
                    "fields": {n: list(v) for n, v in fields_changed(known, change).items()},
                    "held": self.held[table].get(change.row_id, ""),
                })  # fmt: skip
        return found


def replay(settings: Settings, codec: Codec, clickhouse: ClickHouse, wanted: Wanted) -> Replayed:
    """Run the processors over what is retained, in memory, and compare with what is stored; writes nothing.

    With `keep_evidence` the frames in which detect finds something go to the evidence store, as always.
    """
    with tempfile.TemporaryDirectory(prefix="waysight-replay-") as folder:
        own = {} if wanted.keep_evidence else {"evidence_url": Path(folder).as_uri()}
        logics = in_flow_order(
            processing.build(name, settings.model_copy(update=own))
            for name in dict.fromkeys(wanted.processors)
        )
        partitions = topic_partitions(settings)
        _all_there(retained_inputs(logics), partitions)
        made = dict.fromkeys(topic for logic in logics for topic in logic.outputs)
        found = [
            Found(BY_TOPIC[t], wanted.from_ms, wanted.to_ms)
            for t in made
            if t in BY_TOPIC and t != "dead-letters"
        ]
        scratch = Scratch(logics, partitions)

        def keep(messages: list[Message]) -> None:
            for table in found:
                table.keep(codec, messages)

        inputs = retained(settings, retained_inputs(logics), partitions, wanted.start_ms, wanted.until_ms)
        asyncio.run(scratch.run(inputs, keep))
    changes, same = {}, {}
    for one in found:
        stored = stored_rows(clickhouse, one.table, wanted.from_ms, wanted.to_ms)
        changes[one.table.name] = one.against(stored)
        differing = {c.row_id for c in changes[one.table.name]}
        same[one.table.name] = len((set(one.rows) & set(stored)) - differing)
    decisions = decided(clickhouse, changes)
    held = {
        one.table.name: {
            c.row_id: why for c in changes[one.table.name] if (why := held_back(one.table, c, decisions))
        }
        for one in found
    }
    return Replayed(scratch.read, scratch.dead_letters, same, changes, held)


def _all_there(topics: Sequence[str], partitions: Mapping[str, int]) -> None:
    missing = [t for t in topics if t not in partitions]
    if missing:
        raise BadConfiguration(f"the broker lacks {', '.join(missing)}; run `waysight topics apply`")

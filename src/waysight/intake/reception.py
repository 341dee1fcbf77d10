"""Taking checked records in: each once, its pictures kept first, and only what Kafka has is called accepted."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import msgspec

from waysight.adapters.evidence import EvidenceStore, frame_key
from waysight.domain.ids import derive_id
from waysight.errors import BadMessage, EngineDown
from waysight.intake.records import Refused, Taken, reference
from waysight.messages import ExternalRead

_MOST_REMEMBERED = 200_000
_PATIENCE_S = 15.0


class Publishes(Protocol):
    """What sends a record and tells later whether Kafka has it (`adapters.kafka.Publisher`)."""

    def publish(
        self,
        topic: str,
        key: str,
        record: object,
        *,
        delivered: Callable[[str | None], None] | None = None,
    ) -> None: ...

    def poll(self, timeout_s: float = 0.0) -> None: ...


@dataclass
class Receipt:
    """What became of some records: accepted (Kafka has them; `known` of them had been sent before) and refused."""

    accepted: list[str] = field(default_factory=list)
    known: int = 0
    refused: list[tuple[Taken, Refused]] = field(default_factory=list)


class Reception:
    """Safe for several threads."""

    def __init__(self, publisher: Publishes, evidence: EvidenceStore) -> None:
        self._publisher, self._evidence = publisher, evidence
        self._seen: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, records: Sequence[Taken]) -> Receipt:
        """Keep, send and wait for Kafka; raises EngineDown, after which the same may be sent again.

        They are sent in order of their times: what comes after its device's time has passed it decides nothing.
        """
        receipt, sent, known = Receipt(), list[Taken](), list[Taken]()
        outcomes: list[str | None] = []
        for taken in sorted(records, key=_moment_ms):
            before = self._before(taken)
            if before is not None and before != _content(taken):
                reason = "was sent before with another content; a read never changes, give a new one a new id"
                receipt.refused.append((taken, Refused("read_id", reason)))
                continue
            if before is not None:
                receipt.known += 1
                known.append(taken)
                continue
            try:
                whole = self._with_pictures(taken)
                self._publisher.publish(taken.topic, taken.key, whole, delivered=outcomes.append)
            except BadMessage as error:
                receipt.refused.append((taken, Refused("", error.reason)))
                continue
            sent.append(taken)
        self._wait(outcomes, len(sent))
        for taken in sent:
            self._remember(taken)
        accepted = {id(t) for t in (*sent, *known)}
        receipt.accepted = [t.id for t in records if id(t) in accepted]
        return receipt

    def _with_pictures(self, taken: Taken) -> object:
        record = taken.record
        if not isinstance(record, ExternalRead) or not taken.pictures:
            return record
        epoch = derive_id("edge", record.device_id, record.read_id)[:16]
        frames = []
        for number, picture in enumerate(taken.pictures):
            key = frame_key(record.camera_id, record.captured_ms, epoch, number, "jpeg")
            frames.append(reference(picture, key, self._evidence.put(key, picture.data)))
        return replace(record, evidence=tuple(frames))

    def _wait(self, outcomes: list[str | None], wanted: int) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while len(outcomes) < wanted and time.monotonic() < deadline:
            self._publisher.poll(0.02)
        failed = [o for o in outcomes if o is not None]
        if failed or len(outcomes) < wanted:
            reason = failed[0] if failed else f"nothing for {_PATIENCE_S:g} s"
            raise EngineDown(f"Kafka did not take {wanted} records: {reason}; send them again")

    def _before(self, taken: Taken) -> bytes | None:
        if taken.topic == "signals":
            return None  # heartbeats repeat a state on purpose
        with self._lock:
            return self._seen.get((taken.device_id, taken.id))

    def _remember(self, taken: Taken) -> None:
        if taken.topic == "signals":
            return
        with self._lock:
            self._seen[taken.device_id, taken.id] = _content(taken)
            while len(self._seen) > _MOST_REMEMBERED:
                self._seen.popitem(last=False)


def _moment_ms(taken: Taken) -> int:
    record = taken.record
    return record.captured_ms if isinstance(record, ExternalRead) else record.valid_ms


def _content(taken: Taken) -> bytes:
    record = taken.record
    same = replace(record, received_ms=0) if isinstance(record, ExternalRead) else record
    text = msgspec.json.encode((same, [(p.given, p.data) for p in taken.pictures]))
    return bytes.fromhex(derive_id("content", text.decode()))

"""The audit topic: who looked at what, why, and under which case; one chain, one writer at a time."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, Producer, TopicPartition

from waysight.adapters.kafka import client_config, require_answer
from waysight.codec import Codec
from waysight.domain.audit import Break, Head, append, first_break, head_after
from waysight.errors import BadConfiguration, BadMessage, EngineDown, NotAllowed
from waysight.messages import AuditEvent
from waysight.settings import Settings

TOPIC = "audit"
CHAIN = "main"
_TIMEOUT_S = 20.0


def require_purpose(purpose: str, case_number: str) -> None:
    """Refuse a look without purpose or case number: raises NotAllowed, and says what to add."""
    missing = [name for name, value in (("--purpose", purpose), ("--case", case_number)) if not value.strip()]
    if missing:
        raise NotAllowed(
            f"{' and '.join(missing)} missing: say why it is needed and under which case (both are recorded)"
        )


class AuditLog:
    """Appends to and reads the chain. Safe for several threads and processes of one machine (file lock)."""

    def __init__(self, settings: Settings, codec: Codec, topic: str = TOPIC) -> None:
        self._settings, self._codec, self._topic = settings, codec, topic
        self._folder = settings.state_dir.resolve() / "audit"
        self._producer: Producer | None = None
        self._consumer: Consumer | None = None
        self.count = 0  # events seen by the last run through `events` or `verify`

    def record(
        self,
        action: str,
        purpose: str,
        case_number: str,
        detail: Mapping[str, Any],
        rows: int = -1,
        actor: str = "",
    ) -> AuditEvent:
        """Append one event and return it once Kafka has it on disk; raises EngineDown when it has not.

        `detail` is what was asked, as JSON-encodable values; `rows` how much was shown, -1 for nothing yet.
        Call it before the data is shown: what cannot be recorded is not shown.
        """
        text = json.dumps(dict(detail), ensure_ascii=False, sort_keys=True, default=str)
        with self._locked():
            event = append(
                self._head(),
                chain=CHAIN,
                at_ms=time.time_ns() // 1_000_000,
                actor=actor or self._settings.user or getpass.getuser(),
                action=action,
                purpose=purpose,
                case_number=case_number,
                detail=text,
                rows=rows,
            )
            self._send(event)
            self._note(head_after(event))
        return event

    def events(self) -> Iterator[tuple[int, AuditEvent]]:
        """All events as (topic offset, event), oldest first; bytes that are no event are left out."""
        self.count = 0
        for offset, event in self._read(*self._range()):
            self.count += 1
            yield offset, event

    def verify(self) -> Break | None:
        """The first break of the chain, or None when it holds; raises EngineDown when it cannot be read."""
        noted = self._noted()  # before the events, which may grow meanwhile
        return first_break(self.events(), noted)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _head(self) -> Head:
        low, high = self._range()
        last, end = Head(), high
        while end > low and last.sequence < 0:
            start = max(low, end - 8)
            for _, event in self._read(start, end):
                last = head_after(event)
            end = start
        noted = self._noted()
        return noted if noted is not None and noted.sequence > last.sequence else last

    def _reader(self) -> Consumer:
        if self._consumer is None:
            require_answer(self._settings)
            self._consumer = Consumer(
                {
                    **client_config(self._settings),
                    "group.id": "waysight-audit-reader",
                    "enable.auto.commit": False,
                    "isolation.level": "read_committed",
                    "enable.partition.eof": True,
                    # A request for the end offsets queues behind a waiting fetch on the same connection.
                    "fetch.wait.max.ms": 10,
                }
            )
        return self._consumer

    def _range(self) -> tuple[int, int]:
        partition = TopicPartition(self._topic, 0)
        try:
            low, high = self._reader().get_watermark_offsets(partition, timeout=_TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION):
                raise BadConfiguration(
                    f"the topic `{self._topic}` does not exist; run `waysight topics apply`"
                ) from error
            raise self._down(error) from error
        if low < 0 or high == OFFSET_INVALID:
            raise self._down("no offsets came back")
        return int(low), int(high)

    def _read(self, start: int, end: int) -> Iterator[tuple[int, AuditEvent]]:
        if start >= end:
            return
        reader, deadline = self._reader(), time.monotonic() + _TIMEOUT_S
        reader.assign([TopicPartition(self._topic, 0, start)])
        position = start
        try:
            while position < end:
                for message in reader.consume(min(500, end - position), timeout=0.2):
                    fault = message.error()
                    if fault is not None and fault.code() == KafkaError._PARTITION_EOF:
                        return
                    if fault is not None:
                        raise self._down(fault)
                    position = message.offset() + 1
                    if position <= end and (event := self._decode(message.value())) is not None:
                        yield message.offset(), event
                    deadline = time.monotonic() + _TIMEOUT_S
                if time.monotonic() > deadline:
                    raise self._down(f"nothing after offset {position} for {_TIMEOUT_S:.0f} s")
        except KafkaException as error:
            raise self._down(error) from error
        finally:
            reader.unassign()

    def _decode(self, value: bytes | None) -> AuditEvent | None:
        # Anyone may write bytes to a topic; what is no event of a chain cannot break one.
        try:
            event = self._codec.decode(TOPIC, value)
        except BadMessage:
            return None
        return event if isinstance(event, AuditEvent) and event.chain == CHAIN else None

    def _send(self, event: AuditEvent) -> None:
        faults: list[Any] = []
        try:
            if self._producer is None:
                self._producer = Producer(
                    {
                        **client_config(self._settings),
                        "enable.idempotence": True,
                        "acks": "all",
                        "linger.ms": 0,
                        "message.timeout.ms": int(_TIMEOUT_S * 1000),
                    }
                )
            self._producer.produce(
                self._topic,
                self._codec.encode(TOPIC, event),
                CHAIN.encode(),
                partition=0,
                on_delivery=lambda fault, _: faults.append(fault),
            )
            self._producer.flush(_TIMEOUT_S + 5)
        except (KafkaException, BufferError) as error:
            raise self._down(error) from error
        if faults != [None]:
            raise self._down(faults[0] if faults else "not delivered in time")

    def _anchor(self) -> Path:
        try:
            cluster = self._reader().list_topics(self._topic, timeout=_TIMEOUT_S).cluster_id
        except KafkaException as error:
            raise self._down(error) from error
        return self._folder / f"{self._topic}-{cluster}.json"

    def _noted(self) -> Head | None:
        path = self._anchor()
        if not path.exists():
            return None
        try:
            noted = json.loads(path.read_text())
            return Head(int(noted["sequence"]), str(noted["hash"]))
        except (ValueError, KeyError, TypeError) as error:
            raise BadConfiguration(
                f"{path}: not a noted head of the audit chain ({error}); restore it from a backup"
            ) from error

    def _note(self, head: Head) -> None:
        path = self._anchor()
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps({"sequence": head.sequence, "hash": head.hash}))
        fresh.replace(path)

    def _down(self, error: object) -> EngineDown:
        return EngineDown(
            f"the topic {self._topic} on {self._settings.bootstrap} failed: {error}; is Kafka up (`waysight status`)?"
        )

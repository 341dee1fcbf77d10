"""The audit log as a hash chain: each event holds the hash of the one before, so a change shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from waysight.messages import AuditEvent

BEFORE_FIRST = "0" * 64


@dataclass(frozen=True, slots=True)
class Head:
    """The last event of a chain: all that the next one needs. An empty chain has sequence -1."""

    sequence: int = -1
    hash: str = BEFORE_FIRST


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where a chain does not hold; `offset` is the event's place in the topic."""

    offset: int
    sequence: int
    reason: str


def event_hash(event: AuditEvent) -> str:
    """SHA-256 (64 hexadecimal digits) of every field but `hash`, as one canonical JSON array."""
    fields = [event.chain, event.sequence, event.at_ms, event.actor, event.action, event.purpose,
              event.case_number, event.detail, event.rows, event.previous]  # fmt: skip
    return hashlib.sha256(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def append(
    head: Head,
    *,
    chain: str,
    at_ms: int,
    actor: str,
    action: str,
    purpose: str,
    case_number: str,
    detail: str,
    rows: int,
) -> AuditEvent:
    """The event that follows `head`; `at_ms` is UTC epoch ms, `rows` how much was shown (-1: nothing is)."""
    event = AuditEvent(
        chain=chain,
        sequence=head.sequence + 1,
        at_ms=at_ms,
        actor=actor,
        action=action,
        purpose=purpose,
        case_number=case_number,
        detail=detail,
        rows=rows,
        previous=head.hash,
        hash="",
    )
    return replace(event, hash=event_hash(event))


def head_after(event: AuditEvent) -> Head:
    """The head of a chain that ends with this event."""
    return Head(event.sequence, event.hash)


def first_break(events: Iterable[tuple[int, AuditEvent]], anchor: Head | None = None) -> Break | None:
    """The first fault of a chain read from its beginning as (topic offset, event), or None.

    Found are: a changed field, a missing, repeated or moved event, a beginning that was cut off and, where
    an anchor (a head noted elsewhere) is given, an end that was cut off or rewritten.
    """
    head, offset, anchored = Head(), -1, anchor is None or anchor.sequence < 0
    for offset, event in events:
        fault = _fault(head, event)
        if fault is None and anchor is not None and event.sequence == anchor.sequence:
            anchored = event.hash == anchor.hash
            fault = (
                None if anchored else "it is not the event that the noted head names: the chain was rewritten"
            )
        if fault is not None:
            return Break(offset, event.sequence, fault)
        head = head_after(event)
    if anchor is not None and not anchored:
        return Break(
            offset + 1,
            head.sequence + 1,
            f"the chain ends at {head.sequence}, but {anchor.sequence} was written",
        )
    return None


def _fault(head: Head, event: AuditEvent) -> str | None:
    if event.sequence > head.sequence + 1:
        missing = (
            f"{head.sequence + 1}"
            if event.sequence == head.sequence + 2
            else f"{head.sequence + 1}..{event.sequence - 1}"
        )
        return f"events are missing: {missing}"
    if event.sequence <= head.sequence:
        return f"sequence {event.sequence} comes again after {head.sequence}"
    if event.previous != head.hash:
        return "it does not follow the event before it (hash of the previous event differs)"
    return None if event_hash(event) == event.hash else "its content does not match its hash"

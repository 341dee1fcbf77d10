"""The audit chain: every kind of tampering is found, and named at the right place."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waysight.domain.audit import Head, append, event_hash, first_break, head_after
from waysight.messages import AuditEvent


def chain_of(count: int) -> list[AuditEvent]:
    head, events = Head(), []
    for i in range(count):
        event = append(
            head,
            chain="main",
            at_ms=1_000 + i,
            actor="officer",
            action="search",
            purpose="theft",
            case_number=f"C-{i}",
            detail='{"plate":"34A*"}',
            rows=i,
        )
        events.append(event)
        head = head_after(event)
    return events


def broken_at(events: list[AuditEvent], anchor: Head | None = None) -> int | None:
    fault = first_break(enumerate(events), anchor)
    return None if fault is None else fault.offset


def test_a_chain_holds_and_starts_at_zero() -> None:
    events = chain_of(5)
    assert [e.sequence for e in events] == [0, 1, 2, 3, 4]
    assert events[0].previous == "0" * 64
    assert broken_at(events) is None
    assert broken_at([]) is None
    assert broken_at(events, head_after(events[-1])) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("actor", "x"),
        ("purpose", ""),
        ("case_number", "C-9"),
        ("detail", "{}"),
        ("rows", 7),
        ("at_ms", 5),
        ("action", "export"),
    ],
)
def test_a_changed_field_is_named(field: str, value: object) -> None:
    events = chain_of(5)
    events[2] = replace(events[2], **{field: value})
    assert broken_at(events) == 2


def test_a_changed_event_with_a_fresh_hash_breaks_the_next_one() -> None:
    events = chain_of(5)
    forged = replace(events[2], actor="x")
    events[2] = replace(forged, hash=event_hash(forged))
    assert broken_at(events) == 3


@given(st.integers(2, 12), st.data())
def test_a_missing_event_is_found_wherever_it_was(count: int, data: st.DataObject) -> None:
    events = chain_of(count)
    gone = data.draw(st.integers(0, count - 1))
    anchor = head_after(events[-1])
    del events[gone]
    fault = first_break(enumerate(events), anchor)
    assert fault is not None
    assert fault.offset == gone
    assert str(gone) in fault.reason or gone == count - 1


def test_a_repeated_and_a_swapped_event_are_found() -> None:
    events = chain_of(5)
    assert broken_at([*events[:3], events[2], *events[3:]]) == 3
    assert broken_at([events[0], events[2], events[1], *events[3:]]) == 1


def test_a_cut_or_rewritten_end_is_found_by_the_noted_head() -> None:
    events = chain_of(5)
    anchor = head_after(events[-1])
    assert broken_at(events[:3], anchor) == 3
    assert broken_at(events[:3]) is None
    assert broken_at([], anchor) == 0
    forged = append(
        head_after(events[3]),
        chain="main",
        at_ms=9,
        actor="x",
        action="search",
        purpose="p",
        case_number="c",
        detail="",
        rows=0,
    )
    assert broken_at([*events[:4], forged], anchor) == 4
    assert broken_at([*events, append_after(events)], anchor) is None


def append_after(events: list[AuditEvent]) -> AuditEvent:
    return append(
        head_after(events[-1]),
        chain="main",
        at_ms=9,
        actor="x",
        action="search",
        purpose="p",
        case_number="c",
        detail="",
        rows=0,
    )

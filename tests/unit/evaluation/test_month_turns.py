"""A month goes to real processors in portions within which nothing bears on anything else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from waysight.engine import Message
from waysight.evaluation.month.turns import DAY_MS, Turns

HOUR_MS = 3_600_000


@dataclass
class _Record:
    violation_id: str = ""
    owner_id: str = ""
    person_id: str = ""
    kind: str = ""


@dataclass
class _Clerk:
    """Tells, like the real one, an hour at a time; `then` becomes known once a message is settled."""

    known: list[Message]
    then: dict[str, Message] = field(default_factory=dict)
    _until_ms: int = 0

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        self.known.sort(key=lambda m: m.timestamp_ms)
        if not self.known or (self._until_ms and self.known[0].timestamp_ms >= self._until_ms):
            self._until_ms = 0
            raise StopIteration
        self._until_ms = self._until_ms or self.known[0].timestamp_ms + HOUR_MS
        return self.known.pop(0)

    def settled(self, portion: list[Message]) -> None:
        self.known += [self.then.pop(said) for m in portion if (said := _text(m)) in self.then]


def _text(message: Message) -> str:
    return (message.value or b"").decode()


def _at(hour: float, topic: str, plate: str, text: str) -> Message:
    return Message(topic, 0, 0, plate.encode(), text.encode(), {}, round(hour * HOUR_MS))


def _decode(topic: str, value: bytes | None) -> _Record:
    name, _, person = (value or b"").decode().partition("@")
    known = {"vehicles": "owner_id", "fine-actions": "person_id", "reviews": "violation_id"}
    if topic not in known:
        return _Record()
    return _Record(**{known[topic]: name if topic == "reviews" else person}, kind=name)


def _portions(clerk: _Clerk) -> list[list[str]]:
    found = []
    for portion in Turns(clerk, _decode):
        found.append([_text(m) for m in portion])
        clerk.settled(portion)
    return found


def test_a_day_of_traffic_and_ten_days_without() -> None:
    hours = [_at(h, "passes", "c", f"{h}") for h in range(1, 50)]
    later = [_at(24 * d, "payments", f"p{d}", f"paid {d}") for d in range(5, 20)]
    found = _portions(_Clerk([*hours, *later]))
    assert [len(p) for p in found] == [24, 24, 1, 10, 5]
    for portion in found[:2]:
        assert int(portion[-1]) - int(portion[0]) < DAY_MS / HOUR_MS


def test_one_decision_about_a_person_at_a_time() -> None:
    clerk = _Clerk([
        _at(1, "vehicles", "A", "a@ann"), _at(1, "vehicles", "B", "b@ann"), _at(1, "vehicles", "C", "c@bob"),
        _at(2, "reviews", "A", "v1"), _at(2.1, "reviews", "A", "v1"), _at(3, "reviews", "C", "v2"),
        _at(4, "reviews", "B", "v3"), _at(5, "payments", "A", "paid"),
    ])  # fmt: skip
    assert _portions(clerk) == [["a@ann", "b@ann", "c@bob"], ["v1", "v1", "v2"], ["v3"], ["paid"]]


def test_who_is_nominated_is_of_the_same_circle() -> None:
    clerk = _Clerk([
        _at(1, "vehicles", "A", "a@ann"), _at(1, "vehicles", "C", "c@bob"), _at(2, "fine-actions", "A", "n@bob"),
        _at(3, "reviews", "C", "v2"),
    ])  # fmt: skip
    assert _portions(clerk) == [["a@ann", "c@bob"], ["n@bob"], ["v2"]]


def test_who_refunds_has_seen_what_was_paid() -> None:
    clerk = _Clerk([
        _at(1, "payments", "A", "paid"), _at(2, "fine-actions", "A", "cancelled"), _at(3, "fine-actions", "A", "refunded"),
        _at(4, "payments", "B", "paid by another"),
    ])  # fmt: skip
    assert _portions(clerk) == [["paid", "cancelled"], ["refunded", "paid by another"]]


def test_what_becomes_known_goes_before_what_waits() -> None:
    clerk = _Clerk(
        [_at(1, "reviews", "A", "v1"), _at(20, "reviews", "A", "v2")],
        {"v1": _at(3, "fine-actions", "A", "served@"), "served@": _at(4, "payments", "A", "paid")},
    )
    assert _portions(clerk) == [["v1"], ["served@"], ["paid"], ["v2"]]


def test_everything_is_sent_once() -> None:
    messages = [
        _at(h % 37, ("passes", "reviews", "payments")[h % 3], f"p{h % 7}", f"{h}") for h in range(200)
    ]
    sent = [text for portion in _portions(_Clerk(list(messages))) for text in portion]
    assert sorted(sent) == sorted(_text(m) for m in messages)

"""In which portions a simulated month may be sent to processors that work at their own pace.

Within a portion nothing may matter to a decision but what was settled before it: processors read topics and
partitions side by side, and officers decide on days that pass in a moment here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from waysight.engine import Message

DAY_MS = 86_400_000
ABOUT_PEOPLE = ("vehicles", "reviews", "payments", "fine-actions")
DECIDING = ("vehicles", "reviews")  # what comes of these depends on what else the same person did
ANSWERING = ("refunded",)  # acts of somebody who has seen how a fine stands
_LONGEST_MS = 10 * DAY_MS
_APART_MS = (
    2_700_000  # less than the hour for which a lamp's records and the passes before it wait for each other
)
Decode = Callable[[str, bytes | None], Any]


class _Case(NamedTuple):
    """What is being done about somebody: order among messages of one topic about one violation is kept."""

    topic: str
    name: str
    deciding: bool


class Turns:
    """Portions of a clerk's messages: a day of traffic, or ten without; in each one decision about a person."""

    def __init__(self, clerk: Iterator[Message], decode: Decode) -> None:
        self._clerk, self._decode = clerk, decode
        self._waiting: list[Message] = []
        self._with: dict[str, str] = {}  # plate or person → another of the same circle

    def __iter__(self) -> Iterator[list[Message]]:
        """Each portion, in order of time; the one before it is settled when the next is asked for."""
        while self._catch_up():
            portion: list[Message] = []
            until_ms = self._waiting[0].timestamp_ms + _LONGEST_MS
            busy: dict[str, _Case] = {}
            while self._waiting:
                message = self._waiting[0]
                if message.topic not in ABOUT_PEOPLE:
                    until_ms = min(until_ms, self._began_ms(portion) + DAY_MS)
                if message.timestamp_ms >= until_ms or not self._alone(busy, message):
                    break
                portion.append(self._waiting.pop(0))
                if not self._waiting:
                    self._window()
            yield portion

    def _began_ms(self, portion: list[Message]) -> int:
        return (portion or self._waiting)[0].timestamp_ms

    def _catch_up(self) -> bool:
        """Also take what has become known meanwhile and is due before what waits; False at the end."""
        began_ms = self._waiting[0].timestamp_ms if self._waiting else 0
        while (newest_ms := self._window()) and newest_ms < began_ms:
            pass
        return bool(self._waiting)

    def _window(self) -> int:
        """Take what the clerk has for its next hour; the time of the last of it, 0 for nothing."""
        more = list(self._clerk)
        self._waiting = sorted([*self._waiting, *more], key=lambda m: m.timestamp_ms)
        return max((m.timestamp_ms for m in more), default=0)

    def _alone(self, busy: dict[str, _Case], message: Message) -> bool:
        """Whether nothing in the portion bears on the message; it is noted as being in it."""
        if message.topic not in ABOUT_PEOPLE:
            return True
        plate = (message.key or b"").decode()
        record = self._decode(message.topic, message.value)
        for person in (getattr(record, "owner_id", ""), getattr(record, "person_id", "")):
            if person:
                self._with[self._circle(plate)] = self._circle(person)
        answering = getattr(record, "kind", "") in ANSWERING
        case = _Case(
            message.topic, getattr(record, "violation_id", ""), answering or message.topic in DECIDING
        )
        circle = self._circle(plate)
        if circle not in busy:
            busy[circle] = case
            return True
        before = busy[circle]
        free = not (case.deciding or before.deciding)
        return free or (not answering and (case.topic, case.name) == (before.topic, before.name))

    def _circle(self, name: str) -> str:
        while self._with.setdefault(name, name) != name:
            name = self._with[name]
        return name


def steps(portion: Iterable[Message]) -> Iterator[list[Message]]:
    """A portion cut so that in each step passes and lamps lie so near in time as they do where nobody lags."""
    step: list[Message] = []
    until_ms = 0
    for message in portion:
        if until_ms and message.timestamp_ms >= until_ms:
            yield step
            step, until_ms = [], 0
        if message.topic in ("signals", "external-reads") and not until_ms:
            until_ms = message.timestamp_ms + _APART_MS
        step.append(message)
    yield step

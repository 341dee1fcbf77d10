"""fine: violations that an officer accepted become fines, once each; payments settle them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from waysight import metrics
from waysight.adapters.dead_letters import dead_letter_output
from waysight.adapters.registry import ConfluentRegistry
from waysight.authority.laws import laws_of, local_day
from waysight.cloudevents import cloudevents_headers
from waysight.codec import Codec
from waysight.domain.fine_cases import (
    Case,
    Law,
    Origin,
    imposed_by,
    settle,
    with_payment,
    with_review,
    with_violation,
)
from waysight.domain.repeats import Imposed
from waysight.engine import Followed, Message, Output, PartitionState
from waysight.errors import BadMessage
from waysight.messages import Payment, Review, Vehicle, Violation
from waysight.settings import Settings

_DAY_MS = 86_400_000
_KEEP_MS = 400 * _DAY_MS
_KEEP_UNPAID_MS = 1826 * _DAY_MS


@dataclass(frozen=True, slots=True)
class Violations:
    """Ids of the violations that wait for the owner of a plate, or of the one that a fine's number stands for."""

    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Early:
    """Payments that came before their fine."""

    payments: tuple[Payment, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """The fines of a plate that stand: what may make a later offence a repeated one."""

    items: tuple[Imposed, ...] = ()


class FineLogic:
    """State: `cases` by violation, `vehicles`, `waiting` and `standing` by plate, `numbers` and `early` by plate and number."""

    name = "fine"
    inputs = ("violations", "reviews", "vehicles", "payments")
    outputs = ("fines", "dead-letters")
    tables: Sequence[Followed] = ()

    def __init__(self, codec: Codec, laws: Mapping[str, Law]) -> None:
        self._codec, self._laws = codec, laws

    async def start(self) -> None:
        """Nothing to open: the rule packs are part of the program."""

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        """One batch of one partition."""
        outputs: list[Output] = []
        for message in messages:
            try:
                outputs += self._one(state, message)
            except BadMessage as error:
                outputs.append(dead_letter_output(self._codec, message, str(error), self.name))
        if messages:
            _evict(state, max(m.timestamp_ms for m in messages))
        return outputs

    def _one(self, state: PartitionState, message: Message) -> list[Output]:
        if message.topic == "vehicles" and message.value is None:
            state.delete("vehicles", (message.key or b"").decode(errors="replace"))
            return []
        record: Any = self._codec.decode(message.topic, message.value)
        if isinstance(record, Vehicle):
            return self._vehicle(state, record, message)
        if isinstance(record, Payment):
            return self._payment(state, record, message)
        case = state.get("cases", record.violation_id, Case) or Case()
        if isinstance(record, Violation):
            local_day(record.occurred_ms, UTC)  # a time that is no date is refused before it becomes state
            case = with_violation(case, record)
        elif isinstance(record, Review):
            _check(record)
            case = with_review(case, record)
        return self._settle(state, record.violation_id, case, message)

    def _vehicle(self, state: PartitionState, vehicle: Vehicle, message: Message) -> list[Output]:
        state.put("vehicles", vehicle.plate, vehicle)
        waiting = state.get("waiting", vehicle.plate, Violations) or Violations()
        outputs: list[Output] = []
        for violation_id in waiting.ids:
            case = state.get("cases", violation_id, Case)
            if case is not None:
                outputs += self._settle(state, violation_id, case, message, len(outputs))
        return outputs

    def _payment(self, state: PartitionState, payment: Payment, message: Message) -> list[Output]:
        local_day(payment.paid_ms, UTC)
        if payment.amount <= 0:
            raise BadMessage(f"payment {payment.payment_id}: {payment.amount} is no amount", message.topic)
        key = f"{payment.plate}|{payment.fine_number}"
        numbered = state.get("numbers", key, Violations)
        if numbered is None:
            early = (state.get("early", key, Early) or Early()).payments
            if all(p.payment_id != payment.payment_id for p in early):
                state.put("early", key, Early((*early, payment)))
            return []
        case = state.get("cases", numbered.ids[0], Case)
        if case is None:
            return []
        if case.fine is not None and payment.currency != case.fine.currency:
            raise BadMessage(
                f"payment {payment.payment_id} is in {payment.currency}, the fine in {case.fine.currency}"
            )
        return self._settle(state, numbered.ids[0], with_payment(case, payment), message)

    def _settle(
        self, state: PartitionState, violation_id: str, case: Case, message: Message, ordinal: int = 0
    ) -> list[Output]:
        before, violation = case.fine, case.violation
        if violation is not None:
            law = self._laws.get(violation.country)
            vehicle = state.get("vehicles", violation.plate, Vehicle)
            not_before_ms = message.timestamp_ms if message.topic == "vehicles" else 0
            origin = Origin(message.partition, message.offset, ordinal)
            standing = (state.get("standing", violation.plate, Standing) or Standing()).items
            case = settle(law, case, vehicle, not_before_ms, origin, standing)
            if case.fine is not None and before is None:
                case = self._take_early(state, law, case, origin, standing)
            _wait(state, violation.plate, violation_id, "no_owner" in case.reasons)
        known = state.get("cases", violation_id, Case) or Case()
        if known != case:
            state.put("cases", violation_id, case)
        for reason in case.reasons if case.reasons != known.reasons else ():
            metrics.FINES_WITHHELD.labels(reason.partition(":")[0]).inc()
        if case.fine is None or case.fine == before:
            return []
        metrics.FINES.labels(case.fine.status).inc()
        value, headers = self._codec.encode("fines", case.fine), cloudevents_headers("fines", case.fine)
        told = [Output("fines", case.fine.plate, value, headers=headers)]
        return [*told, *self._standing(state, violation_id, case, message, ordinal + 1)]

    def _standing(
        self, state: PartitionState, violation_id: str, case: Case, message: Message, ordinal: int
    ) -> list[Output]:
        """Keep which fines of a plate stand; where that changed, its other offences may be repeated ones or no more."""
        assert case.violation is not None
        plate, law = case.violation.plate, self._laws.get(case.violation.country)
        known = (state.get("standing", plate, Standing) or Standing()).items
        others = tuple(i for i in known if i.violation_id != violation_id)
        now = imposed_by(law, case)
        after = tuple(sorted((*others, *([now] if now else [])), key=lambda i: (i.issued_ms, i.fine_id)))
        if after == known:
            return []
        state.put("standing", plate, Standing(after))
        outputs: list[Output] = []
        for other in others:
            kept = state.get("cases", other.violation_id, Case)
            if kept is not None:
                outputs += self._settle(state, other.violation_id, kept, message, ordinal + len(outputs))
        return outputs

    @staticmethod
    def _take_early(
        state: PartitionState, law: Law | None, case: Case, origin: Origin, standing: tuple[Imposed, ...]
    ) -> Case:
        assert case.fine is not None
        key = f"{case.fine.plate}|{case.fine.number}"
        state.put("numbers", key, Violations((case.fine.violation_id,)))
        early = state.get("early", key, Early)
        if early is None:
            return case
        state.delete("early", key)
        for payment in early.payments:
            case = with_payment(case, payment)
        return settle(law, case, None, 0, origin, standing)


def build(settings: Settings) -> FineLogic:
    """The logic with every rule pack that has fines."""
    return FineLogic(Codec(ConfluentRegistry(settings.registry)), laws_of(settings))


def _check(review: Review) -> None:
    local_day(review.reviewed_ms, UTC)
    if not review.officer.strip():
        raise BadMessage(f"review {review.review_id} names no officer")
    if review.decision == "rejected" and not review.reason.strip():
        raise BadMessage(f"review {review.review_id} rejects without a reason code")


def _wait(state: PartitionState, plate: str, violation_id: str, waits: bool) -> None:
    known = (state.get("waiting", plate, Violations) or Violations()).ids
    if waits and violation_id not in known:
        state.put("waiting", plate, Violations((*known, violation_id)))
    elif not waits and violation_id in known:
        left = tuple(i for i in known if i != violation_id)
        if left:
            state.put("waiting", plate, Violations(left))
        else:
            state.delete("waiting", plate)


def _evict(state: PartitionState, now_ms: int) -> None:
    """Once a day of message time, drop what is long closed; the register of vehicles stays."""
    swept = state.get("clock", "swept_day", int) or 0
    if now_ms // _DAY_MS <= swept:
        return
    state.put("clock", "swept_day", now_ms // _DAY_MS)
    for violation_id, case in list(state.items("cases", Case)):
        unpaid = case.fine is not None and case.fine.status == "issued"
        if case.open_until_ms < now_ms - (_KEEP_UNPAID_MS if unpaid else _KEEP_MS):
            state.delete("cases", violation_id)
            if case.violation is not None:
                _wait(state, case.violation.plate, violation_id, False)
            if case.fine is not None:
                state.delete("numbers", f"{case.fine.plate}|{case.fine.number}")
    for plate, standing in list(state.items("standing", Standing)):
        kept = tuple(i for i in standing.items if i.issued_ms >= now_ms - _KEEP_UNPAID_MS)
        if not kept:
            state.delete("standing", plate)
        elif len(kept) < len(standing.items):
            state.put("standing", plate, Standing(kept))
    for key, early in list(state.items("early", Early)):
        if max(p.paid_ms for p in early.payments) < now_ms - _KEEP_MS:
            state.delete("early", key)

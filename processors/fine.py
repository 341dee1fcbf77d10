"""fine: violations that officers accepted become fines, once each; payments and acts move them. Logic: domain/fines/.

Everything about a plate is in one partition; what makes an offence a repeated one is asked of the liable
person, whose penalties are kept in the person's own partition (`penalties`) and told to every plate on which
that person has one (`plate-penalties`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any

from waysight import metrics
from waysight.adapters.broadcast import Broadcast
from waysight.adapters.dead_letters import dead_letter_output
from waysight.adapters.registry import ConfluentRegistry
from waysight.authority.lawbook import LawBook
from waysight.authority.laws import laws_of, local_day
from waysight.cloudevents import cloudevents_headers
from waysight.codec import Codec
from waysight.domain.enforcement.precedence import prevails, same_act
from waysight.domain.fines.facts import (
    Case,
    Law,
    Superseded,
    with_action,
    with_payment,
    with_review,
    with_violation,
)
from waysight.domain.fines.numbers import number_of, series_of
from waysight.domain.fines.pricing import fine_id_of
from waysight.domain.fines.records import News, Origin, news
from waysight.domain.fines.story import settle
from waysight.engine import Followed, Message, Output, PartitionState
from waysight.errors import BadMessage
from waysight.messages import Confirmation, FineAction, Payment, Penalty, Review, Vehicle, Violation
from waysight.settings import Settings
from waysight.streaming.fine_shelves import Early, Ids, Owners, Penalties, evict, owner_at


@dataclass
class _Desk:
    """One message being worked on: the state, what it has given rise to, and what is still to be looked at."""

    state: PartitionState
    message: Message
    outputs: list[Output]


class FineLogic:
    """State: `stories` by violation; `open`, `owners`, `near` by plate; `persons`; `numbers` and `early` by plate and number."""

    name = "fine"
    inputs = ("violations", "reviews", "vehicles", "payments", "fine-actions", "penalties", "plate-penalties")
    outputs = ("fines", "fine-events", "referrals", "penalties", "plate-penalties", "dead-letters")

    def __init__(
        self, codec: Codec, laws: Mapping[str, Law] | LawBook, tables: Sequence[Followed] = ()
    ) -> None:
        self._codec, self.tables = codec, tables
        self._book = laws if isinstance(laws, LawBook) else LawBook(lambda _: laws)

    async def start(self) -> None:
        """Nothing to open: the rule packs are part of the program, confirmations a table."""

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        """One batch of one partition."""
        outputs: list[Output] = []
        self._book.refresh()
        for message in messages:
            desk = _Desk(state, message, [])
            try:
                self._unsure(desk)
                self._one(desk)
            except BadMessage as error:
                desk.outputs.append(dead_letter_output(self._codec, message, str(error), self.name))
            outputs += desk.outputs
        if messages:
            evict(state, max(m.timestamp_ms for m in messages))
        return outputs

    def _one(self, desk: _Desk) -> None:
        state, message = desk.state, desk.message
        if message.value is None:
            state.delete("owners", (message.key or b"").decode(errors="replace"))
            return
        record: Any = self._codec.decode(message.topic, message.value)
        if isinstance(record, Vehicle):
            known = state.get("owners", record.plate, Owners) or Owners()
            state.put("owners", record.plate, known.with_record(record))
            self._plate(desk, record.plate, message.timestamp_ms)
        elif isinstance(record, Penalty):
            self._penalty(desk, record)
        elif isinstance(record, Payment | FineAction):
            self._about_fine(desk, record)
        else:
            case = state.get("stories", record.violation_id, Case) or Case()
            if isinstance(record, Violation):
                local_day(
                    record.occurred_ms, UTC
                )  # a time that is no date is refused before it becomes state
                case = with_violation(case, record)
            elif isinstance(record, Review):
                _check(record)
                case = with_review(case, record)
            self._settle(desk, record.violation_id, case)

    def _about_fine(self, desk: _Desk, record: Payment | FineAction) -> None:
        local_day(record.paid_ms if isinstance(record, Payment) else record.at_ms, UTC)
        if isinstance(record, Payment) and record.amount <= 0:
            raise BadMessage(f"payment {record.payment_id}: {record.amount} is no amount", desk.message.topic)
        key = f"{record.plate}|{record.fine_number}"
        numbered = desk.state.get("numbers", key, Ids)
        if numbered is not None:
            case = desk.state.get("stories", numbered.ids[0], Case)
            if case is not None:
                self._settle(desk, numbered.ids[0], _with_fact(case, record))
            return
        early = desk.state.get("early", key, Early) or Early()
        kept = early.with_record(record)
        if kept == early:
            return
        desk.state.put("early", key, kept)
        if isinstance(record, FineAction):
            said = f"action {record.action_id}: {record.plate} has no fine {record.fine_number} (yet); kept for it"
            desk.outputs.append(dead_letter_output(self._codec, desk.message, said, self.name))

    def _penalty(self, desk: _Desk, penalty: Penalty) -> None:
        """Here the key is the person: told to all plates of that person; or the plate: its fines are looked at."""
        state, by_person = desk.state, desk.message.topic == "penalties"
        table, key = (
            ("persons", penalty.person) if by_person else ("near", (desk.message.key or b"").decode())
        )
        known = state.get(table, key, Penalties) or Penalties()
        after = known.with_record(penalty)
        if after == known:
            return
        state.put(table, key, after)
        if not by_person:
            self._plate(desk, key)
            return
        plates = {p.plate for p in after.items}
        told = [(plate, penalty) for plate in sorted(plates)]
        if penalty.plate not in {p.plate for p in known.items}:
            told += [(penalty.plate, p) for p in known.items]
        for plate, item in told:
            value = self._codec.encode("plate-penalties", item)
            desk.outputs.append(Output("plate-penalties", plate, value))

    def _plate(self, desk: _Desk, plate: str, ready_ms: int = 0) -> None:
        """Everything about a plate anew; `ready_ms` is when its owner became known."""
        for violation_id in (desk.state.get("open", plate, Ids) or Ids()).ids:
            case = desk.state.get("stories", violation_id, Case)
            if case is not None:
                self._settle(desk, violation_id, case, ready_ms if "no_owner" in case.reasons else 0)

    def _unsure(self, desk: _Desk) -> None:
        """Where persons have confirmed or revoked something, what was withheld for it is looked at again."""
        if desk.state.get("lawbook", "digest", str) == self._book.digest:
            return
        desk.state.put("lawbook", "digest", self._book.digest)
        for violation_id, _ in list(desk.state.items("unsure", bool)):
            case = desk.state.get("stories", violation_id, Case)
            if case is not None:
                self._settle(desk, violation_id, case, self._book.newest_ms)

    def _settle(self, desk: _Desk, violation_id: str, case: Case, ready_ms: int = 0) -> None:
        """Bring one case up to date, tell what changed, and look at those that the change touches."""
        state, violation = desk.state, case.violation
        before = state.get("stories", violation_id, Case) or Case()
        touched: list[tuple[str, Case]] = []
        if violation is not None:
            case, touched = self._story(
                state, violation, replace(case, ready_ms=max(case.ready_ms, ready_ms))
            )
        origin = Origin(desk.message.partition, desk.message.offset, len(desk.outputs))
        kept, told = news(before, case, origin)
        if kept != before:
            state.put("stories", violation_id, kept)
        if violation is not None:
            _shelve(state, violation, kept)
        for reason in kept.reasons if kept.reasons != before.reasons else ():
            metrics.FINES_WITHHELD.labels(reason.partition(":")[0]).inc()
        self._tell(desk, told)
        for other_id, other in touched:
            self._settle(desk, other_id, other)
        if violation is not None and before.fine and kept.fine and _ended(kept) != _ended(before):
            self._plate(desk, violation.plate)

    def _story(
        self, state: PartitionState, violation: Violation, case: Case
    ) -> tuple[Case, list[tuple[str, Case]]]:
        """The case with its fine, numbered, and the fines of the same act over which it prevails.

        Of one act one fine stands: the graver one, or the one on which something was paid already.
        """
        laws = self._book.ever if case.serial else self._book.current
        law = laws.get(violation.country)
        owners = state.get("owners", violation.plate, Owners) or Owners()
        near = (state.get("near", violation.plate, Penalties) or Penalties()).items

        def told(of: Case) -> Case:
            return settle(law, of, owner_at(owners, violation.occurred_ms), of.ready_ms, near)

        after = told(case)
        if after.fine is None or case.serial or law is None:
            return after, []
        rivals = _same_act(state, violation)
        stronger = next(
            (
                o
                for o in rivals
                if o.violation and (_is_paid(o) or prevails(violation, o.violation) is not violation)
            ),
            None,
        )
        if stronger is not None and stronger.fine is not None:
            return replace(case, fine=None, history=(), reasons=(f"same_act:{stronger.fine.fine_id}",)), []
        issued_on = law.local_day(after.fine.issued_ms)
        series = series_of(law.pack.country, issued_on, state.partition)
        serial = (state.get("series", series, int) or 0) + 1
        state.put("series", series, serial)
        numbered = replace(
            after, series=series, serial=serial, fine=replace(after.fine, number=number_of(series, serial))
        )
        fine_id, issued_ms = fine_id_of(violation.violation_id), after.fine.issued_ms
        for name in (number_of(series, serial), fine_id):
            key = f"{violation.plate}|{name}"
            state.put("numbers", key, Ids((violation.violation_id,)))
            early = state.get("early", key, Early) or Early()
            numbered = early.into(numbered)
            state.delete("early", key)
        superseded = Superseded(fine_id, issued_ms)
        weaker = [
            (o.violation.violation_id, replace(o, superseded=superseded)) for o in rivals if o.violation
        ]
        return told(numbered), weaker

    def _tell(self, desk: _Desk, told: News) -> None:
        records: list[tuple[str, str, Any]] = [("fines", told.fine.plate, told.fine)] if told.fine else []
        records += [("fine-events", e.plate, e) for e in told.events]
        records += [("referrals", told.referral.plate, told.referral)] if told.referral else []
        records += [("penalties", p.person, p) for p in told.penalties]
        for topic, key, record in records:
            headers = {} if topic == "penalties" else cloudevents_headers(topic, record)
            desk.outputs.append(Output(topic, key, self._codec.encode(topic, record), headers=headers))
        if told.fine is not None:
            metrics.FINES.labels(told.fine.status).inc()
        for refused in told.refused:
            said = f"{refused.cause.replace(':', ' ', 1)} by {refused.by or 'nobody'}: {refused.reason}"
            desk.outputs.append(dead_letter_output(self._codec, desk.message, said, self.name))


def build(settings: Settings) -> FineLogic:
    """The logic with every rule pack that has fines, as persons have confirmed them."""
    codec = Codec(ConfluentRegistry(settings.registry))
    confirmations: Broadcast[Confirmation] = Broadcast(settings, codec, "confirmations")
    book = LawBook(lambda said: laws_of(settings, said), confirmations)
    return FineLogic(codec, book, (confirmations,))


def _with_fact(case: Case, record: Payment | FineAction) -> Case:
    return with_payment(case, record) if isinstance(record, Payment) else with_action(case, record)


def _same_act(state: PartitionState, violation: Violation) -> list[Case]:
    """The plate's other cases of the same act that have a fine which stands."""
    found = []
    for other_id in (state.get("open", violation.plate, Ids) or Ids()).ids:
        other = state.get("stories", other_id, Case)
        if other is None or other.violation is None or other.fine is None or _ended(other):
            continue
        if same_act(violation, other.violation):
            found.append(other)
    return found


def _is_paid(case: Case) -> bool:
    return case.fine is not None and (case.fine.status == "paid" or case.fine.paid > 0)


def _ended(case: Case) -> bool:
    return case.fine is not None and case.fine.status == "cancelled"


def _shelve(state: PartitionState, violation: Violation, case: Case) -> None:
    """Keep the case among the plate's open ones, and among those that wait for a confirmation."""
    ids = (state.get("open", violation.plate, Ids) or Ids()).ids
    if violation.violation_id not in ids:
        state.put("open", violation.plate, Ids((*ids, violation.violation_id)))
    if any(r.startswith("unsure") for r in case.reasons):
        state.put("unsure", violation.violation_id, True)
    else:
        state.delete("unsure", violation.violation_id)


def _check(review: Review) -> None:
    local_day(review.reviewed_ms, UTC)
    if not review.officer.strip():
        raise BadMessage(f"review {review.review_id} names no officer")
    if review.decision == "rejected" and not review.reason.strip():
        raise BadMessage(f"review {review.review_id} rejects without a reason code")

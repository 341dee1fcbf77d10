"""fine: violations that officers accepted become fines, once each; payments and acts move them. Logic: domain/fines/.

Everything about a plate is in one partition; what makes an offence a repeated one is asked of the liable
person before a fine is issued. The person's penalties are kept in the person's own partition (`penalties`) and
told to every plate on which that person has one (`plate-penalties`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any

from waysight import metrics
from waysight.adapters.broadcast import Broadcast
from waysight.adapters.dead_letters import dead_letter_output
from waysight.adapters.kafka import Publisher
from waysight.adapters.registry import ConfluentRegistry
from waysight.authority.lawbook import LawBook
from waysight.authority.laws import digest_of, law_of, laws_of, local_day
from waysight.cloudevents import cloudevents_headers
from waysight.codec import Codec
from waysight.domain.enforcement.precedence import same_act
from waysight.domain.fines.act import settle_together
from waysight.domain.fines.facts import (
    Case,
    Law,
    with_action,
    with_payment,
    with_review,
    with_violation,
)
from waysight.domain.fines.numbers import number_of, series_of
from waysight.domain.fines.pricing import fine_id_of
from waysight.domain.fines.records import News, Origin, news
from waysight.domain.fines.repeated import INQUIRY, inquiry
from waysight.domain.fines.standing import person_of
from waysight.domain.fines.story import Party
from waysight.domain.rulepack import Period, RulePack
from waysight.engine import Followed, Message, Output, PartitionState
from waysight.errors import BadMessage
from waysight.messages import Confirmation, FineAction, Payment, Penalty, Review, Vehicle, Violation
from waysight.settings import Settings
from waysight.streaming.fine_shelves import Early, Ids, Owners, Penalties, evict
from waysight.streaming.fine_wake import Waker


@dataclass
class _Desk:
    """One message being worked on: the state, what it has given rise to, and what is still to be looked at."""

    state: PartitionState
    message: Message
    outputs: list[Output]


class FineLogic:
    """State: `stories` by violation; `open`, `owners`, `near` by plate; `persons`; `numbers` and `early` by plate and number.

    `laws` are the packs by which fines were issued, by digest; `unsure` is to what a confirmation may matter.
    """

    name = "fine"
    inputs = ("violations", "reviews", "vehicles", "payments", "fine-actions", "penalties", "plate-penalties")
    outputs = ("fines", "fine-events", "referrals", "penalties", "plate-penalties", "dead-letters")

    def __init__(
        self,
        codec: Codec,
        laws: Mapping[str, Law] | LawBook,
        tables: Sequence[Followed] = (),
        started: Callable[[], None] = lambda: None,
    ) -> None:
        self._codec, self.tables, self._started = codec, tables, started
        self._book = laws if isinstance(laws, LawBook) else LawBook(lambda _: laws)
        self._kept: dict[str, Law] = {}

    async def start(self) -> None:
        """The rule packs are part of the program, confirmations a table; what they change is looked at now."""
        self._started()

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
            if message.topic == "vehicles":
                state.delete("owners", (message.key or b"").decode(errors="replace"))
            return
        record: Any = self._codec.decode(message.topic, message.value)
        if isinstance(record, Vehicle):
            known = state.get("owners", record.plate, Owners) or Owners()
            state.put("owners", record.plate, known.with_record(record, message.timestamp_ms))
            self._plate(desk, record.plate)
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
        if by_person:
            self._tell_plates(desk, penalty, known, after)
        elif penalty.version == INQUIRY:
            self._look(desk, penalty.violation_id)
        else:
            self._plate(desk, key)

    def _tell_plates(self, desk: _Desk, penalty: Penalty, known: Penalties, after: Penalties) -> None:
        """What a person's other plates must know, and a plate that is new everything, before it hears its own."""
        told: list[tuple[str, Penalty]] = []
        if penalty.plate not in {p.plate for p in known.items}:
            told = [(penalty.plate, p) for p in known.items if p.version != INQUIRY]
        plates = {penalty.plate} if penalty.version == INQUIRY else {p.plate for p in after.items}
        for plate, item in [*told, *((plate, penalty) for plate in sorted(plates))]:
            desk.outputs.append(Output("plate-penalties", plate, self._codec.encode("plate-penalties", item)))

    def _plate(self, desk: _Desk, plate: str) -> None:
        """Everything about a plate anew."""
        done: set[str] = set()
        for violation_id in (desk.state.get("open", plate, Ids) or Ids()).ids:
            if violation_id not in done:
                done |= self._look(desk, violation_id)

    def _look(self, desk: _Desk, violation_id: str) -> set[str]:
        """One case anew, with all that may be the same act: their names."""
        case = desk.state.get("stories", violation_id, Case)
        return set() if case is None else self._settle(desk, violation_id, case)

    def _unsure(self, desk: _Desk) -> None:
        """Where persons have confirmed or revoked something, what was withheld for it is looked at again."""
        if desk.state.get("lawbook", "digest", str) == self._book.digest:
            return
        desk.state.put("lawbook", "digest", self._book.digest)
        for violation_id, _ in list(desk.state.items("unsure", bool)):
            self._look(desk, violation_id)

    def _settle(self, desk: _Desk, violation_id: str, case: Case) -> set[str]:
        """Bring a case and those that may be the same act up to date, and tell what changed: their names."""
        state = desk.state
        cases = {violation_id: case}
        if case.violation is not None:
            cases = self._told(state, cases | _one_act(state, case.violation))
        for each in sorted(cases):
            self._keep(desk, each, cases[each])
        return set(cases)

    def _told(self, state: PartitionState, cases: dict[str, Case]) -> dict[str, Case]:
        """The cases with their fines, numbered. A fine that may be a repeated offence waits for its person's answer."""
        while True:
            names = sorted(cases)
            parties = [self._party(state, cases[name]) for name in names]
            told = dict(zip(names, settle_together(parties), strict=True))
            issued = False
            for party, name in zip(parties, names, strict=True):
                new = told[name]
                if new.fine is None or new.serial or party.law is None:
                    continue
                if waits := _waits_for(state, party.law, new):
                    told[name] = replace(party.case, reasons=(f"repeat_check:{waits}",))
                    continue
                cases, issued = {**cases, name: self._issue(state, party.law, new)}, True
            if not issued:
                return told

    def _party(self, state: PartitionState, case: Case) -> Party:
        """A case with the law that holds for it: today's, or, once it has its number, that of its issue."""
        assert case.violation is not None
        violation = case.violation
        law = self._book.current.get(violation.country)
        if case.serial:
            law, ever = self._kept_law(state, case), self._book.ever.get(violation.country)
            if law is None and ever is not None:
                law, case = ever, replace(case, law=self._freeze(state, ever))
            if law is not None and case.limitation is None and not _is_known(law.pack.limitation):
                later = ever.pack.limitation if ever else None
                case = replace(case, limitation=later) if _is_known(later) else case
            if law is not None and case.limitation is not None:
                law = replace(law, pack=replace(law.pack, limitation=case.limitation))
        owners = state.get("owners", violation.plate, Owners) or Owners()
        near = state.get("near", violation.plate, Penalties) or Penalties()
        return Party(case, law, *owners.at(violation.occurred_ms), near.items)

    def _kept_law(self, state: PartitionState, case: Case) -> Law | None:
        if case.law not in self._kept:
            pack = state.get("laws", case.law, RulePack) if case.law else None
            if pack is None:
                return None
            self._kept[case.law] = replace(law_of(pack, 1.0), digest=case.law)
        return self._kept[case.law]

    def _freeze(self, state: PartitionState, law: Law) -> str:
        """Keep a pack as it is now for the fines that are issued by it; its digest."""
        digest = law.digest or digest_of(law.pack)
        if state.get("laws", digest, RulePack) is None:
            state.put("laws", digest, law.pack)
        return digest

    def _issue(self, state: PartitionState, law: Law, case: Case) -> Case:
        """A fine gets the next number of its series, and what was said of it before."""
        assert case.fine is not None
        assert case.violation is not None
        violation_id, plate = case.violation.violation_id, case.violation.plate
        series = series_of(law.pack.country, law.local_day(case.fine.issued_ms), state.partition)
        serial = (state.get("series", series, int) or 0) + 1
        state.put("series", series, serial)
        number = number_of(series, serial)
        case = replace(
            case, series=series, serial=serial, fine=replace(case.fine, number=number),
            law=self._freeze(state, law),
        )  # fmt: skip
        for name in (number, fine_id_of(violation_id)):
            key = f"{plate}|{name}"
            state.put("numbers", key, Ids((violation_id,)))
            case = (state.get("early", key, Early) or Early()).into(case)
            state.delete("early", key)
        return case

    def _keep(self, desk: _Desk, violation_id: str, case: Case) -> None:
        """Write a case and tell what changed about it."""
        state = desk.state
        before = state.get("stories", violation_id, Case) or Case()
        kept, told = news(
            before, case, Origin(desk.message.partition, desk.message.offset, len(desk.outputs))
        )
        if kept != before:
            state.put("stories", violation_id, kept)
        if kept.violation is not None:
            _shelve(state, kept.violation, kept)
        for reason in kept.reasons if kept.reasons != before.reasons else ():
            code, _, person = reason.partition(":")
            metrics.FINES_WITHHELD.labels(code).inc()
            if code == "repeat_check" and kept.violation is not None:
                asked = self._codec.encode("penalties", inquiry(kept.violation, person))
                desk.outputs.append(Output("penalties", person, asked))
        self._tell(desk, told)

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
    waker = Waker(settings.partitions)
    confirmations: Broadcast[Confirmation] = Broadcast(settings, codec, "confirmations", waker.changed)
    book = LawBook(lambda said: laws_of(settings, said), confirmations)
    return FineLogic(codec, book, (confirmations,), lambda: waker.start(Publisher(settings, codec)))


def _with_fact(case: Case, record: Payment | FineAction) -> Case:
    return with_payment(case, record) if isinstance(record, Payment) else with_action(case, record)


def _one_act(state: PartitionState, violation: Violation) -> dict[str, Case]:
    """The plate's other cases that are the same act, or the same as one of those, by violation."""
    ids = (state.get("open", violation.plate, Ids) or Ids()).ids
    found: dict[str, Case] = {}
    left = {i: c for i in ids if i != violation.violation_id and (c := state.get("stories", i, Case))}
    edge = [violation]
    while edge:
        a = edge.pop()
        for i, case in list(left.items()):
            if case.violation is not None and same_act(a, case.violation):
                found[i] = left.pop(i)
                edge.append(case.violation)
    return found


def _waits_for(state: PartitionState, law: Law, case: Case) -> str:
    """The person whose penalties are asked for before a fine, whose article may be a repeated one, is issued."""
    assert case.fine is not None
    fine, person = case.fine, person_of(case.fine)
    repeat = law.pack.repeat_of(fine.law)
    if repeat is None or repeat.unsure or not person:
        return ""
    near = (state.get("near", fine.plate, Penalties) or Penalties()).items
    return "" if any((p.person, p.fine_id) == (person, fine.fine_id) for p in near) else person


def _is_known(period: Period | None) -> bool:
    return period is not None and period.count is not None and not period.unsure


def _shelve(state: PartitionState, violation: Violation, case: Case) -> None:
    """Keep the case among the plate's open ones, and among those to which a confirmation may matter."""
    ids = (state.get("open", violation.plate, Ids) or Ids()).ids
    if violation.plate and violation.violation_id not in ids:
        state.put("open", violation.plate, Ids((*ids, violation.violation_id)))
    endless = case.fine and case.fine.status in ("issued", "suspended") and not case.fine.limitation_until
    if endless or any(r.startswith("unsure") for r in case.reasons):
        if not state.get("unsure", violation.violation_id, bool):
            state.put("unsure", violation.violation_id, True)
    else:
        state.delete("unsure", violation.violation_id)


def _check(review: Review) -> None:
    local_day(review.reviewed_ms, UTC)
    if not review.officer.strip():
        raise BadMessage(f"review {review.review_id} names no officer")
    if review.decision == "rejected" and not review.reason.strip():
        raise BadMessage(f"review {review.review_id} rejects without a reason code")

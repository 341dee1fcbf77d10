"""What a case tells the world: records of its fine, its transitions, its referral, and whose penalty it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

from waysight.domain.fines.facts import Case, Transition
from waysight.domain.ids import derive_id
from waysight.messages import Fine, FineEvent, Penalty, Referral

WITHDRAWN = "withdrawn"  # a step that was told, and that a fact which came late has undone


@dataclass(frozen=True, slots=True)
class Origin:
    """The input message that new records come from, and the place of the first among them."""

    partition: int
    offset: int
    ordinal: int


@dataclass(frozen=True, slots=True)
class News:
    """What became different: records to send, in this order, and facts that are refused now and were not before."""

    fine: Fine | None
    events: tuple[FineEvent, ...]
    referral: Referral | None
    penalties: tuple[Penalty, ...]
    refused: tuple[Transition, ...]


def news(before: Case, after: Case, origin: Origin) -> tuple[Case, News]:
    """The case as it is kept, with versions and origins, and what is to be told; nothing when nothing changed."""
    fine = _fine(before, after, origin)
    events: tuple[FineEvent, ...] = ()
    known = {t.cause: (i, t) for i, t in enumerate(before.history)}
    if after.fine is not None:
        changed = [(i, t) for i, t in enumerate(after.history) if known.get(t.cause) != (i, t)]
        causes = {t.cause for t in after.history}
        changed += [(i, replace(t, kind=WITHDRAWN)) for c, (i, t) in known.items() if c not in causes]
        first = origin.ordinal + 1
        events = tuple(_event(after.fine, i, t, origin, first + n) for n, (i, t) in enumerate(changed))
    refused = tuple(
        t
        for t in after.history
        if t.kind == "refused" and not (t.cause in known and known[t.cause][1].kind == "refused")
    )
    referral = _referral(before, after, replace(origin, ordinal=origin.ordinal + 1 + len(events)))
    kept = replace(after, fine=fine or before.fine, referral=referral or before.referral)
    penalties = _penalties(before, kept)
    return kept, News(fine, events, referral, penalties, refused)


def _fine(before: Case, after: Case, origin: Origin) -> Fine | None:
    if after.fine is None:
        return None
    known = before.fine
    if known is not None and _plain(known) == _plain(after.fine):
        return None
    return replace(
        after.fine,
        version=0 if known is None else known.version + 1,
        origin_partition=origin.partition,
        origin_offset=origin.offset,
        ordinal=origin.ordinal,
    )


def _plain(fine: Fine) -> Fine:
    return replace(fine, version=0, origin_partition=0, origin_offset=0, ordinal=0)


def _event(fine: Fine, index: int, told: Transition, origin: Origin, ordinal: int) -> FineEvent:
    kind, _, fact = told.cause.partition(":")
    return FineEvent(
        event_id=derive_id("fine-event", fine.fine_id, told.cause),
        fine_id=fine.fine_id,
        number=fine.number,
        violation_id=fine.violation_id,
        country=fine.country,
        plate=fine.plate,
        version=index,
        transition=told.kind,
        at_ms=told.at_ms,
        by=told.by,
        reason=told.reason,
        action_id=fact if kind in ("action", "payment", "review") else "",
        status=told.status,
        liable_id=told.liable_id,
        amount=told.amount,
        paid=told.paid,
        refund_due=told.refund_due,
        currency=fine.currency,
        origin_partition=origin.partition,
        origin_offset=origin.offset,
        ordinal=ordinal,
    )


def _referral(before: Case, after: Case, origin: Origin) -> Referral | None:
    if after.referral is None:
        return None
    known = before.referral
    placed = replace(
        after.referral,
        version=0 if known is None else known.version,
        origin_partition=known.origin_partition if known else origin.partition,
        origin_offset=known.origin_offset if known else origin.offset,
        ordinal=known.ordinal if known else origin.ordinal,
    )
    if placed == known:
        return None
    return (
        placed
        if known is None
        else replace(
            placed,
            version=known.version + 1,
            origin_partition=origin.partition,
            origin_offset=origin.offset,
            ordinal=origin.ordinal,
        )
    )


def _penalties(before: Case, kept: Case) -> tuple[Penalty, ...]:
    """What stands against each person who was liable, where that changed; nothing against those who never were."""
    version = kept.fine.version if kept.fine else 0
    named = {p.person for p in kept.penalties}
    gone = [replace(p, ended_ms=p.imposed_ms) for p in before.penalties if p.person not in named]
    return tuple(replace(p, version=version) for p in (*kept.penalties, *gone) if p not in before.penalties)

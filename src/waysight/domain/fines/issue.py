"""The first step of a fine's life: an accepted violation becomes a fine, a referral, or nothing, with the reasons."""

from __future__ import annotations

from collections.abc import Iterable

from waysight.domain.fines.facts import Case, Law
from waysight.domain.fines.pricing import (
    NoFine,
    Referred,
    fine_id_of,
    obstacles,
    price,
    prosecution_until,
    referral_of,
)
from waysight.domain.fines.standing import ZERO, Ground, Standing, priced, with_clocks, with_cost
from waysight.domain.ids import derive_id
from waysight.domain.reviews.verdict import Verdict, verdict
from waysight.messages import Fine, Referral, Review, Vehicle, Violation


def decisions(law: Law, violation: Violation, reviews: Iterable[Review]) -> list[Verdict]:
    """What stood after each review, one entry for each change, in order of time."""
    two = law.pack.two_officers(violation.offence, law.local_day(violation.occurred_ms))
    ordered = sorted(reviews, key=lambda r: (r.reviewed_ms, r.review_id))
    found: list[Verdict] = []
    for count in range(1, len(ordered) + 1):
        stands = verdict(ordered[:count], violation.corrected_by, two, violation.revised_ms)
        if not found or found[-1].decision != stands.decision:
            found.append(stands)
        else:
            found[-1] = Verdict(
                stands.decision, found[-1].first, stands.second, found[-1].decided_ms, stands.refused
            )
    return found


def undecided(found: list[Verdict]) -> tuple[str, ...]:
    """Why the newest decision is no acceptance; empty when it is one."""
    last = found[-1] if found else Verdict()
    if last.decision == "accepted":
        return ()
    if last.decision == "rejected":
        return (f"rejected:{last.first.reason if last.first else ''}",)
    reason = {"returned": "returned", "waiting": "second_officer_missing"}.get(last.decision, "not_reviewed")
    return (reason, *(refused.partition(":")[0] for refused in last.refused))


def reasons_against(
    law: Law | None, violation: Violation, reviews: Iterable[Review], vehicle: Vehicle | None
) -> tuple[str, ...]:
    """Everything that keeps a violation from being fined as things stand; empty when nothing does."""
    if law is None:
        return (*(("not_reviewed",) if not tuple(reviews) else ()), "no_rule_pack")
    found = decisions(law, violation, reviews)
    issued_ms = found[-1].decided_ms if found else violation.occurred_ms
    ground = Ground(law, violation, ())
    referred = referral_of(violation, law.pack, ground.day(violation.occurred_ms))
    cost = price(
        violation, law.pack, ground.day(violation.occurred_ms), ground.day(issued_ms or violation.occurred_ms)
    )
    priced_out: tuple[str, ...] = (f"referral:{referred.refer_to}",) if referred else ()
    if not referred and isinstance(cost, NoFine):
        priced_out = cost.reasons
    if not referred:
        priced_out = (*_barred(ground, issued_ms or violation.occurred_ms), *priced_out)
    against = (*undecided(found), *obstacles(violation, vehicle, law.pack, law.gate), *priced_out)
    return tuple(dict.fromkeys(against))


def begin(
    ground: Ground, case: Case, accepted: Verdict, owner: Vehicle | None, issued_ms: int
) -> Standing | Referred | NoFine:
    """The fine at its issue, whom the case goes to instead, or why neither; the number is left to the caller.

    A case that has its number already was issued once: what is against it now came too late.
    """
    law, violation = ground.law, ground.violation
    against = () if case.serial else obstacles(violation, owner, law.pack, law.gate)
    occurred_on = ground.day(violation.occurred_ms)
    if against or owner is None or accepted.first is None:
        return NoFine(tuple(dict.fromkeys(against)) or ("no_owner",))
    referred = referral_of(violation, law.pack, occurred_on)
    if referred is not None:
        return referred
    if not case.serial and (barred := _barred(ground, issued_ms)):
        return NoFine(barred)
    blank = _blank(ground, case, accepted, owner, issued_ms)
    cost = priced(ground, blank, issued_ms)
    referred = referral_of(violation, law.pack, occurred_on, cost.repeat) if cost.earlier else None
    if referred is not None:
        return referred
    if isinstance(cost.price, NoFine):
        return cost.price
    return with_clocks(ground, Standing(with_cost(blank, cost.price, cost.earlier), cost.price))


def _barred(ground: Ground, at_ms: int) -> tuple[str, ...]:
    """Whether it is too late to fine the offence; a court judges that of a referral by itself."""
    last = prosecution_until(ground.law.pack, ground.day(ground.violation.occurred_ms))
    return ("time_barred",) if last is not None and ground.day(at_ms) > last else ()


def referral_id_of(violation_id: str) -> str:
    """The one referral that a violation can ever become."""
    return derive_id("referral", violation_id)


def referral(case: Case, law: Law, referred: Referred, accepted: Verdict, owner: Vehicle) -> Referral:
    """The record of a case that goes to a court or another authority; origin and version are left to the caller."""
    violation = case.violation
    assert violation is not None
    assert accepted.first is not None
    return Referral(
        referral_id=referral_id_of(violation.violation_id),
        violation_id=violation.violation_id,
        offence=violation.offence,
        law=referred.law,
        country=law.pack.country,
        plate=violation.plate,
        owner_id=owner.owner_id,
        owner_name=owner.owner_name,
        owner_address=owner.owner_address,
        refer_to=referred.refer_to,
        consequence=referred.consequence,
        occurred_ms=violation.occurred_ms,
        referred_ms=accepted.decided_ms,
        officer=accepted.first.officer,
        enforced_kmh=violation.enforced_kmh,
        limit_kmh=violation.limit_kmh,
        rule_pack=law.reference,
        caveats=",".join(referred.caveats),
        version=0,
        origin_partition=0,
        origin_offset=0,
        ordinal=0,
    )


def _blank(ground: Ground, case: Case, accepted: Verdict, owner: Vehicle, issued_ms: int) -> Fine:
    violation, pack = ground.violation, ground.law.pack
    assert accepted.first is not None
    return Fine(
        fine_id=fine_id_of(violation.violation_id),
        number="",
        violation_id=violation.violation_id,
        offence=violation.offence,
        law="",
        country=pack.country,
        plate=violation.plate,
        owner_id=owner.owner_id,
        owner_name=owner.owner_name,
        owner_address=owner.owner_address,
        amount=ZERO,
        currency=pack.currency,
        units="",
        discount_amount=ZERO,
        discount_until="",
        occurred_ms=violation.occurred_ms,
        issued_ms=issued_ms,
        measured_kmh=violation.measured_kmh,
        enforced_kmh=violation.enforced_kmh,
        limit_kmh=violation.limit_kmh,
        officer=accepted.first.officer,
        second_officer=accepted.second.officer if accepted.second else "",
        status="issued",
        paid=ZERO,
        rule_pack=ground.law.reference,
        series=case.series,
        serial=case.serial,
        version=0,
        origin_partition=0,
        origin_offset=0,
        ordinal=0,
    )

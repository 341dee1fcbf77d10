"""One act, one consequence: the cases that may be one act, told together in the order of time.

At every moment the gravest claim of an act stands, or the fine on which something was paid while it stood; the
others do not, until that one ends. A case gets its fine when it first stands; one that never does gets none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cmp_to_key
from itertools import combinations, groupby

from waysight.domain.enforcement.precedence import STAYS, prevails, same_act
from waysight.domain.fines.facts import Case
from waysight.domain.fines.issue import undecided
from waysight.domain.fines.lives import Life
from waysight.domain.fines.pricing import NoFine
from waysight.domain.fines.story import Claim, Party, claim_of, withheld
from waysight.domain.reviews.verdict import verdict

Rivals = Mapping[int, set[int]]


def settle(party: Party) -> Case:
    """A case by itself, with its fine, history, referral or reasons as its facts have them."""
    return settle_together([party])[0]


def settle_together(parties: Sequence[Party]) -> list[Case]:
    """The cases of one plate that may be one act, in their order, as all their facts have them."""
    opened = [claim_of(party) for party in parties]
    claims = {i: claim for i, claim in enumerate(opened) if isinstance(claim, Claim)}
    rivals = rivals_of([party.case for party in parties])
    starts = {i: claim.from_ms for i, claim in claims.items()}
    while True:
        lives = _lived({i: Life(claims[i], at_ms) for i, at_ms in starts.items()}, rivals)
        issued = {i: life.from_ms if claims[i].case.serial else life.stood_ms for i, life in lives.items()}
        kept = {i: at_ms for i, at_ms in issued.items() if at_ms is not None}
        if kept == starts:
            break
        starts = kept
    return [
        case if isinstance(case, Case) else lives[i].told() if i in lives else _none(case, i, lives, rivals)
        for i, case in enumerate(opened)
    ]


def rivals_of(cases: Sequence[Case]) -> Rivals:
    """Which cases are one act with which; captures of one parking are a chain, what an officer rejected is no link."""
    found: dict[int, set[int]] = {i: set() for i in range(len(cases))}
    known = [(i, case.violation) for i, case in enumerate(cases) if case.violation and not _rejected(case)]
    for (i, a), (j, b) in combinations(known, 2):
        if same_act(a, b):
            found[i].add(j)
            found[j].add(i)
    stays = {i for i, violation in known if violation.offence in STAYS}
    for i in stays:
        chain, edge = {i}, {i}
        while edge := {k for j in edge for k in found[j] & stays} - chain:
            chain |= edge
        found[i] |= chain - {i}
    return found


def _rejected(case: Case) -> bool:
    corrected_by = case.violation.corrected_by if case.violation else ""
    return verdict(case.reviews, corrected_by).decision in ("rejected", "returned")


def _lived(lives: dict[int, Life], rivals: Rivals) -> dict[int, Life]:
    steps = [(i, entry) for i, life in lives.items() for entry in life.entries()]
    steps.sort(key=lambda s: (s[1].at_ms, s[1].rank, s[1].cause, s[0]))
    for at_ms, group in groupby(steps, key=lambda s: s[1].at_ms):
        for i, entry in group:
            lives[i].step(entry)
        _arbitrate(lives, rivals, at_ms)
    return lives


def _arbitrate(lives: dict[int, Life], rivals: Rivals, at_ms: int) -> None:
    """Who stands from now on: of what is due the paid ones first, then by precedence."""

    def compare(i: int, j: int) -> int:
        if lives[i].is_paid != lives[j].is_paid:
            return -1 if lives[i].is_paid else 1
        a, b = lives[i].claim.violation, lives[j].claim.violation
        return -1 if prevails(a, b) is a else 1

    standing: set[int] = set()
    for i in sorted((i for i, life in lives.items() if life.is_due(at_ms)), key=cmp_to_key(compare)):
        life, stronger = lives[i], rivals[i] & standing
        if not stronger:
            standing.add(i)
            life.stood_ms = at_ms if life.stood_ms is None else life.stood_ms
            if life.beaten_by:
                life.free(at_ms)
        elif not life.beaten_by:
            life.beat(lives[min(stronger)].name, at_ms)


def _none(claim: Claim, at: int, lives: Mapping[int, Life], rivals: Rivals) -> Case:
    """A claim that does not stand and was never issued."""
    begun = claim.begun(claim.from_ms)
    reasons = undecided(list(claim.said)) or (begun.reasons if isinstance(begun, NoFine) else ())
    stronger = min((lives[i].name for i in rivals[at] if i in lives and lives[i].stands), default="")
    return withheld(claim.case, reasons or (f"same_act:{stronger}" if stronger else "time_barred",))

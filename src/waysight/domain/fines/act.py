"""One act, one consequence: the cases that may be one act, told together in the order of time.

At every moment the gravest claim of an act stands, or the fine on which something was paid while it stood; the
others do not, until that one ends. A case gets its fine when it first stands; one that never does gets none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cmp_to_key
from itertools import combinations

from waysight.domain.enforcement.precedence import STAYS, prevails, same_act
from waysight.domain.fines.facts import Case
from waysight.domain.fines.issue import undecided
from waysight.domain.fines.lives import Life
from waysight.domain.fines.pricing import NoFine
from waysight.domain.fines.story import Claim, Entry, Party, claim_of, withheld
from waysight.domain.reviews.verdict import verdict

_END_MS = 2**62


def settle(party: Party) -> Case:
    """A case by itself, with its fine, history, referral or reasons as its facts have them."""
    return settle_together([party])[0]


def settle_together(parties: Sequence[Party]) -> list[Case]:
    """The cases of one plate that may be one act, in their order, as all their facts have them."""
    opened = [claim_of(party) for party in parties]
    claims = {i: claim for i, claim in enumerate(opened) if isinstance(claim, Claim)}
    rivals = Rivals([party.case for party in parties])
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


class Rivals:
    """Which cases are one act with which; captures of one parking are a chain, what an officer rejected is no link.

    `times_ms` are those at which a link was lost (UTC epoch ms).
    """

    def __init__(self, cases: Sequence[Case]) -> None:
        known = [(i, case.violation) for i, case in enumerate(cases) if case.violation]
        self._pairs: dict[int, set[int]] = {i: set() for i in range(len(cases))}
        for (i, a), (j, b) in combinations(known, 2):
            if same_act(a, b):
                self._pairs[i].add(j)
                self._pairs[j].add(i)
        self._lost_ms = {i: _rejected_ms(cases[i]) for i, v in known if v.offence in STAYS}
        self.times_ms = {at_ms for at_ms in self._lost_ms.values() if at_ms is not None}

    def of(self, case: int, at_ms: int) -> set[int]:
        """Those of one case at a moment."""
        if case not in self._lost_ms:
            return self._pairs[case]
        links = {i for i, lost_ms in self._lost_ms.items() if lost_ms is None or lost_ms > at_ms}
        chain, edge = {case}, {case}
        while (
            edge := {k for j in edge & (links | {case}) for k in self._pairs[j] & set(self._lost_ms)} - chain
        ):
            chain |= edge
        return chain - {case}


def _rejected_ms(case: Case) -> int | None:
    said = verdict(case.reviews, case.violation.corrected_by if case.violation else "")
    return said.decided_ms if said.decision in ("rejected", "returned") else None


def _lived(lives: dict[int, Life], rivals: Rivals) -> dict[int, Life]:
    steps: dict[int, list[tuple[int, Entry]]] = {at_ms: [] for at_ms in rivals.times_ms}
    for i, life in lives.items():
        for entry in life.entries():
            steps.setdefault(entry.at_ms, []).append((i, entry))
    for at_ms in sorted(steps):
        for i, entry in sorted(steps[at_ms], key=lambda s: (s[1].rank, s[1].cause, s[0])):
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
        life, stronger = lives[i], rivals.of(i, at_ms) & standing
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
    near = rivals.of(at, _END_MS)
    stronger = min((lives[i].name for i in near if i in lives and lives[i].stands), default="")
    return withheld(claim.case, reasons or (f"same_act:{stronger}" if stronger else "time_barred",))

"""A claim being told: issued, superseded by another of the same act, reinstated, ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from waysight.domain.fines.facts import Case, Transition
from waysight.domain.fines.issue import referral, referral_id_of, undecided
from waysight.domain.fines.pricing import NoFine, Referred, fine_id_of
from waysight.domain.fines.repeated import imposed
from waysight.domain.fines.standing import (
    Standing,
    beaten,
    person_of,
    priced,
    reinstated,
    with_price,
)
from waysight.domain.fines.story import Claim, Entry, Told, entries, transition, withheld
from waysight.messages import Fine, Penalty


class Life:
    """One claim from its beginning at `from_ms`; `stood_ms` is when it first stood, None: never (UTC epoch ms)."""

    def __init__(self, claim: Claim, from_ms: int) -> None:
        self.claim, self.from_ms = claim, from_ms
        self.stood_ms: int | None = None
        self.begun = claim.begun(from_ms)
        self.standing = self.begun if isinstance(self.begun, Standing) else None
        self.beaten_by = ""
        self._started = self._over = False
        self._history: list[Transition] = []
        self._liable: list[tuple[int, str]] = []

    @property
    def name(self) -> str:
        """The id of its fine or referral."""
        of = self.claim.violation.violation_id
        return fine_id_of(of) if self.standing else referral_id_of(of)

    def entries(self) -> list[Entry]:
        """What happens to it, its beginning first; what supersedes it is left to the act."""
        if isinstance(self.begun, NoFine):
            return []
        first = Entry(self.from_ms, -1, "issued", lambda s: (s, "issued", s.fine.officer, ""))
        if self.standing:
            return [first, *entries(self.claim, self.from_ms)]
        later = [v for v in self.claim.said if v.decided_ms > self.from_ms and v.first]
        return [first, *(Entry(v.decided_ms, 1, f"review:{v.decision}", _nothing) for v in later)]

    def step(self, entry: Entry) -> None:
        """One entry."""
        self._started = True
        if self.standing:
            self._tell(entry.cause, entry.at_ms, entry.apply)
        else:
            self._over = self.claim.accepted_at(entry.at_ms).decision != "accepted"

    def is_due(self, at_ms: int) -> bool:
        """Whether nothing but another of the same act keeps it from standing."""
        if self.standing is None:
            return self._started and not self._over and isinstance(self.begun, Referred)
        fine = self.standing.fine
        if not self._started or (fine.status == "cancelled" and not self.beaten_by):
            return False
        lapsed = fine.limitation_until and self.claim.ground.day(at_ms).isoformat() > fine.limitation_until
        return not (self.beaten_by and lapsed)

    @property
    def stands(self) -> bool:
        """Whether it stands at the end."""
        return self.is_due(0) and not self.beaten_by

    @property
    def is_paid(self) -> bool:
        """Whether it stands and something was paid on it."""
        return self.standing is not None and not self.beaten_by and bool(self.standing.received)

    def beat(self, by: str, at_ms: int) -> None:
        """Another of the same act prevails from now on."""
        self.beaten_by, on = by, self.claim.ground.day(at_ms)
        if self.standing:
            said = f"same_act:{by}"
            self._tell(self._cause("act", by), at_ms, lambda s: (beaten(s, by, on), "cancelled", "", said))

    def free(self, at_ms: int) -> None:
        """Nothing of the same act prevails any more."""
        by, self.beaten_by = self.beaten_by, ""
        ground = self.claim.ground

        def again(standing: Standing) -> Told:
            after = with_price(ground, reinstated(ground, standing, ground.day(at_ms)), at_ms)
            return after, "reinstated", "", f"act_ended:{by}"

        if self.standing:
            self._tell(self._cause("free", by), at_ms, again)

    def _cause(self, kind: str, by: str) -> str:
        name, causes = f"{kind}:{by}", {t.cause for t in self._history}
        return name if name not in causes else f"{name}:{sum(c.startswith(name) for c in causes)}"

    def _tell(self, cause: str, at_ms: int, apply: Callable[[Standing], Told | None]) -> None:
        assert self.standing is not None
        told = apply(self.standing)
        if told is None:
            return
        self.standing, kind, by, reason = told
        if not self.standing.beaten_by:
            self.beaten_by = ""
        self._history.append(transition(cause, kind, at_ms, by, reason, self.standing.fine))
        self._liable.append((at_ms, person_of(self.standing.fine)))

    def told(self) -> Case:
        """The case with its fine, history and penalties, or with its referral."""
        claim, case = self.claim, self.claim.case
        if isinstance(self.begun, Referred):
            assert claim.owner is not None
            record = referral(
                case, claim.ground.law, self.begun, claim.accepted_at(self.from_ms), claim.owner
            )
            without = withheld(case, (f"referral:{self.begun.refer_to}",))
            gone = self._over or bool(self.beaten_by)
            return replace(without, referral=replace(record, withdrawn=gone), owner=claim.owner)
        assert self.standing is not None
        last = [t for t in self._history if t.kind != "refused"][-1]
        number = case.fine.number if case.fine and case.serial else ""
        fine = replace(self.standing.fine, transition=last.kind, changed_ms=last.at_ms, number=number)
        return replace(
            case,
            fine=fine,
            history=tuple(self._history),
            owner=claim.owner,
            ready_ms=case.ready_ms if case.serial else self.from_ms,
            referral=replace(case.referral, withdrawn=True) if case.referral else None,
            penalties=self._penalties(fine),
            reasons=undecided(list(claim.said)),
        )

    def _penalties(self, fine: Fine) -> tuple[Penalty, ...]:
        """What stands against the liable person, where a repetition would cost more, and against nobody else."""
        law = priced(self.claim.ground, fine, fine.changed_ms).first_law
        if not any(law in repeat.of for repeat in self.claim.ground.law.pack.repeats):
            return ()
        ended_ms = None
        if fine.status == "cancelled":
            ends = ("cancelled", "appeal_upheld")
            ended_ms = next(t.at_ms for t in reversed(self._history) if t.kind in ends)
        return imposed(fine, law, self._liable, ended_ms)


def _nothing(_standing: Standing) -> None:
    """What a review does to a referral is read from what stands then."""

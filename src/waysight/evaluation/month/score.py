"""What was found in a simulated month against its truth: counts, sums, and each difference in words.

What was found are plain rows of exports. Nothing here comes from the rules that are judged.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from waysight.evaluation.month.exports import Found, Row
from waysight.simulate.month.deed import NOBODY, Deed, Key
from waysight.simulate.month.streets import person_id
from waysight.simulate.month.truth import Passes, Ruling, Truth

_MOST_WORDS = 1_000
_KMH_OFF = 3.0  # how far a section's speed may be under the truth
_HOUR_MS = 3_600_000

Rows = dict[str, list[dict[str, object]]]  # violations and fines, as `report accuracy --truth` reads them


@dataclass
class Tally:
    """How much there truly was, how much of it was found as it was, and what was found that was not."""

    truth: int = 0
    found: int = 0
    false: int = 0
    sum_truth: Decimal = Decimal(0)
    sum_found: Decimal = Decimal(0)
    paid_truth: Decimal = Decimal(0)
    paid_found: Decimal = Decimal(0)

    @property
    def right(self) -> bool:
        """Whether both sides agree in everything."""
        same = (self.sum_truth, self.paid_truth) == (self.sum_found, self.paid_found)
        return self.truth == self.found and not self.false and same


@dataclass
class Score:
    """Totals, the same by offence, and the first differences in words."""

    passes: int
    currency: str
    violations: Tally
    fines: Tally
    referrals: Tally
    counts: Tally
    violations_by_offence: Mapping[str, Tally]
    fines_by_offence: Mapping[str, Tally]
    dead_letters: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    truth_rows: Rows = field(default_factory=dict)

    @property
    def right(self) -> bool:
        """Whether the month was told exactly as it was."""
        parts = (self.violations, self.fines, self.referrals, self.counts)
        return all(p.right for p in parts) and not self.dead_letters and not self.differences


def scored(truth: Truth, told: Found, letters: Mapping[str, int]) -> Score:
    """Compare; a violation or fine with a wrong fact is both missing and false."""
    words: list[str] = []
    by_id = {str(v["violation_id"]): v for v in told.violations}
    found: dict[Key, Row] = {}
    violations_by: dict[str, Tally] = defaultdict(Tally)
    for one in told.violations:
        key = _key(one)
        deed = truth.deeds.get(key)
        wrong = "nobody did that" if deed is None else "twice" if key in found else _wrong(deed, one)
        tally = violations_by[one["offence"]]
        if wrong:
            tally.false += 1
            words.append(f"violation {_said(one)} {one['camera_id']} {one['occurred_ms']}: {wrong}")
        else:
            found[key] = one
            tally.found += 1
    for key, deed in truth.deeds.items():
        violations_by[deed.offence].truth += 1
        if key not in found:
            words.append(f"not found: {deed}")
    rulings = {r.deed.key: r for r in truth.rulings()}
    fined = {key: r for key, r in rulings.items() if r.sum is not None}
    fines_by = _fines(truth.nation.code, fined, by_id, told.fines, words)
    _numbers(told.fines, words)
    referred = {key: r for key, r in rulings.items() if r.sum is None}
    return Score(
        passes=truth.passes,
        currency=truth.nation.currency,
        violations=_total(violations_by.values()),
        fines=_total(fines_by.values()),
        referrals=_referrals(referred, by_id, told.referrals, words),
        counts=_counts(truth.counts, told.passes, words),
        violations_by_offence=dict(sorted(violations_by.items())),
        fines_by_offence=dict(sorted(fines_by.items())),
        dead_letters=_unexplained(truth.nation.currency, rulings.values(), letters, words),
        differences=words[:_MOST_WORDS],
        truth_rows=_truth_rows(truth),
    )


def _counts(truth: Passes, told: Passes, words: list[str]) -> Tally:
    """Passes by camera, class and hour: what an hour has too few is not found, what it has too many is false."""
    tally = Tally(truth=sum(truth.values()))
    for place in sorted({*truth, *told}):
        truly, found = truth.get(place, 0), told.get(place, 0)
        tally.found += min(truly, found)
        tally.false += max(0, found - truly)
        if truly != found:
            camera_id, label, hour = place
            began = datetime.fromtimestamp(hour * _HOUR_MS / 1000, UTC)
            words.append(f"passes {camera_id} {label} {began:%Y-%m-%dT%HZ}: {found}, truly {truly}")
    return tally


def _referrals(
    rulings: Mapping[Key, Ruling], by_id: Mapping[str, Row], told: Iterable[Row], words: list[str]
) -> Tally:
    tally, seen = Tally(truth=len(rulings)), set[Key]()
    for one in told:
        key = _key(by_id.get(one["violation_id"]))
        due = rulings.get(key)
        wrong = "nobody is to be referred" if due is None else "twice" if key in seen else ""
        if due is not None and not wrong:
            facts = {
                "article": (due.article, one["law"]),
                "to": (due.refer, one["refer_to"]),
                "back": (due.status == "cancelled", one["withdrawn"]),
            }
            wrong = _differences(facts)
        seen.add(key)
        tally.false += bool(wrong)
        tally.found += not wrong
        words += [f"referral {_said(one)}: {wrong}"] if wrong else []
    words += [f"no referral: {rulings[key]}" for key in rulings.keys() - seen]
    return tally


def _key(violation: Row | None) -> Key:
    if not violation:
        return "", (), False
    return violation["offence"], tuple(violation["sighting_ids"]), bool(violation["corrects"])


def _said(one: Row) -> str:
    return f"{one['offence']} {one['plate']}"


def _fines(
    country: str,
    rulings: Mapping[Key, Ruling],
    by_id: Mapping[str, Row],
    fines: Iterable[Row],
    words: list[str],
) -> dict[str, Tally]:
    """By offence; what was cancelled is compared too, but is in no sum."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    for ruling in rulings.values():
        tally = tallies[ruling.deed.offence]
        tally.truth += 1
        tally.sum_truth += ruling.sum.amount if ruling.sum and ruling.stands else 0
        tally.paid_truth += ruling.paid if ruling.stands else 0
    seen = set()
    for fine in fines:
        key = _key(by_id.get(fine["violation_id"]))
        due = rulings.get(key)
        tally = tallies[fine["offence"]]
        if fine["status"] != "cancelled":
            tally.sum_found += fine["amount"]
            tally.paid_found += fine["paid"]
        wrong = (
            "no such fine is due" if due is None else "twice" if key in seen else _unlike(country, due, fine)
        )
        seen.add(key)
        if wrong:
            tally.false += 1
            words.append(f"fine {fine['number']} {_said(fine)}: {wrong}")
        else:
            tally.found += 1
    words += [f"no fine: {rulings[key]}" for key in rulings.keys() - seen]
    return tallies


def _numbers(fines: Iterable[Row], words: list[str]) -> None:
    """Numbers of each series of fines go from 1 on without a gap, each given once."""
    given: dict[str, list[int]] = defaultdict(list)
    for fine in fines:
        given[fine["series"]].append(fine["serial"])
    for series, serials in given.items():
        for number in sorted({*serials} ^ {*range(1, len(serials) + 1)}):
            said = "is given" if number in serials else "is missing"
            words.append(f"number {number} of series {series} {said}, of {len(serials)} fines")


def _unexplained(
    currency: str, rulings: Iterable[Ruling], letters: Mapping[str, int], words: list[str]
) -> dict[str, int]:
    """Dead letters but those, one each, by which payments in other money than the fine's are refused."""
    refused = Counter(
        f"paid in {part.currency}, the fine is in {currency}"
        for ruling in rulings
        for part in ruling.parts
        if part.currency
    )
    told = {reason: reason.partition(": ")[2] for reason, times in letters.items() if times == 1}
    found = Counter(said for said in told.values() if said in refused)
    words += [f"{found[s]} payments are refused, {s}; truly {n}" for s, n in refused.items() if found[s] != n]
    return {reason: times for reason, times in letters.items() if told.get(reason) not in refused}


def _truth_rows(truth: Truth) -> Rows:
    violations: list[dict[str, object]] = [
        {
            "offence": d.offence, "camera_id": d.camera_id, "plate": d.plate, "occurred_ms": d.occurred_ms,
            "section_id": d.camera_id.partition("-")[0] if d.offence == "average_speed" else "",
        }
        for d in truth.deeds.values()
        if not d.mended_to  # whose plate was read did nothing
    ]  # fmt: skip
    fines: list[dict[str, object]] = [
        {
            "plate": r.deed.plate, "offence": r.deed.offence, "amount": f"{r.sum.amount}",
            "currency": truth.nation.currency,
        }
        for r in truth.rulings()
        if r.sum is not None and r.stands
    ]  # fmt: skip
    return {"violations": violations, "fines": fines}


def _wrong(deed: Deed, one: Row) -> str:
    facts = {
        "camera": (deed.camera_id, one["camera_id"]), "plate": (deed.plate, one["plate"]),
        "time": (deed.occurred_ms, one["occurred_ms"]), "enforceable": (deed.enforceable, one["enforceable"]),
    }  # fmt: skip
    enforced, limit = one["enforced_kmh"], one["limit_kmh"]
    if deed.over_kmh is not None and enforced is not None and limit is not None:
        over = enforced - limit
        exact = deed.offence != "average_speed"
        near = abs(over - deed.over_kmh) < 1e-3 if exact else -_KMH_OFF < over - deed.over_kmh <= 0
        facts["km/h over"] = (deed.over_kmh, deed.over_kmh if near else over)
    return _differences(facts)


def _unlike(country: str, due: Ruling, fine: Row) -> str:
    cost = due.sum
    assert cost is not None
    reduced, until = cost.stages[0] if cost.stages else (cost.amount, None)
    liable = "" if due.liable == NOBODY else person_id(country, due.liable)
    facts = {
        "plate": (due.deed.plate, fine["plate"]), "article": (cost.article, fine["law"]),
        "amount": (cost.amount, fine["amount"]), "reduced": (reduced, fine["discount_amount"]),
        "paid": (due.paid, fine["paid"]), "status": (due.status, fine["status"]),
        "due back": (due.refund, fine["refund_due"] or 0), "owner": (person_id(country, due.owner), fine["owner_id"]),
        "liable": (liable, fine["liable_id"]),
    }  # fmt: skip
    if cost.stages:
        facts["until"] = (f"{until or ''}", fine["discount_until"] or "")
    return _differences(facts)


def _differences(facts: Mapping[str, tuple[object, object]]) -> str:
    return "; ".join(
        f"{name} is {found}, truly {truly}" for name, (truly, found) in facts.items() if truly != found
    )


def _total(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for one in tallies:
        for name in vars(total):
            setattr(total, name, getattr(total, name) + getattr(one, name))
    return total

"""Fines held against the truth of a simulated or staged city: which should not be there, and which are missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec

from waysight.errors import BadConfiguration

WINDOW_MS = 5_000
# What became of the violations of some plates, each with its latest review.
ACTS_OF = """
SELECT v.plate AS plate, toString(v.offence) AS offence, v.camera_id AS camera_id, v.section_id AS section_id,
    v.occurred_ms AS occurred_ms, v.enforceable AS enforceable, v.obstacles AS obstacles, r.decision AS decision,
    r.reason AS reason
FROM (SELECT * FROM violations_current WHERE plate IN {plates:Array(String)}) AS v
LEFT JOIN (
    SELECT violation_id, argMax(toString(decision), (reviewed_ms, review_id)) AS decision,
        argMax(toString(reason), (reviewed_ms, review_id)) AS reason
    FROM reviews_current
    WHERE violation_id IN (SELECT violation_id FROM violations_current WHERE plate IN {plates:Array(String)})
    GROUP BY violation_id) AS r ON r.violation_id = v.violation_id
ORDER BY occurred_ms, plate
"""
# Fines that stand, each with where and when its violation was.
TRUE_FINES = """
SELECT f.number AS number, f.plate AS plate, f.offence AS offence, f.amount AS amount, toString(f.currency) AS currency,
    v.camera_id AS camera_id, v.section_id AS section_id, f.occurred_ms AS occurred_ms
FROM (SELECT * FROM fines_current WHERE status != 'cancelled' AND issued_ms >= {from_ms:Int64} AND issued_ms < {to_ms:Int64}) AS f
LEFT JOIN (SELECT violation_id, camera_id, section_id FROM violations_current
    WHERE violation_id IN (SELECT violation_id FROM fines_current)) AS v ON v.violation_id = f.violation_id
ORDER BY occurred_ms, number
"""


def load_truth(path: Path) -> dict[str, Any]:
    """`violations` (offence, camera_id, section_id, plate, occurred_ms) and `fines` (plate, offence, amount, currency).

    A fine may have a `lowest_amount`, which measuring in the driver's favour may make of it (0: there need be none).
    Raises BadConfiguration for a file without them.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        rows = [*found["violations"], *found["fines"]]
        for row in rows:
            row["plate"], row["offence"]
        for fine in found["fines"]:
            fine["amount"] = Decimal(str(fine["amount"]))
            fine["lowest_amount"] = Decimal(str(fine.get("lowest_amount", fine["amount"])))
    except OSError as error:
        raise BadConfiguration(f"{path}: cannot be read ({error.strerror})") from error
    except (msgspec.DecodeError, KeyError, TypeError, InvalidOperation) as error:
        raise BadConfiguration(
            f"{path}: no truth file ({error}); give truth.json of `demo` or `simulate`"
        ) from error
    return found


def judge(truth: Mapping[str, Any], fines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How many violations and fines were compared, the wrong fines, each with why, and the true fines that are missing.

    A fine is right when a true violation of that offence, plate and place lies within 5 s, not yet used by another
    fine, and the truth has a fine of that plate, offence, amount and currency, not yet used either. It is `lenient`
    when it is less than the truth's, and no less than measuring in the driver's favour may make of it.
    """
    acts: dict[tuple[str, str, str], list[int]] = {}
    for act in truth["violations"]:
        place = act.get("section_id") or act["camera_id"]
        acts.setdefault((act["offence"], act["plate"], place), []).append(act["occurred_ms"])
    due: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for true in truth["fines"]:
        due.setdefault((true["plate"], true["offence"]), []).append(true)
    wrong, lenient = [], 0
    for fine in fines:
        why, less = _why_wrong(fine, acts, due)
        lenient += less
        if why:
            shown = {k: fine[k] for k in ("number", "offence", "camera_id", "amount", "currency")}
            wrong.append({**shown, "why": why})
    return {
        "violations": len(truth["violations"]),
        "fines": len(fines),
        "due": len(truth["fines"]),
        "lenient": lenient,
        "wrong": wrong,
        "missing": [true for left in due.values() for true in left],
    }


def misses(
    truth: Mapping[str, Any], missing: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Why true fines were not issued, commonest reason first: rows of reason and count.

    `found` are the violations of the missing fines' plates, as ACTS_OF gives them.
    """
    times: dict[tuple[str, str], list[int]] = {}
    for act in truth["violations"]:
        times.setdefault((act["plate"], act["offence"]), []).append(act["occurred_ms"])
    reasons: Counter[str] = Counter()
    for true in missing:
        key = (true["plate"], true["offence"])
        near = [
            row
            for row in found
            if (row["plate"], row["offence"]) == key
            and any(abs(row["occurred_ms"] - ms) <= WINDOW_MS for ms in times.get(key, ()))
        ]
        reasons[_why_missing(true, near)] += 1
    return [{"reason": reason, "fines": count} for reason, count in reasons.most_common()]


def _why_missing(true: Mapping[str, Any], near: Sequence[Mapping[str, Any]]) -> str:
    if not near:
        return (
            "no violation, within the doubt of measuring"
            if not true["lowest_amount"]
            else "no violation under this plate"
        )
    row = near[-1]
    if not row["enforceable"]:
        return f"not enforceable: {', '.join(row['obstacles'])}"
    if row["decision"] == "accepted":
        return "accepted, and no fine, or another one, followed"
    return f"{row['decision'] or 'not reviewed'} {row['reason']}".strip()


def _why_wrong(
    fine: Mapping[str, Any],
    acts: Mapping[tuple[str, str, str], list[int]],
    due: dict[tuple[str, str], list[Mapping[str, Any]]],
) -> tuple[str, bool]:
    place = fine["section_id"] or fine["camera_id"]
    times = acts.get((fine["offence"], fine["plate"], place), [])
    nearest = min(times, key=lambda ms: abs(ms - fine["occurred_ms"]), default=None)
    if nearest is None or abs(nearest - fine["occurred_ms"]) > WINDOW_MS:
        return "no such act", False
    times.remove(nearest)
    left = [
        true for true in due.get((fine["plate"], fine["offence"]), []) if true["currency"] == fine["currency"]
    ]
    exact = [true for true in left if true["amount"] == fine["amount"]]
    fitting = exact or [true for true in left if 0 < true["lowest_amount"] <= fine["amount"] < true["amount"]]
    if not fitting:
        return "the act costs something else, or nothing", False
    due[fine["plate"], fine["offence"]].remove(fitting[0])
    return "", not exact

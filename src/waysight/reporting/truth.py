"""Fines held against the truth of a simulated or staged city: which of them should not be there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec

from waysight.errors import BadConfiguration

WINDOW_MS = 5_000
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

    Raises BadConfiguration for a file without them.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        rows = [*found["violations"], *found["fines"]]
        for row in rows:
            row["plate"], row["offence"]
        for fine in found["fines"]:
            fine["amount"] = Decimal(str(fine["amount"]))
    except OSError as error:
        raise BadConfiguration(f"{path}: cannot be read ({error.strerror})") from error
    except (msgspec.DecodeError, KeyError, TypeError, InvalidOperation) as error:
        raise BadConfiguration(
            f"{path}: no truth file ({error}); give truth.json of `demo` or `simulate`"
        ) from error
    return found


def judge(truth: Mapping[str, Any], fines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How many violations and fines were compared, and the wrong fines, each with why.

    A fine is right when a true violation of that offence, plate and place lies within 5 s, not yet used by another
    fine, and the truth has a fine of that plate, offence, amount and currency, not yet used either.
    """
    acts: dict[tuple[str, str, str], list[int]] = {}
    for act in truth["violations"]:
        place = act.get("section_id") or act["camera_id"]
        acts.setdefault((act["offence"], act["plate"], place), []).append(act["occurred_ms"])
    prices: dict[tuple[str, str, Decimal, str], int] = {}
    for fine in truth["fines"]:
        key = (fine["plate"], fine["offence"], fine["amount"], fine["currency"])
        prices[key] = prices.get(key, 0) + 1
    wrong = []
    for fine in fines:
        why = _why_wrong(fine, acts, prices)
        if why:
            shown = {k: fine[k] for k in ("number", "offence", "camera_id", "amount", "currency")}
            wrong.append({**shown, "why": why})
    return {"violations": len(truth["violations"]), "fines": len(fines), "wrong": wrong}


def _why_wrong(
    fine: Mapping[str, Any],
    acts: Mapping[tuple[str, str, str], list[int]],
    prices: dict[tuple[str, str, Decimal, str], int],
) -> str:
    place = fine["section_id"] or fine["camera_id"]
    times = acts.get((fine["offence"], fine["plate"], place), [])
    nearest = min(times, key=lambda ms: abs(ms - fine["occurred_ms"]), default=None)
    if nearest is None or abs(nearest - fine["occurred_ms"]) > WINDOW_MS:
        return "no such act"
    times.remove(nearest)
    key = (fine["plate"], fine["offence"], fine["amount"], fine["currency"])
    if prices.get(key, 0) == 0:
        return "the act costs something else, or nothing"
    prices[key] -= 1
    return ""

"""Acts about fines as records: one by one, from a file, or as a campaign over many; the processor decides what counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from waysight.authority.imports import amount_of
from waysight.authority.local_days import local_ms
from waysight.domain.fines.actions import ACTS
from waysight.domain.ids import derive_id
from waysight.domain.plates import canonical
from waysight.errors import BadConfiguration, NotAllowed
from waysight.messages import Fine, FineAction

_DAY_MS = 86_400_000
COLUMNS = ("fine_number", "plate", "kind", "at", "by")
OPTIONAL = (
    "reason", "channel", "proof", "person_id", "person_name", "person_address", "amount", "campaign",
)  # fmt: skip


def action_of(kind: str, number: str, plate: str, at_ms: int, by: str, **said: Any) -> FineAction:
    """An act as a record; the same act said twice has the same id. Raises NotAllowed for what can never be."""
    if kind not in ACTS:
        raise BadConfiguration(f"kind {kind!r} is none; there are {', '.join(sorted(ACTS))}")
    if not by.strip():
        raise NotAllowed(f"{kind}: no act without a named person (--by)")
    missing = [name for name in ACTS[kind].needs if said.get(name) in ("", None)]
    if missing:
        raise NotAllowed(f"{kind} needs {', '.join('--' + name.replace('_', '-') for name in missing)}")
    amount: Decimal | None = said.get("amount")
    parts = [str(said.get(n) or "") for n in ("person_id", "campaign", "proof")]
    once = (
        "" if said.get("campaign") else str(at_ms)
    )  # a campaign acts once on a fine, however often it is run
    return FineAction(
        action_id=derive_id("fine-action", number, kind, once, by, str(amount or ""), *parts),
        fine_number=number,
        plate=plate,
        kind=kind,  # type: ignore[arg-type]
        at_ms=at_ms,
        by=by.strip(),
        **{name: said[name] for name in OPTIONAL if said.get(name)},
    )


def require_open(kind: str, fine: Fine) -> None:
    """Refuse at once an act about a fine that has ended and that the act cannot change; raises NotAllowed.

    Whatever else is allowed is decided where acts are applied, in the order of time.
    """
    ended = fine.status in ("cancelled", "written_off")
    if ended and kind in ACTS and fine.status not in ACTS[kind].statuses:
        raise NotAllowed(
            f"fine {fine.number} is {fine.status}: {kind} changes nothing any more; see `waysight fines show`"
        )


def action_of_row(row: dict[str, str], now_ms: int) -> FineAction:
    """An act from text fields, `now_ms` (UTC epoch ms) at the latest; raises BadConfiguration or NotAllowed."""
    empty = [c for c in COLUMNS if not row[c]]
    if empty:
        raise BadConfiguration(f"{', '.join(empty)} empty")
    said: dict[str, Any] = {name: row.get(name, "") for name in OPTIONAL if name != "amount"}
    if row.get("amount"):
        said["amount"] = amount_of(row["amount"], "amount")
    at_ms = not_in_future(local_ms(row["at"], "at", country_of(row["fine_number"])), "at", now_ms)
    return action_of(
        row["kind"], row["fine_number"].upper(), canonical(row["plate"]), at_ms, row["by"], **said
    )


def country_of(number: str) -> str:
    """The country that a fine's number begins with (``kz`` of KZ-2026-03-000123-U), or "" for an id."""
    return number.partition("-")[0].lower() if "-" in number else ""


def not_in_future(at_ms: int, column: str, now_ms: int) -> int:
    """A time that is over; raises BadConfiguration for one that is more than a day ahead of `now_ms` (UTC epoch ms)."""
    if at_ms > now_ms + _DAY_MS:
        raise BadConfiguration(f"{column} lies in the future; what has not happened cannot be recorded")
    return at_ms


_RESTS = """(v.camera_id = {camera:String}
            OR arrayExists(e -> startsWith(e.evidence_ref, {frames:String}), v.evidence))"""


def by_camera_sql(camera: str, from_ms: int, to_ms: int) -> tuple[str, dict[str, Any]]:
    """Fines that rest on a camera, of offences in [from_ms, to_ms) UTC epoch ms, that stand or that another replaces.

    A camera counts where it is the one of the violation or where one of the evidence frames is its own. What was
    superseded by another fine of the same act would take that one's place.
    """
    sql = f"""
        SELECT f.* FROM fines_current AS f
        INNER JOIN violations_current AS v ON v.violation_id = f.violation_id
        WHERE (f.status != 'cancelled' OR f.fine_id IN (
                SELECT fine_id FROM fine_events_current GROUP BY fine_id
                HAVING startsWith(argMaxIf(reason, (at_ms, version), status = 'cancelled'
                    AND transition NOT IN ('withdrawn', 'refused')), 'same_act:')))
            AND f.occurred_ms >= {{from_ms:Int64}} AND f.occurred_ms < {{to_ms:Int64}} AND {_RESTS}
        ORDER BY f.occurred_ms, f.fine_id
    """
    return sql, {"camera": camera, "frames": f"frames/{camera}/", "from_ms": from_ms, "to_ms": to_ms}


def behind_sql(camera: str, from_ms: int, to_ms: int) -> tuple[str, dict[str, Any]]:
    """Accepted violations of that camera and time without a fine (violation_id, plate), of plates that have one there.

    Where such a one is the same act as a fine that ends, it would be issued then.
    """
    sql = f"""
        WITH near AS (
            SELECT v.violation_id AS violation_id, v.plate AS plate FROM violations_current AS v
            WHERE v.occurred_ms >= {{from_ms:Int64}} AND v.occurred_ms < {{to_ms:Int64}} AND {_RESTS})
        SELECT violation_id, plate FROM near
        WHERE violation_id IN (SELECT violation_id FROM reviews_current WHERE decision = 'accepted')
            AND violation_id NOT IN (SELECT violation_id FROM fines_current)
            AND plate IN (
                SELECT plate FROM fines_current
                WHERE violation_id IN (SELECT violation_id FROM near) AND status != 'cancelled')
        ORDER BY violation_id
    """
    return sql, {"camera": camera, "frames": f"frames/{camera}/", "from_ms": from_ms, "to_ms": to_ms}


def unpaid_sql(before_ms: int, quiet_since_ms: int) -> tuple[str, dict[str, Any]]:
    """Fines issued before a moment and not settled, without a reminder since another (UTC epoch ms)."""
    sql = """
        SELECT * FROM fines_current
        WHERE status = 'issued' AND issued_ms < {before_ms:Int64} AND fine_id NOT IN (
            SELECT fine_id FROM fine_events_current
            WHERE transition = 'reminded' AND at_ms >= {quiet_ms:Int64})
        ORDER BY issued_ms, fine_id
    """
    return sql, {"before_ms": before_ms, "quiet_ms": quiet_since_ms}


def lapsed_sql(today: date) -> tuple[str, dict[str, Any]]:
    """Fines whose period of limitation is surely over."""
    sql = """
        SELECT * FROM fines_current
        WHERE status IN ('issued', 'suspended') AND limitation_until != '' AND limitation_until < {today:String}
        ORDER BY issued_ms, fine_id
    """
    return sql, {"today": today.isoformat()}


def owed_back_sql() -> str:
    """Fines of which something is to be paid back."""
    return "SELECT * FROM fines_current WHERE refund_due > 0 ORDER BY issued_ms, fine_id"


def state_at(events: Sequence[Mapping[str, Any]], at_ms: int) -> Mapping[str, Any] | None:
    """The last transition of a fine up to a moment (UTC epoch ms), which holds its state then; None before its issue."""
    told = [e for e in events if e["at_ms"] <= at_ms and e["transition"] not in ("withdrawn", "refused")]
    return max(told, key=lambda e: (e["at_ms"], e["version"]), default=None)

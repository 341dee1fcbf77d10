"""The ledger: what the topics and ClickHouse hold against the truth, line by line; nothing lost, nothing twice.

A record of an output topic may be there more than once with the same id and version: readers keep one of each.
Such repeats are counted as `resent` and are no fault; two ids for one thing are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from waysight.adapters.clickhouse import connect
from waysight.adapters.kafka import read_all
from waysight.codec import Codec
from waysight.settings import Settings
from waysight.simulate.sums import Truth
from waysight.simulate.town import SUPPRESS_S

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """One kind of thing in one place; `wrong` are found with another value, `false` are in no truth."""

    kind: str
    where: str
    truth: int
    found: int
    lost: int
    twice: int
    wrong: int
    false: int
    resent: int = 0
    examples: tuple[str, ...] = ()

    @property
    def balances(self) -> bool:
        """Whether truth and findings are the same."""
        return not (self.lost or self.twice or self.wrong or self.false)


def line(
    kind: str, where: str, truth: Mapping[Any, Any], found: Iterable[tuple[Any, Any]], resent: int = 0
) -> Line:
    """Compare `truth` (thing → value) with what was found (thing, value), each by its own id."""
    seen, wrong = Counter[Any](), []
    for thing, value in found:
        seen[thing] += 1
        if thing in truth and truth[thing] != value:
            wrong.append((thing, truth[thing], value))
    lost, false = truth.keys() - seen.keys(), seen.keys() - truth.keys()
    examples = (
        [f"lost {x}" for x in lost][:9]
        + [f"wrong {x}" for x in wrong][:9]
        + [f"false {x}" for x in false][:9]
    )
    return Line(
        kind,
        where,
        len(truth),
        len(seen.keys() & truth.keys()),
        len(lost),
        sum(n - 1 for n in seen.values()),
        len(wrong),
        len(false),
        resent,
        tuple(examples),
    )


def open_ledger(
    settings: Settings,
    codec: Codec,
    truth: Truth,
    letters: set[tuple[bytes, str]],
    paid_every: int,
) -> list[Line]:
    """All lines: alerts, violations, counts, fines and dead letters in their topics and in ClickHouse."""
    lines: list[Line] = []
    alerts = {key: len(sightings) for key, sightings in truth.alerts.items()}
    acts = {
        key: key in truth.fines for key in truth.violations
    }  # whether it may be enforced where the owner is known
    places: dict[str, str] = {}
    for where in ("topic", "clickhouse"):
        rows, resent = _rows(settings, codec, where, "violations", "violation_id", "")
        places |= {r["violation_id"]: (r["offence"], tuple(r["sighting_ids"])) for r in rows}
        found = [
            (key, bool(r["enforceable"]) if acts.get(key) else False)
            for r in rows
            for key in [(r["offence"], tuple(r["sighting_ids"]))]
        ]
        lines.append(line("violations", where, acts, found, resent))
        rows, resent = _rows(settings, codec, where, "alerts", "alert_id", "version")
        told = [
            ((r["entry_id"], r["camera_group"], r["occurred_ms"] // (SUPPRESS_S * 1000)), r["sightings"])
            for r in rows
        ]
        lines.append(line("alerts", where, alerts, told, resent))
        rows, resent = _rows(settings, codec, where, "counts", "count_id", "version")
        counted = [
            ((r["measure"], r["camera_id"], r["category"], r["window_start_ms"]), r["value"]) for r in rows
        ]
        lines.append(line("counts", where, truth.counts, counted, resent))
        rows, resent = _rows(settings, codec, where, "rollups", "rollup_id", "version")
        names = ("measure", "scope", "place", "category", "window_ms", "window_start_ms")
        rolled = [(tuple(r[n] for n in names), r["value"]) for r in rows]
        lines.append(line("rollups", where, truth.rollups, rolled, resent))
        rows, resent = _rows(settings, codec, where, "fines", "fine_id", "version")
        due = {
            key: (Decimal(truth.fines[key]), "paid" if int(fine_id[:8], 16) % paid_every == 0 else "issued")
            for key, fine_id in _fine_ids(rows, places)
            if key in truth.fines
        }
        fines = {key: due.get(key, (Decimal(amount), "issued")) for key, amount in truth.fines.items()}
        issued = [(places.get(r["violation_id"]), (Decimal(r["amount"]), r["status"])) for r in rows]
        lines.append(line("fines", where, fines, issued, resent))
    lines.append(_sightings(settings, truth))
    dead, resent = _dead(codec, settings)
    lines.append(line("dead letters", "topic", dict.fromkeys(letters), dict.fromkeys(dead).items(), resent))
    return lines


def _fine_ids(rows: Iterable[Row], places: Mapping[str, Any]) -> Iterable[tuple[Any, str]]:
    return ((places.get(r["violation_id"]), r["fine_id"]) for r in rows)


def _rows(
    settings: Settings, codec: Codec, where: str, name: str, key: str, version: str
) -> tuple[list[Row], int]:
    """The newest record of each id, and how many were there again with the same id and version."""
    if where == "clickhouse":
        rows: list[Row] = connect(settings).rows(f"SELECT * FROM {name}_current")
        return rows, 0
    newest: dict[str, Row] = {}
    seen = Counter[tuple[str, int]]()
    for _, record in read_all(settings, codec, name):
        row = {field: getattr(record, field) for field in record.__dataclass_fields__}
        number = row.get(version, 0) if version else row.get("revised_ms") or 0
        seen[row[key], number] += 1
        if row[key] not in newest or number >= (newest[row[key]].get(version, 0) if version else 0):
            newest[row[key]] = row
    return list(newest.values()), sum(n - 1 for n in seen.values())


def _sightings(settings: Settings, truth: Truth) -> Line:
    rows = connect(settings).rows("SELECT sighting_id, final FROM sightings_current")
    final = sum(bool(r["final"]) for r in rows)
    lost = max(0, truth.sightings - final)
    false = max(0, len(rows) - truth.sightings)
    return Line("sightings", "clickhouse", truth.sightings, final, lost, 0, 0, false)


def _dead(codec: Codec, settings: Settings) -> tuple[list[tuple[bytes, str]], int]:
    found = [(r.payload, r.processor) for _, r in read_all(settings, codec, "dead-letters")]
    return found, len(found) - len(set(found))


def balances(lines: Iterable[Line]) -> bool:
    """Whether every line does."""
    return all(one.balances for one in lines)


def table(lines: Iterable[Line]) -> str:
    """The ledger as text."""
    head = ("kind", "where", "truth", "found", "lost", "twice", "wrong", "false", "resent")
    rows = [head, *(tuple(str(getattr(one, name)) for name in head) for one in lines)]
    return "\n".join(f"{a:13} {b:11}" + "".join(f"{v:>9}" for v in rest) for a, b, *rest in rows)

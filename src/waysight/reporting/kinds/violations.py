"""Violations by place, hour and offence, and what became of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from waysight.adapters.clickhouse import ClickHouse
from waysight.reporting.asked import ask
from waysight.reporting.charts import Chart
from waysight.reporting.document import Report, Section
from waysight.reporting.reports import Period

# One look at every row for all tables: `grouping` says which table a line belongs to.
_SQL = """
SELECT grouping(camera_id, hour, day) AS part, camera_id, any(location) AS place, offence, hour, day,
    count() AS violations, countIf(enforceable) AS enforceable
FROM (
    SELECT camera_id, location, offence, enforceable, toHour(local) AS hour, toDate(local) AS day,
        toTimeZone(fromUnixTimestamp64Milli(occurred_ms), '{zone}') AS local
    FROM violations_current
    WHERE occurred_ms >= {{from_ms:Int64}} AND occurred_ms < {{to_ms:Int64}}
        AND ({{camera:String}} = '' OR camera_id = {{camera:String}}))
GROUP BY GROUPING SETS ((camera_id, offence), (hour, offence), (day, offence))
ORDER BY part, camera_id, hour, day, offence
"""

# Two of 10 million acts share a millisecond and a hash of 64 bits with a chance of 1e-13 at the most; joining by these takes
# a third of the memory.
_FINES = """
SELECT v.camera_id AS camera_id, f.offence AS offence, toString(f.currency) AS currency, count() AS fines, sum(f.amount) AS amount
FROM (
    SELECT camera_id, occurred_ms, cityHash64(violation_id) AS id FROM violations_current
    WHERE occurred_ms >= {from_ms:Int64} AND occurred_ms < {to_ms:Int64}
        AND ({camera:String} = '' OR camera_id = {camera:String})) AS v
INNER JOIN (
    SELECT occurred_ms, cityHash64(violation_id) AS id, offence, currency, amount FROM fines_current
    WHERE occurred_ms >= {from_ms:Int64} AND occurred_ms < {to_ms:Int64} AND status != 'cancelled') AS f
    ON f.id = v.id AND f.occurred_ms = v.occurred_ms
GROUP BY camera_id, offence, currency
"""
_DRAWN = 8  # offences with a colour of their own; the tables have all
_CAMERA, _HOUR, _DAY = 3, 5, 6  # grouping(): a bit is set where the column is not grouped by


def report(clickhouse: ClickHouse, asked: Period, zone: str, camera_id: str = "") -> Report:
    """Violations in a period; hours and days are those of `zone`."""
    found: dict[int, list[dict[str, Any]]] = {_CAMERA: [], _HOUR: [], _DAY: []}
    for row in ask(clickhouse, _SQL.format(zone=zone), asked, camera=camera_id):
        found[row["part"]].append(row)
    rows = _places(found[_CAMERA], ask(clickhouse, _FINES, asked, camera=camera_id))
    hours = [{k: r[k] for k in ("hour", "offence", "violations", "enforceable")} for r in found[_HOUR]]
    days = [{k: r[k] for k in ("day", "offence", "violations", "enforceable")} for r in found[_DAY]]
    offences = _summed(rows, "offence")
    places = _summed(rows, "place")
    total = sum(r["violations"] for r in rows)
    drawn = [o["offence"] for o in offences[:_DRAWN]]
    data = {"timezone": zone, "violations": total, "enforceable": sum(r["enforceable"] for r in rows),
            "rows": rows, "by_offence": offences, "by_place": places, "by_hour": hours, "by_day": days}  # fmt: skip
    words = f"{total:,} violations, {data['enforceable']:,} of them fit for a review. Hours and days are local ({zone})."
    top = places[:25]
    few = f" The {len(top)} places with most." if len(places) > len(top) else ""
    sections = [
        Section("By offence", words, offences, Chart("Violations by offence", "bars", _bars(offences, "offence"))),
        Section("By place", few.strip(), top, Chart("Violations by place", "bars", _bars(top, "place"))),
        Section("By hour of the day", "", _wide(hours, "hour"),
                Chart("Violations by hour", "bars", [
                    {"label": f"{h:02}", "series": o, "value": n} for h, o, n in _drawn(hours, "hour", drawn)])),
        Section("By day", "", (), Chart("Violations per day", "timeseries", [
            {"time": d, "series": o, "value": n} for d, o, n in _drawn(days, "day", drawn)])),
        Section("Camera by camera", "Fines that stand: not counting cancelled ones.", rows),
    ]  # fmt: skip
    return Report("Violations by place, hour and offence", asked.from_ms, asked.to_ms, data, sections)


def _places(cameras: list[dict[str, Any]], fines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    known = {(f["camera_id"], f["offence"]): f for f in fines}
    none = {"fines": 0, "amount": None, "currency": ""}
    return [
        {**{k: r[k] for k in ("camera_id", "place", "offence", "violations", "enforceable")},
         **{k: known.get((r["camera_id"], r["offence"]), none)[k] for k in ("fines", "amount", "currency")}}
        for r in cameras
    ]  # fmt: skip


def _summed(rows: list[dict[str, Any]], column: str) -> list[dict[str, Any]]:
    sums: dict[str, Counter[str]] = {}
    for row in rows:
        name = row[column] or row["camera_id"]
        sums.setdefault(name, Counter()).update({k: row[k] for k in ("violations", "enforceable", "fines")})
    found = [
        {column: name, **{k: c[k] for k in ("violations", "enforceable", "fines")}}
        for name, c in sums.items()
    ]
    return sorted(found, key=lambda r: (-r["violations"], r[column]))


def _bars(rows: list[dict[str, Any]], column: str) -> list[dict[str, Any]]:
    return [{"label": r[column], "value": r["violations"]} for r in rows]


def _drawn(rows: list[dict[str, Any]], column: str, offences: list[str]) -> list[tuple[Any, str, int]]:
    """(value of `column`, offence, violations) with the rarer offences together, in that order."""
    sums: Counter[tuple[Any, str]] = Counter()
    for row in rows:
        sums[row[column], row["offence"] if row["offence"] in offences else "other"] += row["violations"]
    place = {name: number for number, name in enumerate([*offences, "other"])}
    return sorted(((at, name, n) for (at, name), n in sums.items()), key=lambda r: (r[0], place[r[1]]))


def _wide(rows: list[dict[str, Any]], column: str) -> list[dict[str, Any]]:
    """A line for each value of `column`, a column for each offence."""
    offences = sorted({r["offence"] for r in rows})
    counts = {(r[column], r["offence"]): r["violations"] for r in rows}
    values = sorted({r[column] for r in rows})
    return [{column: v, **{o: counts.get((v, o), 0) for o in offences}} for v in values]

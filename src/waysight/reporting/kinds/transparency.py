"""What was watched, matched, confirmed, rejected, deleted and looked at: numbers only, nothing that names anyone."""

from __future__ import annotations

from typing import Any

from waysight.adapters.clickhouse import ClickHouse
from waysight.reporting.asked import ask
from waysight.reporting.charts import Chart
from waysight.reporting.document import Report, Section
from waysight.reporting.reports import Period
from waysight.storage.tables import TABLES

_WITHIN = "{column} >= {{from_ms:Int64}} AND {column} < {{to_ms:Int64}}"

# Passes are counted for years; their sightings are deleted when their time is over.
_WATCHED = """
SELECT label, toInt64(sum(counted)) AS passes, toInt64(sum(kept)) AS still_kept,
    toInt64(greatest(sum(counted) - sum(kept), 0)) AS deleted
FROM (
    SELECT toString(category) AS label, toInt64(value) AS counted, toInt64(0) AS kept FROM counts_current
    WHERE measure = 'passes' AND window_start_ms >= {from_ms:Int64} AND window_start_ms < {to_ms:Int64}
    UNION ALL
    SELECT toString(label), toInt64(0), toInt64(count()) FROM sightings_current
    WHERE final AND last_ms >= {from_ms:Int64} AND last_ms < {to_ms:Int64} GROUP BY label)
GROUP BY label ORDER BY label
"""
_PARTS = {
    "cameras": ("SELECT uniqExact(camera_id) AS cameras FROM counts", "window_start_ms", ""),
    "matched": ("SELECT kind, matched, toString(status) AS status, count() AS alerts FROM alerts_current",
                "occurred_ms", "GROUP BY kind, matched, status ORDER BY kind, matched, status"),
    "violations": ("SELECT offence, count() AS violations, countIf(enforceable) AS enforceable, "
                   "countIf(exemption != '') AS exempt FROM violations_current",
                   "occurred_ms", "GROUP BY offence ORDER BY offence"),
    "obstacles": ("SELECT arrayJoin(obstacles) AS obstacle, count() AS violations FROM violations_current",
                  "occurred_ms", "GROUP BY obstacle ORDER BY violations DESC, obstacle"),
    "reviews": ("SELECT if(stage = '', 'first', stage) AS stage, decision, reason, count() AS reviews, countIf(bulk) AS bulk "
                "FROM reviews_current", "reviewed_ms",
                "GROUP BY stage, decision, reason ORDER BY stage, decision, reason"),
    "fines": ("SELECT toString(status) AS status, count() AS fines FROM fines_current", "issued_ms",
              "GROUP BY status ORDER BY status"),
    "referrals": ("SELECT refer_to, withdrawn, count() AS referrals FROM referrals_current", "referred_ms",
                  "GROUP BY refer_to, withdrawn ORDER BY refer_to, withdrawn"),
    "looked_at": ("SELECT action, count() AS times, uniqExact(actor) AS people, sum(greatest(rows, 0)) AS rows_shown, "
                  "countIf(case_number = '') AS without_case FROM audit_current", "at_ms",
                  "GROUP BY action ORDER BY times DESC, action"),
}  # fmt: skip
_TITLES = {
    "matched": ("Matched against hotlists, and what people said of it", ""),
    "violations": ("Violations", ""),
    "obstacles": ("What kept violations from a review", "A violation may have several."),
    "reviews": ("Decided by officers", ""),
    "fines": ("Fines issued, as they stand", ""),
    "referrals": ("Referred to courts and others", ""),
    "looked_at": (
        "Looked at, exported, changed: what the audit log holds",
        "How often, by how many people, how many rows.",
    ),
}


def report(clickhouse: ClickHouse, asked: Period) -> Report:
    """Counts of everything that touches people in a period."""
    found: dict[str, Any] = {"watched": ask(clickhouse, _WATCHED, asked)}
    for name, (select, column, rest) in _PARTS.items():
        found[name] = ask(clickhouse, f"{select} WHERE {_WITHIN.format(column=column)} {rest}", asked)
    found["cameras"] = found["cameras"][0]["cameras"]
    found["kept_days"] = {name: table.keep_days for name, table in TABLES.items()}
    by_status: dict[str, int] = {}
    for row in found["matched"]:
        by_status[row["status"]] = by_status.get(row["status"], 0) + row["alerts"]
    data = {**found, "alerts": by_status}
    watched = found["watched"]
    words = (
        f"{sum(r['passes'] for r in watched):,} passes before {found['cameras']:,} cameras. Of a pass a sighting is kept "
        f"for {found['kept_days']['sightings']} days (unless the table's own TTL says otherwise) and the count for "
        f"{found['kept_days']['counts'] // 365} years: what is counted and no longer kept was deleted."
    )
    bars = [{"label": status, "value": number} for status, number in sorted(by_status.items())]
    sections = [
        Section("Watched and deleted", words, watched),
        Section(*_TITLES["matched"], found["matched"], Chart("Alerts by what became of them", "bars", bars)),
    ]
    sections += [Section(*_TITLES[name], found[name]) for name in _TITLES if name != "matched"]
    return Report("Transparency", asked.from_ms, asked.to_ms, data, sections)

"""Do the stream's windows agree with the facts? Counts against sightings and violations, sums against counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from waysight.adapters.clickhouse import ClickHouse
from waysight.reporting.reports import Period

MOST_ROWS = 1000
_SETTLED_MS = 900_000  # later minutes may still wait for a signal's word or a late pass
_KEPT_DAYS = {"passes": 89, "violations": 1094}  # facts of counts older than that are no longer there

# Every minute: what the stream told, and how many facts there are, each id once.
_MINUTES = """
WITH
    told AS (
        SELECT toString(measure) AS measure, toString(camera_id) AS camera_id, toString(category) AS category,
            window_start_ms AS minute_ms, value AS told, toInt64(0) AS facts
        FROM counts_current WHERE window_ms = 60000),
    facts AS (
        SELECT 'passes' AS measure, toString(camera_id) AS camera_id, toString(label) AS category,
            intDiv(last_ms, 60000) * 60000 AS minute_ms, toInt64(0) AS told, toInt64(count()) AS facts
        FROM sightings_current WHERE final GROUP BY camera_id, category, minute_ms
        UNION ALL
        SELECT 'violations', toString(camera_id), toString(offence) AS category,
            intDiv(occurred_ms, 60000) * 60000 AS minute_ms, toInt64(0), toInt64(count())
        FROM violations_current WHERE NOT has(obstacles, 'withdrawn_by_replay') AND corrects = '' AND source != 'register'
        GROUP BY camera_id, category, minute_ms),
    reach AS (SELECT measure, camera_id, max(minute_ms) AS last_ms FROM told GROUP BY measure, camera_id),
    newest AS (
        SELECT camera_id, max(minute_ms) AS last_ms FROM (SELECT * FROM told UNION ALL SELECT * FROM facts)
        GROUP BY camera_id)
SELECT every.measure AS measure, every.camera_id AS camera_id, every.category AS category, every.minute_ms AS minute_ms,
    toInt64(sum(every.told)) AS told, toInt64(sum(every.facts)) AS facts,
    minute_ms <= any(reach.last_ms) OR minute_ms < any(newest.last_ms) - {settled:Int64} AS closed
FROM (SELECT * FROM told UNION ALL SELECT * FROM facts) AS every
LEFT JOIN reach ON reach.measure = every.measure AND reach.camera_id = every.camera_id
LEFT JOIN newest ON newest.camera_id = every.camera_id
WHERE every.minute_ms >= {from_ms:Int64} AND every.minute_ms < {to_ms:Int64}
    AND ({camera:String} = '' OR every.camera_id = {camera:String})
    AND fromUnixTimestamp64Milli(every.minute_ms) > now64() - toIntervalDay(if(every.measure = 'passes', {passes:Int32}, {violations:Int32}))
GROUP BY measure, camera_id, category, minute_ms
"""

# Every sum of a place: what was told, and what the minutes of its cameras come to.
_SUMS = """
WITH
    slots AS (
        SELECT toString(measure) AS measure, toString(camera_id) AS camera_id, toString(category) AS category,
            intDiv(window_start_ms, 300000) * 300000 AS slot_ms, sum(value) AS value
        FROM counts_current WHERE window_ms = 60000 GROUP BY measure, camera_id, category, slot_ms),
    parts AS (
        SELECT toString(measure) AS measure, toString(scope) AS scope, toString(place) AS place,
            toString(category) AS category, window_start_ms, window_ms, value, toString(arrayJoin(cameras)) AS camera_id,
            arrayJoin(range(toUInt64(window_start_ms), toUInt64(window_start_ms + window_ms), 300000)) AS slot_ms
        FROM rollups_current
        WHERE window_start_ms >= {from_ms:Int64} AND window_start_ms < {to_ms:Int64}
            AND ({camera:String} = '' OR has(cameras, {camera:String})))
SELECT parts.measure AS measure, parts.scope AS scope, parts.place AS place, parts.category AS category,
    parts.window_start_ms AS window_start_ms, parts.window_ms AS window_ms,
    any(parts.value) AS told, toInt64(sum(slots.value)) AS facts
FROM parts LEFT JOIN slots ON slots.measure = parts.measure AND slots.camera_id = parts.camera_id
    AND slots.category = parts.category AND slots.slot_ms = toInt64(parts.slot_ms)
GROUP BY measure, scope, place, category, window_start_ms, window_ms
"""

# Every hour of a camera that ended before the newest hour told of it must have a sum.
_MISSING = """
WITH
    sums AS (
        SELECT toString(measure) AS measure, toString(place) AS camera_id, toString(category) AS category, window_start_ms
        FROM rollups_current WHERE scope = 'camera' AND window_ms = 3600000),
    reach AS (SELECT measure, camera_id, max(window_start_ms) AS last_ms FROM sums GROUP BY measure, camera_id),
    hours AS (
        SELECT toString(measure) AS measure, toString(camera_id) AS camera_id, toString(category) AS category,
            intDiv(window_start_ms, 3600000) * 3600000 AS window_start_ms, toInt64(sum(value)) AS facts
        FROM counts_current WHERE window_ms = 60000 GROUP BY measure, camera_id, category, window_start_ms)
SELECT hours.measure AS measure, 'camera' AS scope, hours.camera_id AS place, hours.category AS category,
    hours.window_start_ms AS window_start_ms, toInt64(3600000) AS window_ms, toInt64(0) AS told, hours.facts AS facts
FROM hours JOIN reach ON reach.measure = hours.measure AND reach.camera_id = hours.camera_id
LEFT ANTI JOIN sums ON sums.measure = hours.measure AND sums.camera_id = hours.camera_id
    AND sums.category = hours.category AND sums.window_start_ms = hours.window_start_ms
WHERE hours.window_start_ms <= reach.last_ms AND hours.facts > 0
    AND hours.window_start_ms >= {from_ms:Int64} AND hours.window_start_ms < {to_ms:Int64}
    AND ({camera:String} = '' OR hours.camera_id = {camera:String})
"""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many minutes and sums were compared, how many minutes are still open, and what differs (at most 1,000)."""

    minutes: int
    open_minutes: int
    sums: int
    minutes_differing: list[dict[str, Any]]
    sums_differing: list[dict[str, Any]]

    @property
    def holds(self) -> bool:
        """Whether everything agrees."""
        return not self.minutes_differing and not self.sums_differing


def reconcile(clickhouse: ClickHouse, asked: Period, camera_id: str = "") -> Agreement:
    """Compare the stream's windows with the deduplicated facts; minutes that may still change are only counted."""
    given = {**asked.parameters, **_KEPT_DAYS, "camera": camera_id, "settled": _SETTLED_MS}
    (minutes,) = clickhouse.rows(
        f"SELECT countIf(closed) AS judged, countIf(NOT closed) AS pending FROM ({_MINUTES})", given
    )
    (sums,) = clickhouse.rows(f"SELECT count() AS compared FROM ({_SUMS})", given)
    limit = f"ORDER BY ALL LIMIT {MOST_ROWS}"
    return Agreement(
        minutes["judged"],
        minutes["pending"],
        sums["compared"],
        clickhouse.rows(f"SELECT * FROM ({_MINUTES}) WHERE closed AND told != facts {limit}", given),
        [
            *clickhouse.rows(f"SELECT * FROM ({_SUMS}) WHERE told != facts {limit}", given),
            *clickhouse.rows(f"SELECT * FROM ({_MISSING}) {limit}", given),
        ],
    )

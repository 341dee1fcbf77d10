"""What all reports share: the local zone of their hours and months, and reading each row once, quickly."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from waysight.adapters.clickhouse import ClickHouse
from waysight.authority.rulepacks import all_packs
from waysight.errors import BadConfiguration
from waysight.reporting.reports import Period

# A row and its repeats share the month that they are kept by, so no month needs to look into another.
ONCE = " SETTINGS do_not_merge_across_partitions_select_final = 1"


def ask(clickhouse: ClickHouse, sql: str, asked: Period, **given: Any) -> list[dict[str, Any]]:
    """Rows of `sql`, which takes from_ms and to_ms besides what is given."""
    return clickhouse.rows(sql + ONCE, {**asked.parameters, **given})


def cameras_seen(clickhouse: ClickHouse, asked: Period, camera: str = "") -> list[str]:
    """The cameras with counts, sightings or violations in the period, or only this one where it has any."""
    times = {"counts": "window_start_ms", "sightings": "first_ms", "violations": "occurred_ms"}
    found = " UNION ALL ".join(
        f"SELECT camera_id FROM {table} WHERE {time} >= {{from_ms:Int64}} AND {time} < {{to_ms:Int64}} "
        f"AND ({{camera:String}} = '' OR camera_id = {{camera:String}}) GROUP BY camera_id"
        for table, time in times.items()
    )
    sql = f"SELECT DISTINCT camera_id FROM ({found}) ORDER BY camera_id"
    return [row["camera_id"] for row in clickhouse.rows(sql, {**asked.parameters, "camera": camera})]


def local_zone(clickhouse: ClickHouse, asked: Period, given: str = "") -> str:
    """The zone given, else that of the only country with violations in the period, else UTC.

    Raises BadConfiguration for a zone that does not exist.
    """
    if given:
        try:
            return ZoneInfo(given).key
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise BadConfiguration(f"--timezone {given!r} is not known; write e.g. Asia/Almaty") from error
    sql = "SELECT DISTINCT country FROM violations WHERE occurred_ms >= {from_ms:Int64} AND occurred_ms < {to_ms:Int64}"
    countries = [row["country"] for row in ask(clickhouse, sql, asked)]
    packs = all_packs()
    if len(countries) == 1 and countries[0] in packs:
        return packs[countries[0]].timezone
    return "UTC"

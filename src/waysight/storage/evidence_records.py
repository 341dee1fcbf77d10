"""What an evidence package holds besides the violation itself, out of ClickHouse."""

from __future__ import annotations

from collections.abc import Iterable

from waysight.adapters.clickhouse import ClickHouse
from waysight.domain.enforcement.device_plates import readers_of
from waysight.messages import ClockCheck, ExternalRead, Sighting, Violation
from waysight.storage.records import record_of

_REACH_MS = 10_000
_CHAIN = 20


def clock_checks_around(clickhouse: ClickHouse, camera_id: str, at_ms: int) -> list[ClockCheck]:
    """The last comparison of a camera's clock at or before a moment (UTC epoch ms), and the first after it."""
    found = []
    for sign, order in (("<=", "DESC"), (">", "ASC")):
        sql = f"""
            SELECT * FROM clock_checks_current WHERE camera_id = {{camera:String}} AND checked_ms {sign} {{at:Int64}}
            ORDER BY checked_ms {order}, check_id LIMIT 1
        """
        found += [
            record_of(row, ClockCheck)
            for row in clickhouse.rows(sql, {"camera": camera_id, "at": int(at_ms)})
        ]
    return found


def clock_checks_of(clickhouse: ClickHouse, camera_id: str, limit: int) -> list[ClockCheck]:
    """A camera's comparisons (every camera's where it is empty), newest first."""
    sql = """
        SELECT * FROM clock_checks_current WHERE {camera:String} = '' OR camera_id = {camera:String}
        ORDER BY checked_ms DESC, check_id LIMIT {limit:UInt32}
    """
    return [record_of(row, ClockCheck) for row in clickhouse.rows(sql, {"camera": camera_id, "limit": limit})]


def device_reads(clickhouse: ClickHouse, violation: Violation) -> list[ExternalRead]:
    """What the devices that measured a violation or read its plate said within 10 s of it, about this plate or none."""
    devices = {violation.source.partition(":")[2], *readers_of(violation.models)} - {""}
    if not devices:
        return []
    sql = """
        SELECT * FROM external_reads_current
        WHERE camera_id = {camera:String} AND captured_ms BETWEEN {low:Int64} AND {high:Int64}
          AND device_id IN {devices:Array(String)} AND plate IN (SELECT arrayJoin({plates:Array(String)}))
        ORDER BY captured_ms, device_id, read_id
    """
    values = {
        "camera": violation.camera_id, "devices": sorted(devices), "low": violation.occurred_ms - _REACH_MS,
        "high": violation.occurred_ms + _REACH_MS, "plates": ["", violation.plate, violation.read_plate],
    }  # fmt: skip
    return [record_of(row, ExternalRead) for row in clickhouse.rows(sql, values)]


def sightings_by_id(clickhouse: ClickHouse, ids: Iterable[str]) -> list[Sighting]:
    """Sightings that are still kept, in time order."""
    sql = "SELECT * FROM sightings_current WHERE sighting_id IN {ids:Array(String)} ORDER BY first_ms, sighting_id"
    return [record_of(row, Sighting) for row in clickhouse.rows(sql, {"ids": list(ids)})]


def corrected_from(clickhouse: ClickHouse, violation: Violation) -> list[Violation]:
    """The violations that a corrected one replaces, newest first; empty for one that was never corrected."""
    found: list[Violation] = []
    wanted, seen = violation.corrects, {violation.violation_id}
    while wanted and wanted not in seen and len(found) < _CHAIN:
        sql = "SELECT * FROM violations_current WHERE violation_id = {id:String} LIMIT 1"
        rows = clickhouse.rows(sql, {"id": wanted})
        if not rows:
            break
        found.append(record_of(rows[0], Violation))
        seen.add(wanted)
        wanted = found[-1].corrects
    return found

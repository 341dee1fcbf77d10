"""Counts and average daily traffic of each camera, with the hours for which nothing is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from waysight.adapters.clickhouse import ClickHouse
from waysight.domain.observations import VEHICLES
from waysight.reporting.asked import ONCE, ask
from waysight.reporting.charts import Chart
from waysight.reporting.document import Report, Section
from waysight.reporting.reports import Period

HOUR_MS = 3_600_000
SILENT_HOURS = 3  # so many hours without one vehicle are taken for a gap, not for an empty road
_DOWN = ("unreachable", "eof", "frozen", "corrupt", "ended")

# In the order in which they are kept, so that the engine holds no group of all cameras and hours; summed here.
_COUNTS = """
SELECT camera_id, toInt64(intDiv(window_start_ms, 3600000)) AS hour, toInt64(value) AS passes FROM counts_current
WHERE measure = 'passes' AND category IN ({vehicles:Array(String)})
    AND window_start_ms >= {from_ms:Int64} AND window_start_ms < {to_ms:Int64}
    AND ({camera:String} = '' OR camera_id = {camera:String})
ORDER BY camera_id
"""
_CLASSES = """
SELECT camera_id, toString(category) AS category, toInt64(sum(value)) AS passes FROM counts_current
WHERE measure = 'passes' AND window_start_ms >= {from_ms:Int64} AND window_start_ms < {to_ms:Int64}
    AND ({camera:String} = '' OR camera_id = {camera:String})
GROUP BY camera_id, category ORDER BY camera_id, category
"""
_HEALTH = """
SELECT camera_id, at_ms, toString(state) AS state FROM camera_health_current
WHERE at_ms < {to_ms:Int64} AND ({camera:String} = '' OR camera_id = {camera:String}) ORDER BY camera_id, at_ms
"""


def report(clickhouse: ClickHouse, asked: Period, zone: str, camera_id: str = "") -> Report:
    """Vehicles per camera and average daily traffic in whole hours of a period."""
    first, last = -(-asked.from_ms // HOUR_MS), asked.to_ms // HOUR_MS
    slots = _slots(range(first, last), ZoneInfo(zone))
    down = _down_hours(ask(clickhouse, _HEALTH, asked, camera=camera_id), first, last)
    rows, profiles = list[dict[str, Any]](), list[dict[str, Any]]()
    for camera, runs in groupby(_counted(clickhouse, asked, camera_id), itemgetter(0)):
        passes, vehicles = np.zeros(max(last - first, 0)), 0
        for _, hours, numbers in runs:
            inside = (hours >= first) & (hours < last)
            np.add.at(passes, hours[inside] - first, numbers[inside])
            vehicles += int(numbers.sum())
        known = ~_silent(passes) & ~down.get(camera, np.zeros(len(passes), bool))
        daily, profile = average_day(passes, known, slots)
        rows.append({
            "camera_id": camera, "vehicles": vehicles, "average_daily_traffic": daily,
            "hours": len(passes), "hours_missing": int((~known).sum()),
        })  # fmt: skip
        profiles += [
            {"camera_id": camera, "hour": h, "vehicles": v} for h, v in enumerate(profile) if v is not None
        ]
    classes = ask(clickhouse, _CLASSES, asked, camera=camera_id)
    missing = sum(r["hours_missing"] for r in rows)
    data = {
        "timezone": zone,
        "rows": rows,
        "by_class": classes,
        "by_hour": profiles,
        "hours_missing": missing,
    }
    words = (
        "Average daily traffic: the mean of each hour of the week over the hours that are known, summed to days, and "
        "the mean of the seven days; so missing hours do not make a road look quieter. An hour is missing when the "
        f"camera's health says that it was down in it, or in a run of {SILENT_HOURS} hours and more without one vehicle. "
        f"{missing:,} camera hours are missing. Hours are local ({zone})."
    )
    bars = [
        {"label": r["camera_id"], "value": r["average_daily_traffic"]}
        for r in rows
        if r["average_daily_traffic"]
    ]
    lines = [{"time": p["hour"], "series": p["camera_id"], "value": p["vehicles"]} for p in profiles]
    sections = [
        Section("Average daily traffic", words, rows, Chart("Vehicles a day", "bars", bars[:40])),
        Section("By vehicle class", "", classes),
        Section(
            "By hour of the day",
            "",
            (),
            Chart("Vehicles an hour", "timeseries", lines if len(rows) <= 12 else ()),
        ),
    ]
    return Report("Counts and average daily traffic", asked.from_ms, asked.to_ms, data, sections)


def _counted(
    clickhouse: ClickHouse, asked: Period, camera_id: str
) -> Iterator[tuple[str, NDArray[np.int64], NDArray[np.int64]]]:
    """Runs of counts of one camera after the other: their hours (since 1970) and how many passed, as columns."""
    given = {**asked.parameters, "camera": camera_id, "vehicles": sorted(VEHICLES)}
    for batch in clickhouse.batches(_COUNTS + ONCE, given):
        hours, passes = (batch.column(name).to_numpy() for name in ("hour", "passes"))
        runs = pc.run_end_encode(batch.column("camera_id"))
        start = 0
        for camera, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            yield camera, hours[start:end], passes[start:end]
            start = end


def average_day(
    passes: NDArray[np.float64], known: NDArray[np.bool_], slots: NDArray[np.int64]
) -> tuple[float | None, list[float | None]]:
    """Average daily traffic, and the mean of each of the 24 hours; None where an hour of the day was never known.

    `slots` are hours of the week, 0..167. An hour of the week that was never known takes the mean of that hour on
    other days (the AASHTO method's idea of averaging by hour and weekday first).
    """
    number = np.bincount(slots[known], minlength=168)
    total = np.bincount(slots[known], weights=passes[known], minlength=168)
    week = np.divide(total, number, out=np.full(168, np.nan), where=number > 0).reshape(7, 24)
    some = ~np.isnan(week)
    days = some.sum(axis=0)
    hours = np.divide(np.where(some, week, 0).sum(axis=0), days, out=np.full(24, np.nan), where=days > 0)
    profile = [None if np.isnan(h) else round(float(h), 2) for h in hours]
    if not days.all():
        return None, profile
    return round(float(np.where(some, week, hours).sum()) / 7, 1), profile


def _slots(hours: Sequence[int], zone: ZoneInfo) -> NDArray[np.int64]:
    local = [datetime.fromtimestamp(h * 3600, UTC).astimezone(zone) for h in hours]
    return np.array([t.weekday() * 24 + t.hour for t in local], np.int64)


def _silent(passes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Hours in a run of at least SILENT_HOURS without a vehicle."""
    busy = np.flatnonzero(passes)
    edges = np.concatenate(([-1], busy, [len(passes)]))
    silent = np.ones(len(passes), bool)
    silent[busy] = False
    for gap in np.flatnonzero((np.diff(edges) > 1) & (np.diff(edges) <= SILENT_HOURS)):
        silent[edges[gap] + 1 : edges[gap + 1]] = False
    return silent


def _down_hours(events: Sequence[dict[str, Any]], first: int, last: int) -> dict[str, NDArray[np.bool_]]:
    """Per camera the hours in which it was down at least for a moment."""
    found: dict[str, NDArray[np.bool_]] = {}
    since: dict[str, int] = {}
    for event in events:
        camera, hour = event["camera_id"], event["at_ms"] // HOUR_MS
        hours = found.setdefault(camera, np.zeros(max(last - first, 0), bool))
        if event["state"] in _DOWN:
            since.setdefault(camera, hour)
        elif event["state"] != "backpressure" and camera in since:
            hours[max(since.pop(camera) - first, 0) : max(hour + 1 - first, 0)] = True
    for camera, hour in since.items():
        found[camera][max(hour - first, 0) :] = True
    return found

"""What changed where a camera came: before and after against control sites, and each month against the year before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from waysight.adapters.clickhouse import ClickHouse
from waysight.reporting.asked import ask
from waysight.reporting.charts import Chart
from waysight.reporting.document import Report, Section
from waysight.reporting.rate_ratios import Months, Ratio, change, change_against
from waysight.reporting.reports import Period

OWN = "violations"
_DAY_MS = 86_400_000

_IMPORTED = """
SELECT toString(category) AS category, toString(place) AS place, from_ms, until_ms, value,
    (until_ms - from_ms) / 86400000 AS exposure
FROM statistics_current WHERE from_ms >= {from_ms:Int64} AND until_ms <= {to_ms:Int64} ORDER BY category, place, from_ms
"""
# Our own counts as months: violations per thousand vehicles that passed the same camera.
_COUNTED = """
SELECT 'violations' AS category, concat('camera:', camera_id) AS place,
    toUnixTimestamp64Milli(toDateTime64(month, 3, '{zone}')) AS from_ms,
    toUnixTimestamp64Milli(toDateTime64(addMonths(month, 1), 3, '{zone}')) AS until_ms,
    toFloat64(sumIf(counted, measure = 'violations')) AS value, sumIf(counted, measure = 'passes') / 1000 AS exposure
FROM (
    SELECT camera_id, measure, value AS counted, toStartOfMonth(toTimeZone(fromUnixTimestamp64Milli(window_start_ms), '{zone}')) AS month
    FROM counts_current WHERE window_start_ms >= {{from_ms:Int64}} AND window_start_ms < {{to_ms:Int64}})
GROUP BY camera_id, month ORDER BY place, from_ms
"""


@dataclass(frozen=True, slots=True)
class Question:
    """The places that got a camera, those that did not, and when it began to work (UTC epoch ms)."""

    places: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    since_ms: int | None = None


def span(clickhouse: ClickHouse, from_ms: int | None, to_ms: int | None) -> Period:
    """The asked period; what is left open comes from the imported statistics and our counts."""
    (found,) = clickhouse.rows(
        "SELECT min(a) AS first, max(b) AS last FROM (SELECT min(from_ms) AS a, max(until_ms) AS b FROM statistics "
        "HAVING count() > 0 UNION ALL SELECT min(window_start_ms), max(window_start_ms + window_ms) FROM counts HAVING count() > 0)"
    )
    return Period(found["first"] if from_ms is None else from_ms, found["last"] if to_ms is None else to_ms)


def report(clickhouse: ClickHouse, asked: Period, zone: str, question: Question) -> Report:
    """Changes of every category of imported statistics and of our own violations per thousand vehicles."""
    figures = ask(clickhouse, _IMPORTED, asked) + ask(clickhouse, _COUNTED.format(zone=zone), asked)
    effects = [] if question.since_ms is None else _effects(figures, question, question.since_ms)
    years = _years(figures, ZoneInfo(zone), question.places)
    data = {"timezone": zone, "effects": effects, "year_on_year": years, "figures": len(figures)}
    words = (
        "Rates before and after, per day for imported statistics and per thousand vehicles for our own violations. "
        "Effect: the site's change over the controls' change (difference in differences on the log scale, the "
        "comparison-group method of Hauer 1997). 95 % intervals: log-normal from Poisson counts, widened by the scatter "
        "of the months (quasi-Poisson); half a count is added where a cell is empty. A site chosen because it was bad "
        "tends to get better by itself (regression to the mean): controls of like history guard against it, this "
        "calculation alone does not."
    )
    shown = [
        {"label": f"{e['category']}\n{kind}", **{k: e[f"{kind}_{k}"] for k in ("value", "low", "high")}}
        for e in effects
        for kind in ("site", "control", "effect")
        if e[f"{kind}_value"] is not None
    ]
    lines = [
        {
            "time": datetime.fromtimestamp(f["from_ms"] / 1000, UTC),
            "series": f["category"],
            "value": f["value"],
        }
        for f in _summed(figures)
    ]
    sections = [
        Section("Before and after, against control sites", words if effects else "Give --place, --since and --control.",
                effects, Chart("Ratio of rates, with 95 % intervals", "intervals", shown)),
        Section("Month against the same month of the year before",
                "Only places with both months; ratio with its 95 % Poisson interval.", years),
        Section("Figures over time", "All places together.", (), Chart("Counted", "timeseries", lines)),
    ]  # fmt: skip
    return Report("Deterrence", asked.from_ms, asked.to_ms, data, sections)


def _effects(figures: Sequence[Mapping[str, Any]], question: Question, since_ms: int) -> list[dict[str, Any]]:
    found = []
    for category in sorted({f["category"] for f in figures}):
        of = [f for f in figures if f["category"] == category]
        before, after = _split(of, question.places, since_ms)
        control_before, control_after = _split(of, question.controls, since_ms)
        site = change(before, after)
        if site is None:
            continue
        control = change(control_before, control_after)
        effect = change_against(before, after, control_before, control_after)
        found.append({
            "category": category,
            "per": "1000 vehicles" if category == OWN else "day",
            "before": sum(c for c, _ in before), "after": sum(c for c, _ in after),
            "control_before": sum(c for c, _ in control_before), "control_after": sum(c for c, _ in control_after),
            **_named("site", site), **_named("control", control), **_named("effect", effect),
            "dispersion": round(effect.dispersion if effect else site.dispersion, 3),
            "clear": effect.clear if effect else None,
        })  # fmt: skip
    return found


def _split(
    figures: Sequence[Mapping[str, Any]], places: Sequence[str], since_ms: int
) -> tuple[Months, Months]:
    """Months wholly before and wholly after; the month in which it began counts for neither."""
    of = [f for f in figures if f["place"] in places and f["exposure"] > 0]
    before = [(f["value"], f["exposure"]) for f in of if f["until_ms"] <= since_ms]
    after = [(f["value"], f["exposure"]) for f in of if f["from_ms"] >= since_ms]
    return before, after


def _named(kind: str, ratio: Ratio | None) -> dict[str, float | None]:
    values = (None, None, None) if ratio is None else (ratio.value, ratio.low, ratio.high)
    return {
        f"{kind}_{k}": None if v is None else round(v, 4)
        for k, v in zip(("value", "low", "high"), values, strict=True)
    }


def _years(
    figures: Sequence[Mapping[str, Any]], zone: ZoneInfo, places: Sequence[str]
) -> list[dict[str, Any]]:
    """Whole calendar months beside the same month of the year before, summed over places that have both."""
    months: dict[tuple[str, str, int, int], tuple[float, float]] = {}
    for f in figures:
        begin = datetime.fromtimestamp(f["from_ms"] / 1000, zone)
        days = (f["until_ms"] - f["from_ms"]) / _DAY_MS
        if (
            (not places or f["place"] in places)
            and begin.day == 1
            and 27.9 < days < 31.1
            and f["exposure"] > 0
        ):
            months[f["category"], f["place"], begin.year, begin.month] = (f["value"], f["exposure"])
    pairs: dict[tuple[str, int, int], list[tuple[tuple[float, float], tuple[float, float]]]] = {}
    for (category, place, year, month), now in months.items():
        then = months.get((category, place, year - 1, month))
        if then is not None:
            pairs.setdefault((category, year, month), []).append((then, now))
    found = []
    for (category, year, month), both in sorted(pairs.items()):
        then, now = [
            (tuple(sum(part) for part in zip(*(pair[i] for pair in both), strict=True))) for i in (0, 1)
        ]
        ratio = change([(then[0], then[1])], [(now[0], now[1])])
        found.append({"category": category, "month": f"{year}-{month:02}", "places": len(both),
                      "year_before": then[0], "now": now[0], **_named("ratio", ratio),
                      "clear": ratio.clear if ratio else None})  # fmt: skip
    return found


def _summed(figures: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    sums: dict[tuple[int, str], float] = {}
    for f in figures:
        key = (f["from_ms"], f["category"])
        sums[key] = sums.get(key, 0.0) + f["value"]
    return [{"from_ms": at, "category": category, "value": v} for (at, category), v in sorted(sums.items())]

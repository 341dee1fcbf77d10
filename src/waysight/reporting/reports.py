"""Questions that are asked again and again, answered from ClickHouse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from waysight.adapters.clickhouse import ClickHouse
from waysight.reporting.charts import Chart
from waysight.reporting.dashboards import PANELS, plain_sql

_STEPS_S = (10, 60, 300, 900, 3600, 14_400, 86_400, 604_800)


@dataclass(frozen=True, slots=True)
class Period:
    """UTC epoch ms; `to_ms` is exclusive."""

    from_ms: int
    to_ms: int

    @property
    def step_s(self) -> int:
        """A round interval that cuts the period into at most about 60 points."""
        return next((s for s in _STEPS_S if (self.to_ms - self.from_ms) / 1000 / s <= 60), _STEPS_S[-1])

    @property
    def parameters(self) -> dict[str, Any]:
        """For SQL."""
        return {"from_ms": self.from_ms, "to_ms": self.to_ms}


def period(clickhouse: ClickHouse, from_ms: int | None, to_ms: int | None) -> Period:
    """The asked period; what is left open comes from the events that are there."""
    if from_ms is None or to_ms is None:
        (span,) = clickhouse.rows(
            "SELECT min(a) AS first, max(b) AS last FROM ("
            "SELECT min(window_start_ms) AS a, max(window_start_ms + window_ms) AS b FROM counts HAVING count() > 0 UNION ALL "
            "SELECT min(occurred_ms), max(occurred_ms) + 1 FROM violations HAVING count() > 0 UNION ALL "
            "SELECT min(first_ms), max(last_ms) + 1 FROM sightings HAVING count() > 0)"
        )
        from_ms = span["first"] if from_ms is None else from_ms
        to_ms = span["last"] if to_ms is None else to_ms
    return Period(from_ms, to_ms)


def counts(
    clickhouse: ClickHouse, asked: Period, camera_id: str = "", measure: str = "passes"
) -> list[dict[str, Any]]:
    """Counts per hour, camera and category: rows of time, camera_id, category, value."""
    return clickhouse.rows(
        "SELECT toStartOfHour(window_start_at) AS time, camera_id, category, toInt64(sum(value)) AS value FROM counts_current "
        "WHERE measure = {measure:String} AND window_start_ms >= {from_ms:Int64} AND window_start_ms < {to_ms:Int64} "
        "AND ({camera:String} = '' OR camera_id = {camera:String}) "
        "GROUP BY time, camera_id, category ORDER BY time, camera_id, category",
        {**asked.parameters, "camera": camera_id, "measure": measure},
    )


def violations(clickhouse: ClickHouse, asked: Period, camera_id: str = "") -> list[dict[str, Any]]:
    """Violations per camera and offence, with how many may lead to a fine, and fines and their sum."""
    return clickhouse.rows(
        "SELECT v.camera_id AS camera_id, v.offence AS offence, count() AS violations, countIf(enforceable) AS enforceable, "
        "countIf(f.fine_id != '') AS fines, sum(f.amount) AS amount, anyIf(f.currency, f.fine_id != '') AS currency "
        "FROM violations_current AS v LEFT JOIN fines_current AS f ON f.violation_id = v.violation_id "
        "WHERE v.occurred_ms >= {from_ms:Int64} AND v.occurred_ms < {to_ms:Int64} "
        "AND ({camera:String} = '' OR v.camera_id = {camera:String}) GROUP BY camera_id, offence ORDER BY camera_id, offence",
        {**asked.parameters, "camera": camera_id},
    )


def panels(clickhouse: ClickHouse, asked: Period) -> list[Chart]:
    """Every SQL panel of the Grafana dashboard, filled by the same query."""
    return [
        Chart(p.title, p.kind, clickhouse.rows(plain_sql(p.sql, asked.step_s), asked.parameters), p.unit)
        for p in PANELS
        if p.sql
    ]

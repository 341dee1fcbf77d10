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


_SPANS = (
    "SELECT min(window_start_ms) AS a, max(window_start_ms + window_ms) AS b FROM counts HAVING count() > 0",
    "SELECT min(occurred_ms), max(occurred_ms) + 1 FROM violations HAVING count() > 0",
    "SELECT min(first_ms), max(last_ms) + 1 FROM sightings HAVING count() > 0",
)
_DECISIONS = (
    "SELECT min(reviewed_ms), max(reviewed_ms) + 1 FROM reviews HAVING count() > 0",
    "SELECT min(issued_ms), max(issued_ms) + 1 FROM fines HAVING count() > 0",
    "SELECT min(at_ms), max(at_ms) + 1 FROM audit HAVING count() > 0",
)


def period(clickhouse: ClickHouse, from_ms: int | None, to_ms: int | None, decided: bool = False) -> Period:
    """The asked period; what is left open comes from the events that are there, with `decided` also from decisions."""
    if from_ms is None or to_ms is None:
        parts = _SPANS + (_DECISIONS if decided else ())
        (span,) = clickhouse.rows(
            f"SELECT min(a) AS first, max(b) AS last FROM ({' UNION ALL '.join(parts)})"
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


def panels(clickhouse: ClickHouse, asked: Period) -> list[Chart]:
    """Every SQL panel of the Grafana dashboard, filled by the same query."""
    return [
        Chart(p.title, p.kind, clickhouse.rows(plain_sql(p.sql, asked.step_s), asked.parameters), p.unit)
        for p in PANELS
        if p.sql
    ]

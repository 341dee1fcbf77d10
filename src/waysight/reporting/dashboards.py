"""The Grafana dashboard as code: panels with the SQL or PromQL that fills them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

CLICKHOUSE = {"type": "grafana-clickhouse-datasource", "uid": "waysight-clickhouse"}
PROMETHEUS = {"type": "prometheus", "uid": "waysight-prometheus"}


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel, `width` of 24 columns wide.

    `kind` is timeseries (`sql` gives time, value, and a series column in between), bars (label, value) or
    table. A panel has `sql` or `promql`.
    """

    title: str
    kind: str
    sql: str = ""
    promql: str = ""
    unit: str = "short"
    width: int = 12
    legend: str = ""


def _per_interval(column: str, series: str, value: str, table: str, condition: str = "1") -> str:
    return (
        f"SELECT $__timeInterval({column}) AS time, {series} AS series, {value} AS value FROM {table} "
        f"WHERE $__timeFilter({column}) AND {condition} GROUP BY time, series ORDER BY time, series"
    )


PANELS = (
    Panel("Passes per camera", "timeseries",
          _per_interval("window_start_at", "camera_id", "sum(value)", "counts_current", "measure = 'passes'")),
    Panel("Violations by offence", "timeseries",
          _per_interval("occurred_at", "offence", "count()", "violations_current")),
    Panel("Alerts by status", "bars",
          "SELECT concat(kind, ': ', status) AS label, count() AS value FROM alerts_current "
          "WHERE $__timeFilter(occurred_at) GROUP BY label ORDER BY value DESC, label", width=8),
    Panel("Fines by status", "bars",
          "SELECT concat(status, ', ', currency) AS label, toFloat64(sum(amount)) AS value FROM fines_current "
          "WHERE $__timeFilter(occurred_at) GROUP BY label ORDER BY value DESC, label", width=8),
    Panel("What keeps violations from a fine", "bars",
          "SELECT arrayJoin(if(empty(obstacles), ['nothing'], obstacles)) AS label, count() AS value "
          "FROM violations_current WHERE $__timeFilter(occurred_at) GROUP BY label ORDER BY value DESC, label", width=8),
    Panel("Seconds from camera to stored alert", "timeseries",
          _per_interval("occurred_at", "'95 %'",
                        "quantile(0.95)(toUnixTimestamp64Milli(stored_at) - received_ms) / 1000",
                        "alerts_current", "received_ms > 0 AND version = 0"), unit="s"),
    Panel("Plates read with confidence", "timeseries",
          _per_interval("first_at", "camera_id", "countIf(plate_confidence >= 0.9) / count()",
                        "sightings_current", "final AND label IN ('car', 'bus', 'truck', 'motorcycle')"), unit="percentunit"),
    Panel("Cameras", "table",
          "SELECT camera_id, argMax(state, at_ms) AS state, argMax(detail, at_ms) AS detail, max(at) AS since, "
          "argMax(frames_sent, at_ms) AS sent, argMax(frames_dropped, at_ms) AS dropped "
          "FROM camera_health_current GROUP BY camera_id ORDER BY camera_id"),
    Panel("Dead letters", "table",
          "SELECT topic, processor, reason, count() AS letters, max(at) AS last FROM dead_letters_current "
          "WHERE $__timeFilter(at) GROUP BY topic, processor, reason ORDER BY letters DESC LIMIT 20"),
    Panel("Offsets not yet processed", "timeseries", promql="sum by (processor) (waysight_lag_messages)",
          legend="{{processor}}"),
    Panel("Seconds of a step, 95 %", "timeseries", unit="s", legend="{{processor}}",
          promql="histogram_quantile(0.95, sum by (processor, le) (rate(waysight_step_seconds_bucket[5m])))"),
)  # fmt: skip


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    panels, x, y = [], 0, 0
    for number, panel in enumerate(PANELS, 1):
        if x + panel.width > 24:
            x, y = 0, y + 8
        panels.append(_panel(number, panel, x, y))
        x += panel.width
    return {
        "uid": "waysight-overview", "title": "Waysight: what the roads show", "tags": ["waysight"],
        "schemaVersion": 39, "version": 1, "timezone": "browser", "refresh": "10s", "editable": False,
        "time": {"from": "now-6h", "to": "now"}, "panels": panels, "templating": {"list": []}, "annotations": {"list": []},
    }  # fmt: skip


def plain_sql(sql: str, step_s: int) -> str:
    """The panel's SQL with Grafana's macros replaced as the plugin does; takes parameters from_ms and to_ms.

    Raises KeyError for a macro that is not known here.
    """
    macros = {
        "timeFilter": "({} >= fromUnixTimestamp64Milli({{from_ms:Int64}}) AND {} <= fromUnixTimestamp64Milli({{to_ms:Int64}}))",
        "timeInterval": f"toStartOfInterval(toDateTime({{}}), INTERVAL {step_s} second)",
    }
    return re.sub(
        r"\$__(\w+)\(([^()]*)\)",
        lambda m: macros[m[1]].replace("{}", m[2]).replace("{{", "{").replace("}}", "}"),
        sql,
    )


def _panel(number: int, panel: Panel, x: int, y: int) -> dict[str, Any]:
    source = CLICKHOUSE if panel.sql else PROMETHEUS
    defaults: dict[str, Any] = {"unit": panel.unit}
    return {
        "id": number, "title": panel.title, "datasource": source, "targets": [_target(panel, source)],
        "type": {"bars": "barchart"}.get(panel.kind, panel.kind), "gridPos": {"x": x, "y": y, "w": panel.width, "h": 8},
        "fieldConfig": {"defaults": defaults, "overrides": []}, "options": {},
    }  # fmt: skip


def _target(panel: Panel, source: dict[str, str]) -> dict[str, Any]:
    if panel.promql:
        return {"refId": "A", "datasource": source, "expr": panel.promql, "legendFormat": panel.legend}
    series = panel.kind == "timeseries"
    return {
        "refId": "A", "datasource": source, "editorType": "sql", "rawSql": panel.sql,
        "format": 0 if series else 1, "queryType": "timeseries" if series else "table",
    }  # fmt: skip

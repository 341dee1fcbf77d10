"""The dashboard: sound JSON, every query runs and is drawn, and the generated files are those of the sources."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from prometheus_client import REGISTRY

from waysight import metrics
from waysight.adapters.clickhouse import ClickHouse
from waysight.reporting.charts import Chart, draw
from waysight.reporting.dashboards import PANELS, dashboard, plain_sql
from waysight.reporting.reports import Period, counts, panels, period
from waysight.storage.columns import conform
from waysight.storage.tables import BY_TOPIC

Examples = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def filled(clickhouse: ClickHouse, examples: Examples) -> ClickHouse:
    for topic, table in BY_TOPIC.items():
        records = [{**r, "label": "car"} if "label" in r else r for r in examples(topic)]
        records = [{**r, "received_ms": r["occurred_ms"]} if topic == "alerts" else r for r in records]
        rows = pa.Table.from_pylist(records, schema=table.schema)
        clickhouse.insert(table.name, conform(rows, table.insert_schema))
    return clickhouse


def test_generated_files_are_current(root: Path) -> None:
    result = subprocess.run(
        [sys.executable, "tools/generate_data.py", "--check"], cwd=root, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout


def test_the_dashboard_refers_to_provisioned_sources(root: Path) -> None:
    text = (root / "infra/grafana/provisioning/datasources/waysight.yaml").read_text()
    sources = {(s["type"], s["uid"]) for s in yaml.safe_load(text)["datasources"]}
    made = dashboard()
    assert {(p["datasource"]["type"], p["datasource"]["uid"]) for p in made["panels"]} == sources
    assert len({p["title"] for p in made["panels"]}) == len(made["panels"])
    cells = [
        (x, y) for p in made["panels"] for g in [p["gridPos"]]
        for x in range(g["x"], g["x"] + g["w"]) for y in range(g["y"], g["y"] + g["h"])
    ]  # fmt: skip
    assert len(cells) == len(set(cells)), "panels overlap"
    assert max(x for x, _ in cells) < 24
    assert json.loads(json.dumps(made)) == made


def test_promql_names_metrics_that_exist() -> None:
    assert metrics.LAG
    known = {m.name for m in REGISTRY.collect()}
    for panel in PANELS:
        for name in re.findall(r"waysight_\w+", panel.promql):
            assert re.sub(r"_(bucket|total|sum|count)$", "", name) in known


def test_every_panel_is_filled_and_drawn_from_its_own_query(filled: ClickHouse, tmp_path: Path) -> None:
    asked = period(filled, None, None)
    charts = panels(filled, Period(asked.from_ms - 10**10, asked.to_ms + 10**10))
    assert [c.title for c in charts] == [p.title for p in PANELS if p.sql]
    assert not [c.title for c in charts if not c.rows]
    draw([*charts, Chart("dollars", "table", [{"a": "$\\frac{", "b": "\x00"}])], tmp_path / "d.png", "all")
    assert (tmp_path / "d.png").read_bytes().startswith(b"\x89PNG")


def test_an_empty_database_is_drawn_too(clickhouse: ClickHouse, tmp_path: Path) -> None:
    asked = period(clickhouse, None, None)
    draw(panels(clickhouse, asked), tmp_path / "d.png")
    assert counts(clickhouse, asked) == []


def test_an_unknown_macro_is_refused() -> None:
    assert plain_sql("$__timeInterval(a)", 60) == "toStartOfInterval(toDateTime(a), INTERVAL 60 second)"
    with pytest.raises(KeyError, match="nonsense"):
        plain_sql("SELECT $__nonsense(a)", 60)


def test_counts_take_the_newest_version(clickhouse: ClickHouse, examples: Examples) -> None:
    first = {**examples("counts")[0], "measure": "passes", "category": "car"}
    rows = [{**first, "version": v, "value": n} for v, n in ((1, 7), (0, 5))]
    for row in rows:
        table = BY_TOPIC["counts"]
        clickhouse.insert(
            "counts", conform(pa.Table.from_pylist([row], schema=table.schema), table.insert_schema)
        )
    (found,) = counts(clickhouse, period(clickhouse, None, None))
    assert (found["camera_id"], found["value"]) == (first["camera_id"], 7)


def test_periods_are_cut_into_round_steps() -> None:
    assert Period(0, 60_000).step_s == 10
    assert Period(0, 3_600_000).step_s == 60
    assert Period(0, 86_400_000).step_s == 3600
    assert Period(0, 10**12).step_s == 604_800

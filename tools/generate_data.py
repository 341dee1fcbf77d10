"""Writes the Grafana dashboard and docs/reference/tables.md from code, schemas and migrations. `--check` compares."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from waysight.reporting.dashboards import dashboard
from waysight.storage.migrations import migrations
from waysight.storage.tables import TABLES, Table
from waysight.topics import avro_schema

ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Made by tools/generate_data.py; change the source, then run `make docs`. -->\n\n"


def main() -> int:
    """Write the files; with --check return 1 when one differs from its source."""
    wanted = {
        ROOT / "infra/grafana/dashboards/waysight.json": json.dumps(dashboard(), indent=1) + "\n",
        ROOT / "docs/reference/tables.md": NOTE + tables(),
    }
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        for path in stale:
            print(f"stale: {path.relative_to(ROOT)}; run make docs")
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path])
    return 0


def tables() -> str:
    """Every table with its key, version, retention and columns."""
    sql = "\n".join(m.sql for m in migrations())
    head = "# Tables\n\nRead the views `<table>_current`: one row per id, the newest version. Why they are as they are: [data](../data.md).\n"
    return head + "".join(_table(table, sql) for table in TABLES.values())


def _table(table: Table, sql: str) -> str:
    found = re.search(rf"CREATE TABLE IF NOT EXISTS {table.name}\n\((.*?)\n\)\n", sql, re.S)
    if found is None:
        raise KeyError(f"no migration creates {table.name}")
    columns = re.findall(r"^    (?!INDEX)(\w+) (.+?),?$", found[1], re.M)
    docs = {f["name"]: f["doc"] for f in avro_schema(table.record)["fields"]}
    rows = "".join(
        f"| `{name}` | `{_kind(kind)}` | {docs.get(name) or _made(kind)} |\n" for name, kind in columns
    )
    version = f"the highest `{table.version}` wins" if table.version else "rows of one key are equal"
    return (
        f"\n## {table.name}\n\nFrom topic `{table.topic}`. Key: {', '.join(f'`{c}`' for c in table.order)}; {version}. "
        f"Kept {table.keep_days} days.\n\n| column | type | meaning |\n|---|---|---|\n{rows}"
    )


def _kind(kind: str) -> str:
    return re.split(r" (?:CODEC|MATERIALIZED|ALIAS|DEFAULT)", kind)[0]


def _made(kind: str) -> str:
    source: Any = re.search(r"Milli\((\w+),", kind)
    return f"`{source[1]}` as a time." if source else "When the row was written."


if __name__ == "__main__":
    raise SystemExit(main())

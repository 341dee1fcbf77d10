"""Applies the numbered SQL files of infra/clickhouse/migrations; an applied file must never change."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files

from waysight.adapters.clickhouse import ClickHouse, connect
from waysight.errors import BadConfiguration
from waysight.settings import Settings

_RECORD = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    number UInt32,
    name String,
    sha256 String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY number
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `0001_sightings.sql` has number 1 and name `sightings`."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """SHA-256 of the file's text, hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def statements(self) -> list[str]:
        """The statements, in order, without comment lines."""
        plain = "\n".join(line for line in self.sql.splitlines() if not line.lstrip().startswith("--"))
        return [s.strip() for s in re.split(r";\s*(?:\n|$)", plain) if s.strip()]


def migrations() -> list[Migration]:
    """All files in order; raises BadConfiguration for a gap, a duplicate or a bad name."""
    found = []
    folder = files("waysight.infra").joinpath("clickhouse", "migrations")
    for path in sorted(folder.iterdir(), key=lambda p: p.name):
        parts = re.fullmatch(r"(\d{4})_([a-z0-9_]+)\.sql", path.name)
        if parts is None:
            raise BadConfiguration(f"migration {path.name}: the name must be NNNN_words.sql")
        found.append(Migration(int(parts[1]), parts[2], path.read_text()))
    if [m.number for m in found] != list(range(1, len(found) + 1)):
        raise BadConfiguration("migrations must be numbered 0001, 0002 … without gaps or duplicates")
    return found


def migrate(settings: Settings) -> list[Migration]:
    """Create the database, apply what is missing, and return it.

    Each statement can be repeated, so a run that was cut short is mended by the next one. Raises
    BadConfiguration when an applied file has changed since.
    """
    name = settings.clickhouse_database
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise BadConfiguration(f"WAYSIGHT_CLICKHOUSE_DATABASE={name!r} is no database name")
    first = connect(settings, database="default")
    first.run(f"CREATE DATABASE IF NOT EXISTS {name}")
    first.close()
    clickhouse = connect(settings)
    try:
        return apply(clickhouse, migrations())
    finally:
        clickhouse.close()


def apply(clickhouse: ClickHouse, wanted: list[Migration]) -> list[Migration]:
    """Apply what the database has not; raises BadConfiguration when its record contradicts the files."""
    clickhouse.run(_RECORD)
    done = {
        r["number"]: r for r in clickhouse.rows("SELECT number, name, sha256 FROM schema_migrations FINAL")
    }
    newer = sorted(set(done) - {m.number for m in wanted})
    if newer:
        raise BadConfiguration(
            f"the database has migration {newer[-1]:04}, which this program does not know; update waysight"
        )
    changed = [m for m in wanted if m.number in done and done[m.number]["sha256"] != m.sha256]
    if changed:
        m = changed[0]
        raise BadConfiguration(f"migration {m.number:04}_{m.name}.sql differs from the one that was applied; "
                               "restore the file and put the change into a new migration")  # fmt: skip
    missing = [m for m in wanted if m.number not in done]
    for m in missing:
        for statement in m.statements:
            clickhouse.run(statement)
        clickhouse.run(
            "INSERT INTO schema_migrations (number, name, sha256) SELECT {number:UInt32}, {name:String}, {sha256:String}",
            {"number": m.number, "name": m.name, "sha256": m.sha256},
        )
    return missing

"""The tables of ClickHouse as data: which topic fills them, what identifies a row, and which column is its time."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from waysight.errors import BadConfiguration
from waysight.storage.columns import arrow_schema


@dataclass(frozen=True, slots=True)
class Table:
    """One table; `order` is its sorting key, which identifies a row and never changes for it.

    `version` names the column of which the highest value wins ("" = all are equal), `time` the event
    time in UTC epoch ms, `filters` what an export may be narrowed by, `keep_days` the default retention
    by event time.
    """

    name: str
    topic: str
    record: str
    order: tuple[str, ...]
    version: str
    time: str
    keep_days: int
    filters: tuple[str, ...] = ()
    envelope: bool = False

    @property
    def schema(self) -> pa.Schema:
        """Columns as the Avro record has them."""
        return arrow_schema(self.record)

    @property
    def insert_schema(self) -> pa.Schema:
        """The same for ClickHouse, whose version column must be unsigned."""
        fields = [pa.field(f.name, pa.uint32()) if f.name == self.version else f for f in self.schema]
        return pa.schema([f.with_nullable(True) for f in fields])


_ALL = (
    Table("sightings", "sightings", "Sighting", ("camera_id", "first_ms", "sighting_id"), "revision", "first_ms", 90,
          ("camera_id", "plate", "label"), envelope=True),
    Table("violations", "violations", "Violation", ("camera_id", "occurred_ms", "violation_id"), "", "occurred_ms", 1095,
          ("camera_id", "plate", "offence")),
    Table("counts", "counts", "Count", ("measure", "camera_id", "category", "window_start_ms", "count_id"), "version",
          "window_start_ms", 3650, ("camera_id", "measure", "category")),
    Table("rollups", "rollups", "Rollup", ("measure", "scope", "place", "category", "window_ms", "window_start_ms", "rollup_id"),
          "version", "window_start_ms", 3650, ("scope", "place", "measure", "category")),
    Table("alerts", "alerts", "Alert", ("alert_id",), "version", "occurred_ms", 1095,
          ("camera_id", "plate", "kind", "status")),
    Table("follow_points", "follows", "FollowPoint", ("authorisation_id", "point_id"), "revision", "captured_ms", 90,
          ("plate", "authorisation_id")),
    Table("reviews", "reviews", "Review", ("violation_id", "review_id"), "", "reviewed_ms", 1095, ("plate", "officer")),
    Table("fines", "fines", "Fine", ("occurred_ms", "fine_id"), "version", "occurred_ms", 1825,
          ("plate", "offence", "status")),
    Table("payments", "payments", "Payment", ("paid_ms", "payment_id"), "", "paid_ms", 1825,
          ("plate", "fine_number")),
    Table("fine_actions", "fine-actions", "FineAction", ("at_ms", "action_id"), "", "at_ms", 1825,
          ("plate", "kind", "fine_number")),
    Table("fine_events", "fine-events", "FineEvent", ("fine_id", "event_id"), "", "at_ms", 1825,
          ("plate", "transition", "number")),
    Table("referrals", "referrals", "Referral", ("occurred_ms", "referral_id"), "version", "occurred_ms", 1825,
          ("plate", "offence")),
    Table("external_reads", "external-reads", "ExternalRead", ("camera_id", "captured_ms", "device_id", "read_id"), "",
          "captured_ms", 90, ("camera_id", "plate", "device_kind")),
    Table("clock_checks", "clock-checks", "ClockCheck", ("camera_id", "checked_ms", "check_id"), "", "checked_ms", 1825,
          ("camera_id",)),
    Table("statistics", "statistics", "Statistic", ("place", "category", "from_ms", "statistic_id"), "", "from_ms", 3650,
          ("place", "category")),
    Table("audit", "audit", "AuditEvent", ("chain", "sequence", "hash"), "", "at_ms", 3650),
    Table("camera_health", "camera-health", "CameraHealth", ("camera_id", "at_ms", "epoch", "state"), "", "at_ms", 90),
    Table("dead_letters", "dead-letters", "DeadLetter", ("topic", "partition", "offset", "processor"), "", "at_ms", 30),
)  # fmt: skip

TABLES = {table.name: table for table in _ALL}
BY_TOPIC = {table.topic: table for table in _ALL}


def table(name: str) -> Table:
    """A table by name; raises BadConfiguration naming those there are."""
    try:
        return TABLES[name]
    except KeyError:
        raise BadConfiguration(f"there is no table {name!r}; there are {', '.join(TABLES)}") from None

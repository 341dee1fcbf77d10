"""Finds sightings by a plate with wildcards."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from waysight.adapters.clickhouse import ClickHouse
from waysight.domain.plates import canonical
from waysight.errors import BadConfiguration
from waysight.reporting.joined_reads import NEEDED, joined

COLUMNS = (
    f"{', '.join(NEEDED)}, sighting_id, first_ms, last_ms, camera_id, label, colour, plate, plate_country, "
    "plate_confidence, plate_votes, "
    "speed_kmh, final, best_frame.evidence_ref AS evidence_ref, best_frame.sha256 AS evidence_sha256"
)


@dataclass(frozen=True, slots=True)
class PlateSearch:
    """`pattern`: * is any text, ? one character; times UTC epoch ms, `to_ms` exclusive, newest first.

    `candidates` also looks at what the reader held possible but did not choose.
    """

    pattern: str
    from_ms: int | None = None
    to_ms: int | None = None
    candidates: bool = False
    limit: int = 1000

    def like(self) -> str:
        """The pattern for SQL's LIKE, each part in canonical spelling; raises BadConfiguration for wildcards alone."""
        found = "".join(
            {"*": "%", "?": "_"}.get(p) or canonical(p) for p in re.split(r"([*?])", self.pattern)
        )
        if len(found.replace("%", "").replace("_", "")) < 2:
            raise BadConfiguration(
                f"pattern {self.pattern!r}: give at least two letters or digits, e.g. 34A* or *36837"
            )
        return re.sub("%+", "%", found)

    def rows(self, clickhouse: ClickHouse) -> list[dict[str, Any]]:
        """One row per sighting; a device's is part of the camera's beside it (`joined_reads`)."""
        like = self.like()
        match = "plate LIKE {like:String}" if "%" in like or "_" in like else "plate = {like:String}"
        if self.candidates:
            match = f"({match} OR arrayExists(c -> c.text LIKE {{like:String}}, plate_candidates))"
        sql = (
            f"SELECT {COLUMNS} FROM sightings FINAL WHERE {match}"
            " AND first_ms >= {from_ms:Int64} AND first_ms < {to_ms:Int64}"
            " ORDER BY first_ms DESC, sighting_id LIMIT {limit:UInt32}"
        )
        latest = 2**63 - 1
        to_ms = latest if self.to_ms is None else self.to_ms
        given = {"like": like, "from_ms": self.from_ms or 0, "to_ms": to_ms, "limit": self.limit}
        return joined(clickhouse.rows(sql, given))

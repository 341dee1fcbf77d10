"""Finds vehicles by what they look like: nearest looks, colour, type, time and camera; no plate is needed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from waysight.adapters.clickhouse import ClickHouse
from waysight.adapters.inference import Analysis, TritonAnalyser
from waysight.domain import observations
from waysight.domain.geometry import area
from waysight.domain.looks import SIZE, decode
from waysight.errors import BadConfiguration, BadMessage
from waysight.reporting.joined_reads import joined
from waysight.reporting.searches import COLUMNS
from waysight.settings import Settings

COLOURS = (*observations.COLOURS, "unknown")
_BOX = "[best_frame.x1, best_frame.y1, best_frame.x2, best_frame.y2] AS box"
_LATEST_MS = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleSearch:
    """`looks` ("" = none) ranks by likeness (cosine, -1..1); the rest narrows; times UTC epoch ms, `to_ms` exclusive.

    `hidden` leaves only sightings without a plate. People are never searched by looks.
    """

    looks: str = ""
    types: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    from_ms: int | None = None
    to_ms: int | None = None
    hidden: bool = False
    limit: int = 50

    def rows(self, clickhouse: ClickHouse) -> list[dict[str, Any]]:
        """Rows as of `PlateSearch`, most alike first, otherwise newest; raises BadConfiguration for an empty search."""
        self._check()
        look = decode(self.looks)
        narrow = [
            "label IN {types:Array(String)}",
            "first_ms >= {from_ms:Int64} AND first_ms < {to_ms:Int64}",
            *(["colour IN {colours:Array(String)}"] if self.colours else []),
            *(["camera_id IN {cameras:Array(String)}"] if self.cameras else []),
            *(["plate = ''"] if self.hidden else []),
            *([f"length(looks_vector) = {SIZE}"] if look is not None else []),
        ]
        likeness = "NULL"
        if look is not None:
            likeness = "round(1 - cosineDistance(looks_vector, {look:Array(Int8)}), 4)"
        sql = (
            f"SELECT {COLUMNS}, {_BOX}, {likeness} AS likeness FROM sightings FINAL WHERE {' AND '.join(narrow)}"
            " ORDER BY likeness DESC, first_ms DESC, sighting_id LIMIT {limit:UInt32}"
        )
        parameters = {
            "types": list(self.types or sorted(observations.VEHICLES)),
            "colours": list(self.colours),
            "cameras": list(self.cameras),
            "from_ms": self.from_ms or 0,
            "to_ms": _LATEST_MS if self.to_ms is None else self.to_ms,
            "look": [] if look is None else look.tolist(),
            "limit": self.limit,
        }
        return joined(clickhouse.rows(sql, parameters))

    def asked(self) -> dict[str, Any]:
        """What was asked, for the audit log."""
        return {"types": self.types, "colours": self.colours, "cameras": self.cameras, "from_ms": self.from_ms,
                "to_ms": self.to_ms, "hidden": self.hidden, "limit": self.limit}  # fmt: skip

    def _check(self) -> None:
        if not (self.looks or self.types or self.colours):
            raise BadConfiguration("say what to look for: --like, --picture, --colour or --type")
        for name, given, known in (
            ("--type", self.types, sorted(observations.VEHICLES)),
            ("--colour", self.colours, COLOURS),
        ):
            for value in given:
                if value not in known:
                    raise BadConfiguration(f"{name} {value!r} is not known; there are {', '.join(known)}")


def look_of_sighting(clickhouse: ClickHouse, start: str) -> str:
    """The look of a sighting, by its id or a unique beginning of it; raises BadConfiguration when there is none."""
    sql = "SELECT sighting_id, label, looks FROM sightings FINAL WHERE startsWith(sighting_id, {start:String}) LIMIT 2"
    rows = clickhouse.rows(sql, {"start": start})
    if len(rows) != 1:
        known = "more than one is" if rows else "none is"
        raise BadConfiguration(
            f"{known} called {start!r} among the sightings; `waysight search plate --json` shows ids"
        )
    if decode(rows[0]["looks"]) is None:
        raise BadConfiguration(
            f"sighting {start!r} ({rows[0]['label']}) has no look: only vehicles from 40 px wide have one"
        )
    return str(rows[0]["looks"])


def look_of_picture(settings: Settings, path: Path) -> str:
    """The look of the largest vehicle on a JPEG, by the running models; raises BadConfiguration, EngineDown."""
    try:
        payload = path.read_bytes()
    except OSError as error:
        raise BadConfiguration(f"{path}: cannot be read ({error.strerror})") from error
    try:
        analysis = asyncio.run(_analysed(settings, payload))
    except BadMessage as error:
        raise BadConfiguration(f"{path}: {error.reason}") from error
    if analysis.error:
        raise BadConfiguration(f"{path}: {analysis.error}")
    vehicles = [thing for thing in analysis.objects if thing.looks]
    if not vehicles:
        raise BadConfiguration(f"{path}: no vehicle from 40 px wide was found; give a closer picture")
    return max(vehicles, key=lambda t: area((t.x1, t.y1, t.x2, t.y2))).looks


async def _analysed(settings: Settings, payload: bytes) -> Analysis:
    analyser = TritonAnalyser(settings)
    await analyser.start()
    try:
        return await analyser.analyse(payload, "jpeg")
    finally:
        await analyser.close()

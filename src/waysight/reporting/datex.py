"""Counts and speeds as DATEX II version 3 (EN 16157-5, namespace roadTrafficData): what anyone may have.

Two files: where is measured (MeasurementSiteTablePublication) and what (MeasuredDataPublication). Nothing in them is
about one vehicle's identity. An interval without vehicles is not written: whether the camera was counting at all is
said by `report adt`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from waysight.adapters.clickhouse import ClickHouse
from waysight.cameras.models import Camera
from waysight.errors import BadConfiguration
from waysight.reporting.reports import Period

STEPS_MS = {"minute": 60_000, "hour": 3_600_000}
# Our classes as VehicleTypeEnum; "" is every vehicle together. People are not traffic data.
VEHICLE_TYPES = {"": "anyVehicle", "car": "car", "truck": "lorry", "bus": "bus", "motorcycle": "motorcycle",
                 "bicycle": "bicycle"}  # fmt: skip
TABLE_ID, TABLE_VERSION = "waysight-sites", "1"
_NAMES = " ".join(
    f'xmlns:{prefix}="http://datex2.eu/schema/3/{name}"'
    for prefix, name in (("d2", "d2Payload"), ("com", "common"), ("loc", "locationReferencing"), ("roa", "roadTrafficData"))
)  # fmt: skip
_HEADER = "<roa:headerInformation><com:informationStatus>real</com:informationStatus></roa:headerInformation>"

# Flow from the counts that the stream tells, speed from the sightings that are still kept.
_SQL = """
SELECT camera_id, slot_ms, label, toInt64(sum(passes)) AS vehicles, toInt64(sum(measured)) AS with_speed,
    sum(kmh) / greatest(with_speed, 1) AS mean_kmh
FROM (
    SELECT toString(camera_id) AS camera_id, intDiv(window_start_ms, {step:Int64}) * {step:Int64} AS slot_ms,
        toString(category) AS label, toInt64(value) AS passes, toInt64(0) AS measured, toFloat64(0) AS kmh
    FROM counts_current
    WHERE measure = 'passes' AND window_start_ms >= {from_ms:Int64} AND window_start_ms < {to_ms:Int64}
    UNION ALL
    SELECT toString(camera_id), intDiv(last_ms, {step:Int64}) * {step:Int64}, toString(label), toInt64(0),
        toInt64(speed_kmh IS NOT NULL), toFloat64(ifNull(speed_kmh, 0))
    FROM sightings_current WHERE final AND last_ms >= {from_ms:Int64} AND last_ms < {to_ms:Int64})
WHERE label IN {labels:Array(String)} AND ({camera:String} = '' OR camera_id = {camera:String})
GROUP BY slot_ms, camera_id, label HAVING vehicles > 0 ORDER BY slot_ms, camera_id, label
"""


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who publishes: country (two letters, ISO 3166) and a name there; `at_ms` is when (UTC epoch ms)."""

    country: str
    name: str
    at_ms: int


def measurements(
    clickhouse: ClickHouse, asked: Period, step_ms: int, camera_id: str = ""
) -> Iterator[dict[str, Any]]:
    """Rows of camera_id, slot_ms, label, vehicles, with_speed and mean_kmh, in order of time and camera."""
    given = {**asked.parameters, "step": step_ms, "camera": camera_id,
             "labels": [label for label in VEHICLE_TYPES if label]}  # fmt: skip
    for batch in clickhouse.batches(_SQL, given):
        yield from batch.to_pylist()


def write_sites(
    path: Path, cameras: Mapping[str, Camera], ids: Iterable[str], step_ms: int, by: Publisher
) -> int:
    """Write the table of measurement sites, in the order of their ids; returns how many there are."""
    sites = [_site(name, cameras.get(name), step_ms) for name in sorted(ids)]
    body = f'<roa:measurementSiteTable id="{TABLE_ID}" version="{TABLE_VERSION}">\n{"".join(sites)}</roa:measurementSiteTable>\n'
    return _write(path, [_open("MeasurementSiteTablePublication", by), _HEADER, body], len(sites))


def write_measured(
    path: Path,
    rows: Iterable[Mapping[str, Any]],
    step_ms: int,
    by: Publisher,
    progress: Callable[[int], None],
) -> tuple[int, set[str]]:
    """Write the measurements as they come; returns how many intervals of a site, and which sites."""
    seen: set[str] = set()

    def body() -> Iterator[str]:
        yield _open("MeasuredDataPublication", by)
        yield f'<roa:measurementSiteTableReference targetClass="roa:MeasurementSiteTable" id="{TABLE_ID}" version="{TABLE_VERSION}"/>'
        yield _HEADER + "\n"
        for number, ((slot_ms, name), of) in enumerate(
            groupby(rows, lambda r: (r["slot_ms"], r["camera_id"])), 1
        ):
            seen.add(name)
            counts[0] = number
            if number % 10_000 == 0:
                progress(number)
            yield _interval(name, slot_ms, step_ms, list(of))

    counts = [0]
    _write(path, body(), 0)
    return counts[0], seen


def _write(path: Path, parts: Iterable[str], told: int) -> int:
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8") as file:
            file.write('<?xml version="1.0" encoding="UTF-8"?>\n')
            file.writelines(parts)
            file.write("</d2:payload>\n")
        part.replace(path)
    except OSError as error:
        raise BadConfiguration(f"cannot write {path}: {error.strerror}; choose another --out") from error
    finally:
        part.unlink(missing_ok=True)
    return told


def _open(kind: str, by: Publisher) -> str:
    return (
        f'<d2:payload {_NAMES} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="roa:{kind}" lang="en" '
        f'modelBaseVersion="3"><com:publicationTime>{_time(by.at_ms)}</com:publicationTime><com:publicationCreator>'
        f"<com:country>{escape(by.country)}</com:country><com:nationalIdentifier>{_text(by.name)}</com:nationalIdentifier>"
        "</com:publicationCreator>"
    )


def _site(name: str, camera: Camera | None, step_ms: int) -> str:
    """One camera: for each vehicle type an index of its flow and, next to it, of its speed."""
    words = (
        name
        if camera is None
        else " ".join(w for w in (camera.location.road, camera.location.district) if w) or name
    )
    kinds = [
        f'<roa:measurementSpecificCharacteristics index="{index}"><roa:measurementSpecificCharacteristics>'
        f"<roa:period>{step_ms / 1000:.1f}</roa:period>"
        f"<roa:specificMeasurementValueType>{kind}</roa:specificMeasurementValueType><roa:specificVehicleCharacteristics>"
        f"<com:vehicleType>{vehicle}</com:vehicleType></roa:specificVehicleCharacteristics>"
        "</roa:measurementSpecificCharacteristics></roa:measurementSpecificCharacteristics>"
        for label, vehicle in VEHICLE_TYPES.items()
        for index, kind in ((_index(label), "trafficFlow"), (_index(label) + 1, "trafficSpeed"))
    ]
    place = ""
    if camera is not None and camera.location.lat is not None and camera.location.lon is not None:
        place = (
            '<roa:measurementSiteLocation xsi:type="loc:PointLocation"><loc:pointByCoordinates><loc:pointCoordinates>'
            f"<loc:latitude>{camera.location.lat:.6f}</loc:latitude><loc:longitude>{camera.location.lon:.6f}</loc:longitude>"
            "</loc:pointCoordinates></loc:pointByCoordinates></roa:measurementSiteLocation>"
        )
    return (
        f'<roa:measurementSite id={quoteattr(name)} version="1"><roa:measurementEquipmentTypeUsed>{_words("ANPR camera")}'
        f"</roa:measurementEquipmentTypeUsed><roa:measurementSiteName>{_words(words)}</roa:measurementSiteName>"
        f"{''.join(kinds)}{place}</roa:measurementSite>\n"
    )


def _interval(name: str, slot_ms: int, step_ms: int, rows: list[Mapping[str, Any]]) -> str:
    vehicles, measured = (sum(r[k] for r in rows) for k in ("vehicles", "with_speed"))
    kmh = sum(r["mean_kmh"] * r["with_speed"] for r in rows) / measured if measured else 0.0
    every = {"label": "", "vehicles": vehicles, "with_speed": measured, "mean_kmh": kmh}
    values = [part for row in (every, *rows) for part in _values(row, step_ms)]
    return (
        f'<roa:siteMeasurements><roa:measurementSiteReference targetClass="roa:MeasurementSite" id={quoteattr(name)} '
        f'version="1"/>{"".join(values)}<roa:measurementTimeDefault><roa:timeMeaning>beginTime</roa:timeMeaning>'
        f"<roa:timeValue>{_time(slot_ms)}</roa:timeValue></roa:measurementTimeDefault></roa:siteMeasurements>\n"
    )


def _values(row: Mapping[str, Any], step_ms: int) -> Iterator[str]:
    """Flow in vehicles an hour, as DATEX wants it; how many vehicles there were is numberOfInputValuesUsed."""
    index, hourly = _index(row["label"]), round(row["vehicles"] * 3_600_000 / step_ms)
    yield _value(
        index,
        "TrafficFlow",
        "vehicleFlow",
        row["vehicles"],
        f"<com:vehicleFlowRate>{hourly}</com:vehicleFlowRate>",
    )
    if row["with_speed"]:
        speed = f"<com:speed>{row['mean_kmh']:.1f}</com:speed>"
        yield _value(index + 1, "TrafficSpeed", "averageVehicleSpeed", row["with_speed"], speed)


def _value(index: int, kind: str, element: str, used: int, value: str) -> str:
    return (
        f'<roa:physicalQuantity index="{index}"><roa:physicalQuantity xsi:type="roa:SinglePhysicalQuantity">'
        f'<roa:basicData xsi:type="roa:{kind}"><roa:{element} numberOfInputValuesUsed="{used}">{value}</roa:{element}>'
        "</roa:basicData></roa:physicalQuantity></roa:physicalQuantity>"
    )


def _index(label: str) -> int:
    return 2 * list(VEHICLE_TYPES).index(label) + 1


def _words(text: str) -> str:
    return f'<com:values><com:value lang="en">{_text(text)}</com:value></com:values>'


def _text(text: str) -> str:
    return escape("".join(c for c in text if c.isprintable()))


def _time(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"

"""DATEX II files against the structure of EN 16157-5: names, order, types, and references that hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from waysight.cameras.models import Camera
from waysight.reporting.datex import VEHICLE_TYPES, Publisher, write_measured, write_sites

COM, LOC, ROA, D2 = (
    f"{{http://datex2.eu/schema/3/{n}}}"
    for n in ("common", "locationReferencing", "roadTrafficData", "d2Payload")
)
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
HOUR_MS = 3_600_000
BY = Publisher("kz", "Road <police> & co", 1_780_246_800_000)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
# From the schema: the children that a type may have, in their order; * may be repeated, ? may be missing.
BASE = ["com:publicationTime", "com:publicationCreator"]
ORDER: dict[str, list[str]] = {
    "MeasuredDataPublication": [*BASE, "roa:measurementSiteTableReference", "roa:headerInformation", "roa:siteMeasurements*"],
    "MeasurementSiteTablePublication": [*BASE, "roa:headerInformation", "roa:measurementSiteTable"],
    "com:publicationCreator": ["com:country", "com:nationalIdentifier"],
    "roa:headerInformation": ["com:informationStatus"],
    "roa:measurementSiteTable": ["roa:measurementSite*"],
    "roa:measurementSite": ["roa:measurementEquipmentTypeUsed", "roa:measurementSiteName",
                            "roa:measurementSpecificCharacteristics*", "roa:measurementSiteLocation?"],
    "roa:measurementEquipmentTypeUsed": ["com:values"], "roa:measurementSiteName": ["com:values"],
    "com:values": ["com:value"],
    "roa:measurementSpecificCharacteristics": ["roa:measurementSpecificCharacteristics"],
    "roa:measurementSpecificCharacteristics/": ["roa:period", "roa:specificMeasurementValueType",
                                                "roa:specificVehicleCharacteristics"],
    "roa:specificVehicleCharacteristics": ["com:vehicleType"],
    "roa:measurementSiteLocation": ["loc:pointByCoordinates"],
    "loc:pointByCoordinates": ["loc:pointCoordinates"],
    "loc:pointCoordinates": ["loc:latitude", "loc:longitude"],
    "roa:siteMeasurements": ["roa:measurementSiteReference", "roa:physicalQuantity*", "roa:measurementTimeDefault"],
    "roa:physicalQuantity": ["roa:physicalQuantity"], "roa:physicalQuantity/": ["roa:basicData"],
    "TrafficFlow": ["roa:vehicleFlow"], "TrafficSpeed": ["roa:averageVehicleSpeed"],
    "roa:vehicleFlow": ["com:vehicleFlowRate"], "roa:averageVehicleSpeed": ["com:speed"],
    "roa:measurementTimeDefault": ["roa:timeMeaning", "roa:timeValue"],
}  # fmt: skip
VALUES = {
    "com:publicationTime": TIME, "roa:timeValue": TIME, "com:country": re.compile("[a-z]{2}"),
    "com:informationStatus": re.compile("real"), "roa:timeMeaning": re.compile("beginTime"),
    "com:vehicleFlowRate": re.compile(r"\d+"), "com:speed": re.compile(r"\d+\.\d"), "roa:period": re.compile(r"\d+\.\d"),
    "com:vehicleType": re.compile("anyVehicle|car|lorry|bus|motorcycle|bicycle"),
    "roa:specificMeasurementValueType": re.compile("trafficFlow|trafficSpeed"),
}  # fmt: skip


def _name(tag: str) -> str:
    for prefix, space in (("com", COM), ("loc", LOC), ("roa", ROA), ("d2", D2)):
        if tag.startswith(space):
            return f"{prefix}:{tag.removeprefix(space)}"
    raise AssertionError(f"{tag} is of no DATEX II namespace")


def check(element: ET.Element, parent: str = "") -> None:
    """Raise AssertionError where an element is not as the schema has it."""
    name = _name(element.tag)
    kind = element.get(TYPE, "").removeprefix("roa:")
    key = kind if kind in ORDER else name + ("/" if parent == name else "")
    allowed = ORDER.get(key, [])
    found = [_name(child.tag) for child in element]
    pattern = "".join(f"({re.escape(a.rstrip('*?'))} ){a[-1] if a[-1] in '*?' else ''}" for a in allowed)
    assert re.fullmatch(pattern, "".join(f"{n} " for n in found)), (key, found[:5])
    if name in VALUES:
        assert VALUES[name].fullmatch(element.text or ""), (name, element.text)
    for child in element:
        check(child, name)


def _rows() -> Iterator[dict[str, Any]]:
    for slot in (0, 1):
        for camera in ("cam-1", 'cam-"2"&<'):
            yield {
                "camera_id": camera,
                "slot_ms": slot * HOUR_MS,
                "label": "car",
                "vehicles": 30,
                "with_speed": 20,
                "mean_kmh": 60.0,
            }
            yield {
                "camera_id": camera,
                "slot_ms": slot * HOUR_MS,
                "label": "truck",
                "vehicles": 10,
                "with_speed": 0,
                "mean_kmh": 0.0,
            }


@pytest.fixture
def files(tmp_path: Path) -> tuple[ET.Element, ET.Element]:
    camera = Camera.model_validate({"id": "cam-1", "country": "kz", "timezone": "Asia/Almaty", "source": "file:///x.mp4",
                                    "location": {"lat": 43.2, "lon": 76.9, "road": "Abay & Co"}})  # fmt: skip
    intervals, sites = write_measured(tmp_path / "d.xml", _rows(), HOUR_MS, BY, lambda _: None)
    assert (intervals, sites) == (4, {"cam-1", 'cam-"2"&<'})
    write_sites(tmp_path / "s.xml", {"cam-1": camera}, sites, HOUR_MS, BY)
    return ET.parse(tmp_path / "d.xml").getroot(), ET.parse(tmp_path / "s.xml").getroot()


def test_both_files_have_the_structure_of_the_standard(files: tuple[ET.Element, ET.Element]) -> None:
    for root in files:
        assert root.tag == f"{D2}payload"
        assert root.get("modelBaseVersion") == "3"
        assert root.get("lang") == "en"
        check(root)
    assert files[1].findtext(f".//{LOC}latitude") == "43.200000"


def test_the_checker_sees_what_is_wrong(files: tuple[ET.Element, ET.Element]) -> None:
    measured = files[0]
    site = measured.find(f"{ROA}siteMeasurements")
    assert site is not None
    site.insert(0, site[-1])
    with pytest.raises(AssertionError, match="siteMeasurements"):
        check(measured)


def test_every_value_refers_to_a_described_index_of_a_described_site(
    files: tuple[ET.Element, ET.Element],
) -> None:
    measured, table = files
    described = {
        (site.get("id"), outer.get("index")): (
            outer.findtext(f".//{ROA}specificMeasurementValueType"), outer.findtext(f".//{COM}vehicleType"))
        for site in table.iter(f"{ROA}measurementSite")
        for outer in site.findall(f"{ROA}measurementSpecificCharacteristics")
    }  # fmt: skip
    assert len(described) == 2 * 2 * len(VEHICLE_TYPES)
    values = {}
    for site in measured.findall(f"{ROA}siteMeasurements"):
        reference = site.find(f"{ROA}measurementSiteReference")
        assert reference is not None
        for outer in site.findall(f"{ROA}physicalQuantity"):
            basic = outer.find(f".//{ROA}basicData")
            assert basic is not None
            kind, vehicle = described[reference.get("id"), outer.get("index")]
            assert basic.get(TYPE) == f"roa:{(kind or '')[0].upper()}{(kind or '')[1:]}"
            number = basic[0].get("numberOfInputValuesUsed")
            values[reference.get("id"), site.findtext(f".//{ROA}timeValue"), kind, vehicle] = (
                basic[0][0].text,
                number,
            )
    first = {k[2:]: v for k, v in values.items() if k[:2] == ("cam-1", "1970-01-01T00:00:00Z")}
    assert first == {
        ("trafficFlow", "anyVehicle"): ("40", "40"), ("trafficSpeed", "anyVehicle"): ("60.0", "20"),
        ("trafficFlow", "car"): ("30", "30"), ("trafficSpeed", "car"): ("60.0", "20"), ("trafficFlow", "lorry"): ("10", "10"),
    }  # fmt: skip


def test_a_minute_is_told_as_vehicles_an_hour(tmp_path: Path) -> None:
    row = {"camera_id": "c", "slot_ms": 0, "label": "car", "vehicles": 3, "with_speed": 0, "mean_kmh": 0.0}
    write_measured(tmp_path / "d.xml", [row], 60_000, BY, lambda _: None)
    assert ET.parse(tmp_path / "d.xml").getroot().findtext(f".//{COM}vehicleFlowRate") == "180"

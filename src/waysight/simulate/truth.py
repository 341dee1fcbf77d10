"""What truly happened in the simulated city, worked out from the city alone.

Nothing here is shared with the system under test: offences, tariffs and tiers are written out again, so
that an error in the product's rules cannot hide in the truth.
"""

from datetime import datetime, timedelta, timezone
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from waysight.simulate.city import City
from waysight.simulate.fleet import Vehicle
from waysight.simulate.sites import FPS, SECTION, SECTION_M, STOP_LINE_M, Site
from waysight.simulate.traffic import Drive

Array = NDArray[np.float64]
MRP_2026_TENGE = 4325
SPEED_TIERS_MRP = ((60.0, 40), (40.0, 20), (20.0, 10), (10.0, 5))
SPEED_LAW = {5: "592(1)", 10: "592(2)", 20: "592(3)", 40: "592(3-1)"}
RED_LIGHT_MRP = 10
# What measuring may take off a true speed in the driver's favour, as a share of it: the error, and the bound against it.
LENIENCE = {"spot_speed": 0.08, "average_speed": 0.03}
REFERENCE_Y_M = 30.0
ALMATY = timezone(timedelta(hours=5))
Record = dict[str, Any]


def _reference_s(drive: Drive) -> float | None:
    """When the near end of the vehicle passes the middle of the view, city time."""
    return drive.motion.when(REFERENCE_Y_M if not drive.site.towards else 18.0)


def _hidden(drive: Drive, others: list[Drive], t: float, quad: Array) -> bool:
    """Whether somebody nearer to the camera covers a corner or the middle of the plate."""
    spots = np.concatenate([quad, quad.mean(axis=0)[None]])
    for other in others:
        if other is drive or other.motion.y(t) >= drive.motion.y(t) or other.motion.y(t) < -12:
            continue
        half_w, half_l, height = (s / 2 for s in other.built[0].size_m)
        corners = [(x, y, z) for x in (-half_w, half_w) for y in (-half_l, half_l) for z in (0.0, 2 * height)]
        pixels, depth = drive.site.view.project(other.pose(t).place(np.array(corners)))
        if depth.min() < 1:
            continue
        hull = cv2.convexHull(pixels.astype(np.float32))
        if any(cv2.pointPolygonTest(hull, (float(u), float(v)), False) >= 0 for u, v in spots):
            return True
    return False


def _good_reads(city: City, drive: Drive, others: list[Drive]) -> int:
    """On how many looked-at frames the plate shows whole, unhidden and wide enough."""
    count = 0
    for t in city.samples(drive):
        quad = drive.plate(t)
        if (
            quad is not None
            and drive.plate_width_px(t) >= drive.site.least_plate_px
            and not _hidden(drive, others, t, quad)
        ):
            count += 1
    return count


def _pass(city: City, drive: Drive, number: int, others: list[Drive]) -> Record | None:
    site = drive.site
    times = site.lag_s + np.arange(round(city.seconds * FPS)) / FPS
    near = [t for t in times.tolist() if -12 < drive.motion.y(t) < 120]
    seen = [t for t in near if drive.seen(t) > 0.34]
    if not seen:
        return None
    reference = _reference_s(drive)
    at = reference if reference is not None else seen[len(seen) // 2]
    return {
        "pass_id": f"{site.camera_id}/{number:03}",
        "camera_id": site.camera_id,
        "plate": drive.vehicle.plate,
        "country": drive.vehicle.country,
        "label": drive.vehicle.label,
        "colour": drive.vehicle.colour,
        "first_ms": city.ms(seen[0]),
        "last_ms": city.ms(seen[-1]),
        "reference_ms": city.ms(at),
        "speed_kmh": round(abs(drive.motion.speed(at)) * 3.6, 2),
        "legible": _good_reads(city, drive, others) >= site.least_samples,
    }


def _violation(
    offence: str, drive: Drive, section: str | None, at_ms: int, kmh: float | None, limit: float | None
) -> Record:
    place = section or drive.site.camera_id
    return {
        "violation_key": f"{offence}|{place}|{drive.vehicle.plate}|",
        "offence": offence,
        "camera_id": drive.site.camera_id,
        "section_id": section,
        "plate": drive.vehicle.plate,
        "country": drive.vehicle.country,
        "occurred_ms": at_ms,
        "speed_kmh": kmh,
        "limit_kmh": limit,
    }


def _spot(city: City, drive: Drive) -> Record | None:
    limit = drive.site.settings.get("speed_limit_kmh")
    at = _reference_s(drive)
    if limit is None or at is None or "spot_speed" not in drive.site.purposes:
        return None
    kmh = abs(drive.motion.speed(at)) * 3.6
    if kmh - limit < SPEED_TIERS_MRP[-1][0]:
        return None
    return _violation("spot_speed", drive, None, city.ms(at), round(kmh, 2), limit)


def _average(city: City, entry: Drive, leave: Drive) -> Record | None:
    t0, t1 = entry.motion.when(0.0), leave.motion.when(0.0)
    if t0 is None or t1 is None:
        return None
    kmh, limit = SECTION_M / (t1 - t0) * 3.6, float(SECTION["limit_kmh"])  # type: ignore[arg-type]
    if kmh - limit < SPEED_TIERS_MRP[-1][0]:
        return None
    seen = leave.motion.when(REFERENCE_Y_M)
    at = city.ms(seen if seen is not None else t1)
    return _violation("average_speed", leave, str(SECTION["id"]), at, round(kmh, 2), limit)


def _red(city: City, drive: Drive) -> Record | None:
    if "red_light" not in drive.site.purposes:
        return None
    front = drive.motion.when(STOP_LINE_M - drive.length_m)
    if front is None or not drive.site.lag_s <= front < drive.site.lag_s + city.seconds:
        return None
    return (
        _violation("red_light", drive, None, city.ms(front), None, None)
        if city.light_state(front) == "red"
        else None
    )


def _hard(vehicle: Vehicle) -> str:
    """What makes it hard to prove anything against this vehicle, or ""."""
    return "dirty plate" if vehicle.dirt else "heavy vehicle" if vehicle.label != "car" else ""


def _units(over_kmh: float) -> int:
    """MRP for this much over the limit. On a boundary the lower tier applies; 10 is over the first one."""
    return next((mrp for bound, mrp in SPEED_TIERS_MRP if over_kmh > bound or bound == over_kmh == 10.0), 0)


def due_fine(city: City, violation: Record, sites: dict[str, Site]) -> Record | None:
    """The fine a violation leads to: Kazakh plate, its own entry in the register, papers of the camera in force; else None.

    `lowest_amount` is what measuring in the driver's favour may make of it: 0 where there need be no fine.
    """
    vehicle = next(v for v in city.fleet.vehicles if v.plate == violation["plate"])
    papers = sites[violation["camera_id"]].settings.get("certificate")
    day = datetime.fromtimestamp(violation["occurred_ms"] / 1000, ALMATY).date().isoformat()
    owned = vehicle.owner and not vehicle.entry
    if vehicle.country != "kz" or not owned or papers is None or papers["verified_until"] < day:
        return None
    if violation["offence"] == "red_light":
        units, law, lowest = RED_LIGHT_MRP, "599(1)", RED_LIGHT_MRP
    else:
        over = violation["speed_kmh"] - violation["limit_kmh"]
        units, lowest = _units(over), _units(over - LENIENCE[violation["offence"]] * violation["speed_kmh"])
        law = SPEED_LAW[units]
    return {
        "plate": vehicle.plate, "offence": violation["offence"], "amount": units * MRP_2026_TENGE,
        "currency": "KZT", "law": law, "units_mrp": units, "lowest_amount": lowest * MRP_2026_TENGE, "hard": _hard(vehicle),
    }  # fmt: skip


def make_truth(city: City) -> Record:
    """The whole truth as JSON-ready values; times are UTC epoch ms, speeds km/h, amounts tenge."""
    passes: list[Record] = []
    legible: dict[tuple[str, str], Record] = {}
    by_site = {site.camera_id: [d for d in city.drives if d.site is site] for site in city.sites}
    violations: list[Record] = []
    for camera_id, drives in by_site.items():
        for number, drive in enumerate(sorted(drives, key=lambda d: d.motion.when(20.0) or 0.0)):
            record = _pass(city, drive, number, drives)
            if record is None:
                continue
            passes.append(record)
            if record["legible"]:
                legible[camera_id, drive.vehicle.plate] = record
            found = [_spot(city, drive), _red(city, drive)]
            violations += [v for v in found if v and record["legible"]]
    for entry in by_site[str(SECTION["entry"])]:
        for leave in by_site[str(SECTION["exit"])]:
            plate = entry.vehicle.plate
            both = all((camera, plate) in legible for camera in (SECTION["entry"], SECTION["exit"]))
            if leave.vehicle.plate == plate and both and (v := _average(city, entry, leave)):
                violations.append(v)
    sites = {site.camera_id: site for site in city.sites}
    kinds = {w.vehicle.plate: w.kind for w in city.wanted if w.status == "active"}
    return {
        "seed": city.seed,
        "seconds": city.seconds,
        "start_ms": city.start_ms,
        "cameras": [site.camera_id for site in city.sites],
        "passes": passes,
        "violations": sorted(violations, key=lambda v: v["occurred_ms"]),
        "alerts": [
            {
                "plate": r["plate"],
                "camera_id": r["camera_id"],
                "kind": kinds[r["plate"]],
                "seen_ms": r["reference_ms"],
            }
            for r in passes
            if r["plate"] in kinds and r["legible"]
        ],
        "fines": [f for f in (due_fine(city, v, sites) for v in violations) if f],
        "other_entries": sorted(v.plate for v in city.fleet.vehicles if v.entry),
        "people": sum(s.kind == "person" for s in city.strolls),
        "bicycles": sum(s.kind == "bicycle" for s in city.strolls),
        "not_wanted": [
            {"plate": w.vehicle.plate, "status": w.status} for w in city.wanted if w.status != "active"
        ],
    }

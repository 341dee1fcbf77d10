"""The files that go with the clips: cameras, signals, hotlist, vehicle register."""

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from waysight.simulate.city import City
from waysight.simulate.fleet import DESIGNS
from waysight.simulate.plates import find_design
from waysight.simulate.sites import SECTION, Site

HOTLIST_COLUMNS = (
    "plate", "kind", "legal_basis", "authority", "case_number", "source", "valid_from", "expires", "priority", "note",
)  # fmt: skip
BASIS = {
    "stolen": ("Criminal Code art. 188, Criminal Procedure Code art. 185", "Ministry of Internal Affairs"),
    "wanted_owner": ("Criminal Procedure Code art. 292", "Committee of Criminal Police"),
}
SURVEY_ERROR_M = 0.02


def iso(ms: int) -> str:
    """UTC epoch ms as ISO 8601 with Z."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).isoformat().replace("+00:00", "Z")


def calibration(site: Site) -> dict[str, Any]:
    """Surveyed points of a camera: exact road positions (m) and where they appear (px, two decimals)."""
    view = site.view
    rows = np.array([[view.width_px / 2, v * view.height_px] for v in (0.93, 0.62, 0.36, 0.14)])
    points = []
    for y in view.ground(rows)[:, 1].round(2).tolist():
        for x in (site.road.centre_m - site.road.half_m, site.road.centre_m + site.road.half_m):
            pixels, _ = view.project(np.array([[x, y, 0.0]]))
            points.append({"image": [round(float(p), 2) for p in pixels[0]], "ground": [round(x, 3), y]})
    return {"image_size": [view.width_px, view.height_px], "points": points, "error_m": SURVEY_ERROR_M}


def camera_file(city: City) -> dict[str, Any]:
    """The content of cameras.yaml."""
    cameras = [
        {
            "id": site.camera_id,
            "name": site.name,
            "source": f"{site.camera_id}.mp4",
            "sampling": site.sampling if site.sampling == "keyframes" else {"fps": site.sampling},
            "start": iso(city.ms(site.lag_s)),
            "clock_error_ms": 40,
            "traffic": "towards" if site.towards else "away",
            "purposes": list(site.purposes),
            **site.settings,
            "calibration": calibration(site),
            "motion_gate": "off",
        }
        for site in city.sites
    ]
    return {"version": 1, "cameras": cameras, "sections": [dict(SECTION)]}


def signal_lines(city: City) -> list[dict[str, Any]]:
    """Every change of the junction's light, times UTC epoch ms."""
    return [
        {"junction_id": "j1", "signal_group": "north", "state": state, "changed_ms": city.ms(t)}
        for t, state in city.light_changes()
    ]


def hotlist_row(plate: str, kind: str, number: int, start_ms: int, status: str) -> dict[str, str]:
    """One line of the hotlist; an expired entry ended the month before the clips begin."""
    basis, authority = BASIS[kind]
    day = 86_400_000
    expires = start_ms - 30 * day if status == "expired" else start_ms + 365 * day
    return {
        "plate": plate, "kind": kind, "legal_basis": basis, "authority": authority,
        "case_number": f"2026-{number:06}", "source": "city simulator", "valid_from": iso(start_ms - 90 * day),
        "expires": iso(expires), "priority": "1" if kind == "stolen" else "3", "note": status,
    }  # fmt: skip


def neighbours(plate: str) -> set[str]:
    """The plate with each one character masked or left out: two plates one slip apart share one of these."""
    cuts = range(len(plate))
    return (
        {plate}
        | {plate[:i] + "*" + plate[i + 1 :] for i in cuts}
        | {plate[:i] + plate[i + 1 :] for i in cuts}
    )


def random_plates(rng: np.random.Generator) -> Iterator[str]:
    """Endless one-line plates of the three countries, a few hundred drawn at a time."""
    names = sorted({name for country in DESIGNS.values() for name in country})
    while True:
        design = find_design(names[int(rng.integers(len(names)))])
        patterns = list(design.patterns)
        shares = np.array([design.patterns[p] for p in patterns], dtype=float)
        alphabets = [
            design.alphabets[c] for c in patterns[int(rng.choice(len(patterns), p=shares / shares.sum()))]
        ]
        picks = rng.integers(0, [len(a) for a in alphabets], (256, len(alphabets)))
        yield from ("".join(a[i] for a, i in zip(alphabets, row, strict=True)) for row in picks.tolist())


def hotlist_large(
    entries: int, seed: int, start_ms: int, avoid: Iterable[str] = ()
) -> Iterator[dict[str, str]]:
    """`entries` hotlist lines about distinct plates, none of them within one slip of a plate in `avoid`."""
    rng = np.random.default_rng([seed, 97])
    near = {form for plate in avoid for form in neighbours(plate)}
    used: set[str] = set()
    for plate in random_plates(rng):
        if len(used) == entries:
            return
        if plate in used or not near.isdisjoint(neighbours(plate)):
            continue
        used.add(plate)
        kind = "stolen" if rng.random() < 0.7 else "wanted_owner"
        yield hotlist_row(plate, kind, 100_000 + len(used), start_ms, "active")


def write_rows(path: Path, columns: tuple[str, ...], rows: Iterable[dict[str, str]]) -> int:
    """Writes a CSV file with a header; returns the number of lines below it."""
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


def write_papers(city: City, folder: Path) -> None:
    """Writes cameras.yaml, signals.jsonl, hotlist.csv, revoked.csv and vehicles.csv."""
    text = yaml.safe_dump(
        camera_file(city), sort_keys=False, allow_unicode=True, default_flow_style=None, width=110
    )
    (folder / "cameras.yaml").write_text(text, encoding="utf-8")
    lines = [json.dumps(line) for line in signal_lines(city)]
    (folder / "signals.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows = [
        hotlist_row(w.vehicle.plate, w.kind, number, city.start_ms, w.status)
        for number, w in enumerate(city.wanted, start=1)
    ]
    write_rows(folder / "hotlist.csv", HOTLIST_COLUMNS, rows)
    revoked = [{k: row[k] for k in ("plate", "case_number")} for row in rows if row["note"] == "revoked"]
    write_rows(folder / "revoked.csv", ("plate", "case_number"), revoked)
    register = [v.register_row() for v in (*city.fleet.vehicles, *city.on_record) if v.owner]
    write_rows(folder / "vehicles.csv", tuple(register[0]) if register else ("plate",), register)

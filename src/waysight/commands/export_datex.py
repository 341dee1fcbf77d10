"""`waysight export datex`: traffic data for everyone; without personal data, so no case is asked for."""

from __future__ import annotations

import time
from pathlib import Path

from waysight.adapters.audit import AuditLog
from waysight.adapters.clickhouse import connect
from waysight.commands.known_cameras import registered_cameras
from waysight.commands.narrowing import one_of
from waysight.commands.output import note, open_codec, print_json
from waysight.digests import sha256_of
from waysight.errors import BadConfiguration
from waysight.reporting.datex import STEPS_MS, Publisher, measurements, write_measured, write_sites
from waysight.reporting.reports import period
from waysight.settings import get_settings


def export_datex(
    out: Path,
    from_ms: int | None,
    to_ms: int | None,
    camera: str,
    step: str,
    country: str,
    creator: str,
    json_: bool,
) -> None:
    """Write OUT (measurements) and OUT's name with .sites.xml (where they are made); recorded in the audit log.

    Raises BadConfiguration for an unknown step or country.
    """
    if step not in STEPS_MS:
        raise BadConfiguration(f"--step {step!r}: it is {' or '.join(STEPS_MS)}")
    if country and not (len(country) == 2 and country.isalpha() and country.isascii()):
        raise BadConfiguration(f"--country {country!r}: two letters, e.g. kz")
    settings = get_settings()
    codec, clickhouse = open_codec(settings), connect(settings)
    cameras = registered_cameras(settings, codec)
    one_of(camera, tuple(cameras), "--camera")
    home = country or next((c.country for c in cameras.values()), "")
    if not home:
        raise BadConfiguration("no camera says which country this is; give --country")
    asked = period(clickhouse, from_ms, to_ms)
    by = Publisher(home.lower(), creator, time.time_ns() // 1_000_000)
    rows = measurements(clickhouse, asked, STEPS_MS[step], camera)
    intervals, sites = write_measured(
        out, rows, STEPS_MS[step], by, lambda done: note(f"{done:,} intervals …")
    )
    table = out.with_name(f"{out.stem}.sites.xml")
    write_sites(table, cameras, sites | ({camera} if camera else set(cameras)), STEPS_MS[step], by)
    told = {
        "file": str(out),
        "sites_file": str(table),
        "intervals": intervals,
        "sites": len(sites),
        "sha256": sha256_of(out),
    }
    AuditLog(settings, codec).record(
        "export.datex", "traffic data", "", {**asked.parameters, **told}, intervals
    )
    if json_:
        print_json(told)
    else:
        note(f"{intervals:,} intervals of {len(sites)} sites in {out}, the sites in {table}")

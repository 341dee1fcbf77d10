"""`waysight cameras clock import|add|list`: comparisons of cameras' clocks with a reference, for evidence packages."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from waysight.adapters.audit import AuditLog
from waysight.adapters.clickhouse import connect
from waysight.adapters.kafka import Publisher
from waysight.authority.imports import convert_all, moment_ms, read_rows
from waysight.codec import Codec
from waysight.commands.known_cameras import registered_cameras
from waysight.commands.output import Json, acting, open_codec, print_json, print_table, when
from waysight.digests import sha256_of
from waysight.domain.clocks import error_ms
from waysight.domain.ids import derive_id
from waysight.errors import BadConfiguration
from waysight.messages import ClockCheck
from waysight.settings import Settings, get_settings
from waysight.storage.evidence_records import clock_checks_of

TOPIC = "clock-checks"
COLUMNS = ("camera_id", "checked_at", "offset_ms", "error_ms", "reference", "by")
_MOST_MS = 86_400_000.0
clock_app = typer.Typer(help="Comparisons of cameras' clocks with a reference.", no_args_is_help=True)


@clock_app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help=f"CSV file with columns {', '.join(COLUMNS)}.")],
    json_: Json = False,
) -> None:
    """Import comparisons from a CSV file: all of them, or none when a line is wrong."""
    settings = get_settings()
    codec = open_codec(settings)
    convert = partial(check_of, known=registered_cameras(settings, codec), now_ms=time.time_ns() // 1_000_000)
    checks = convert_all(file, read_rows(file, COLUMNS), convert, lambda c: c.check_id)
    detail = {"file": file.name, "sha256": sha256_of(file)}
    _publish(settings, codec, checks, detail, "", json_)


@clock_app.command("add")
def add(
    camera: Annotated[str, typer.Argument(help="Camera id.")],
    offset_ms: Annotated[float, typer.Option(help="Camera's clock less the reference, ms.")],
    error_ms: Annotated[float, typer.Option(help="Bound on the comparison's own error, ms.")],
    reference: Annotated[str, typer.Option(help="ntp, ptp, gps, or a device's name.")],
    at: Annotated[str, typer.Option(help="When, by the reference; now without.")] = "",
    by: Annotated[str, typer.Option(help="Who or what compared; the login name by default.")] = "",
    json_: Json = False,
) -> None:
    """Enter one comparison."""
    settings, now_ms = get_settings(), time.time_ns() // 1_000_000
    codec, actor = open_codec(settings), acting(settings, by)
    row = {"camera_id": camera, "checked_at": at, "offset_ms": str(offset_ms), "error_ms": str(error_ms),
           "reference": reference, "by": actor}  # fmt: skip
    check = check_of(row, registered_cameras(settings, codec), now_ms)
    _publish(settings, codec, [check], {"check_id": check.check_id}, actor, json_)


@clock_app.command("list")
def list_checks(
    camera: Annotated[str, typer.Argument(help="Camera id; all without.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 100,
    json_: Json = False,
) -> None:
    """Show comparisons, newest first."""
    checks = clock_checks_of(connect(get_settings()), camera, limit)
    if json_:
        print_json(checks)
        return
    print_table(
        ("camera", "at", "offset ms", "error ms", "at most off, ms", "reference", "by"),
        ((c.camera_id, when(c.checked_ms), c.offset_ms, c.error_ms, error_ms(c), c.reference, c.by) for c in checks),
    )  # fmt: skip


def check_of(row: Mapping[str, str], known: Collection[str], now_ms: int) -> ClockCheck:
    """A comparison from text fields; raises BadConfiguration for a wrong one or a camera that is not `known`."""
    camera, offset, error = row["camera_id"], _number(row, "offset_ms"), _number(row, "error_ms")
    checked_ms = moment_ms(row["checked_at"], "checked_at") if row["checked_at"] else now_ms
    missing = [name for name in ("reference", "by") if not row[name].strip()]
    if missing:
        raise BadConfiguration(f"{' and '.join(missing)} missing: say against what was compared, and who did")
    if camera not in known:
        raise BadConfiguration(f"no camera {camera!r}; `waysight cameras list` shows those in service")
    if error < 0:
        raise BadConfiguration(f"error_ms {error:g} is below 0; it is a bound")
    if checked_ms > now_ms:
        raise BadConfiguration(f"checked_at {row['checked_at']} is in the future")
    reference, by = row["reference"].strip(), row["by"].strip()
    return ClockCheck(
        check_id=derive_id("clock-check", camera, checked_ms, reference, by, repr(offset), repr(error)),
        camera_id=camera,
        checked_ms=checked_ms,
        offset_ms=offset,
        error_ms=error,
        reference=reference,
        by=by,
    )


def _number(row: Mapping[str, str], name: str) -> float:
    try:
        value = float(row[name])
    except ValueError as error:
        raise BadConfiguration(f"{name} {row[name]!r} is no number of ms") from error
    if not math.isfinite(value) or abs(value) > _MOST_MS:
        raise BadConfiguration(f"{name} {row[name]!r} is more than a day")
    return value


def _publish(
    settings: Settings,
    codec: Codec,
    checks: Sequence[ClockCheck],
    detail: dict[str, Any],
    actor: str,
    json_: bool,
) -> None:
    detail |= {"cameras": sorted({c.camera_id for c in checks}), "checks": len(checks)}
    AuditLog(settings, codec).record("cameras.clock", "clock check", "", detail, len(checks), actor)
    publisher = Publisher(settings, codec)
    for check in checks:
        publisher.publish(TOPIC, check.camera_id, check)
    publisher.flush()
    if json_:
        print_json(checks)
    else:
        typer.echo(f"{len(checks)} clock checks")

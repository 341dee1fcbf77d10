"""`waysight follow PLATE`: the path of a vehicle across cameras, live, for as long as an authorisation allows it."""

from __future__ import annotations

import re
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from waysight.adapters.audit import AuditLog
from waysight.adapters.broadcast import Broadcast
from waysight.adapters.followed_path import FollowedPath
from waysight.adapters.kafka import require_answer
from waysight.codec import Codec
from waysight.commands.known_cameras import registered_cameras
from waysight.commands.output import Json, acting, note, open_codec, print_json, when
from waysight.domain.authorisations import FOLLOW, in_force
from waysight.domain.plates import canonical
from waysight.errors import BadConfiguration, NotAllowed
from waysight.messages import Authorisation, FollowPoint
from waysight.reporting.paths import Place, draw_path
from waysight.settings import Settings, get_settings

_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_LOOK_S = 0.5


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("follow")(follow)


def follow(
    plate: Annotated[str, typer.Argument(help="Plate of the vehicle.")],
    authorisation: Annotated[str, typer.Option(help="Id of the authorisation, or a unique beginning.")] = "",
    since: Annotated[str, typer.Option(help="How far back to begin: 30m, 2h, 3d.")] = "2h",
    live: Annotated[bool, typer.Option(help="Go on until the authorisation ends.")] = True,
    map_: Annotated[
        Path | None, typer.Option("--map", help="Picture of the path: .png, .svg or .pdf; redrawn live.")
    ] = None,
    actor: Annotated[str, typer.Option(help="Who follows; the login name by default.")] = "",
    json_: Json = False,
) -> None:
    """Show where a vehicle is seen, as it is seen: only under an authorisation, and no longer than that.

    Beginning and end are recorded in the audit log. With --json each point is a line; with --no-live they are one list.
    """
    settings, wanted = get_settings(), canonical(plate)
    from_ms = _now_ms() - _length_ms(since)
    require_answer(settings)
    codec = open_codec(settings)
    granted = Broadcast[Authorisation](settings, codec, "authorisations")
    granted.start()
    record = _allowing(granted.snapshot(), authorisation, wanted)
    path = FollowedPath(settings, codec, record.authorisation_id, wanted, from_ms)
    asked = {"plate": wanted, "authorisation_id": record.authorisation_id, "since": since, "live": live}
    log, who, why = AuditLog(settings, codec), acting(settings, actor), "it failed"
    placeless = 0
    cameras = _cameras(settings, codec) if map_ else {}
    stopping = _stopping()
    log.record("follow.start", FOLLOW, record.case_number, asked, actor=who)
    try:
        news: Sequence[FollowPoint] = path.start()
        if json_ and not live:
            print_json(news)
        while True:
            if live or not json_:
                _show(news, json_)
            if map_ and (news or not map_.exists()):
                title = f"{wanted}, authorisation {record.authorisation_id[:12]} of {record.authority}"
                placeless = draw_path(path.points, cameras, map_, title)
            why = "" if live else "--no-live"
            why = why or ("stopped" if stopping.is_set() else "")
            why = why or _ended(granted.get(record.authorisation_id), _now_ms())
            if why:
                break
            news = path.wait(_LOOK_S)
    finally:
        rows = len(path.points)
        log.record("follow.end", FOLLOW, record.case_number, {**asked, "why": why}, rows, who)
        path.stop()
        granted.stop()
    note(f"{rows} points{f', {placeless} of cameras without a place' if placeless else ''}; {why}")


def _allowing(records: Mapping[str, Authorisation], authorisation: str, plate: str) -> Authorisation:
    """The authorisation to follow by; raises NotAllowed, and says how one is granted."""
    grant = f"`waysight authorise grant --purpose follow --subject {plate} …` enters one that was granted"
    if not authorisation.strip():
        raise NotAllowed(f"--authorisation is missing: following needs one; {grant}")
    found = [r for i, r in sorted(records.items()) if i.startswith(authorisation.strip())]
    if len(found) != 1:
        raise NotAllowed(
            f"{len(found)} authorisations begin with {authorisation!r}; `waysight authorise list` shows them, {grant}"
        )
    (record,) = found
    if record.purpose != FOLLOW or plate not in record.subjects:
        raise NotAllowed(
            f"authorisation {record.authorisation_id} allows {record.purpose} of {', '.join(record.subjects)}, "
            f"not following {plate}; {grant}"
        )
    if why := _ended(record, _now_ms()):
        raise NotAllowed(f"{why}; {grant}")
    return record


def _ended(record: Authorisation | None, now_ms: int) -> str:
    """Why an authorisation allows nothing now, in words; empty while it does."""
    if record is None:
        return "the authorisation was removed"
    if record.revoked_ms is not None:
        return f"the authorisation was revoked at {when(record.revoked_ms)} by {record.revoked_by}: {record.reason}"
    if in_force(record, now_ms):
        return ""
    begun = now_ms >= record.valid_from_ms
    return (
        f"the authorisation ended at {when(record.ends_ms)}"
        if begun
        else f"it begins at {when(record.valid_from_ms)}"
    )


def _show(points: Sequence[FollowPoint], json_: bool) -> None:
    for point in points:
        if json_:
            sys.stdout.write(msgspec.json.encode(point).decode() + "\n")
        else:
            speed = "" if point.speed_kmh is None else f"{point.speed_kmh:.0f} km/h"
            words = (
                when(point.captured_ms),
                point.camera_id,
                point.location,
                f"{point.colour} {point.label}",
                speed,
            )
            sys.stdout.write("  ".join(w for w in words if w.strip()) + "\n")
    sys.stdout.flush()


def _cameras(settings: Settings, codec: Codec) -> dict[str, Place]:
    """Where the configured cameras stand, by id."""
    known = registered_cameras(settings, codec, removed_too=True)
    places = {i: camera.location for i, camera in known.items()}
    return {i: (at.lat, at.lon) for i, at in places.items() if at.lat is not None and at.lon is not None}


def _stopping() -> threading.Event:
    """Set by SIGINT and SIGTERM, so that the end is recorded, too."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def _length_ms(text: str) -> int:
    parts = re.fullmatch(r"(\d{1,6})([mhd])", text.strip())
    if parts is None:
        raise BadConfiguration(f"--since {text!r} is no length of time; write 30m, 2h or 3d")
    return int(parts[1]) * _UNITS_MS[parts[2]]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

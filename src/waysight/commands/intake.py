"""`waysight intake`: the endpoint for devices, their tokens, and files of what they measured."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from waysight import metrics
from waysight.adapters.audit import AuditLog
from waysight.adapters.broadcast import Broadcast
from waysight.adapters.evidence import EvidenceStore
from waysight.adapters.kafka import Publisher, require_answer
from waysight.authority.imports import convert_all, read_rows
from waysight.cameras.scenes import Scenes
from waysight.commands.output import Json, acting, note, open_codec, print_json, print_table, when
from waysight.digests import sha256_of
from waysight.domain.edge import registered
from waysight.errors import BadConfiguration
from waysight.intake.reception import Reception
from waysight.intake.records import GivenRead, Refused, Taken, read_of
from waysight.intake.tokens import KINDS, TokenFile
from waysight.messages import CameraRecord, ExternalRead
from waysight.settings import Settings, get_settings

REQUIRED = ("read_id", "device_id", "device_kind", "camera_id", "captured_ms", "clock_error_ms")
OPTIONAL = tuple(n for n in GivenRead.__struct_fields__ if n not in (*REQUIRED, "pictures"))
_TEXT = {"read_id", "device_id", "device_kind", "camera_id", "lane", "plate", "plate_country", "label", "colour",
         "certificate"}  # fmt: skip
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
Tokens = Annotated[
    Path | None, typer.Option(help="File of hashed tokens; default: intake/tokens.json in the state folder.")
]
Device = Annotated[str, typer.Argument(help="Device id, as its records and the camera file name it.")]

intake_app = typer.Typer(
    help="Reads of edge ANPR cameras, radars, lidars and loops, and signals of controllers.",
    invoke_without_command=True,
)
token_app = typer.Typer(help="Who may send.", no_args_is_help=True)
intake_app.add_typer(token_app, name="token")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(intake_app, name="intake")


@intake_app.callback()
def serve(
    context: typer.Context,
    host: Annotated[
        str, typer.Option(help="Address; TLS is the proxy's in front, so keep it on loopback.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any free one.")] = 18090,
    tokens: Tokens = None,
    rate: Annotated[float, typer.Option(min=0.1, help="Records a second that one device may send.")] = 200.0,
) -> None:
    """Serve POST /v1/reads, POST /v1/signals and GET /v1/health until stopped."""
    if context.invoked_subcommand:
        return
    settings = get_settings()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    metrics.serve(settings.metrics_port)
    _serve(settings, host, port, _file(settings, tokens), rate)


def _serve(settings: Settings, host: str, port: int, tokens: TokenFile, rate: float) -> None:
    from aiohttp import web

    from waysight.intake.server import Intake, Limits

    codec, scenes = open_codec(settings), Scenes()
    cameras = Broadcast[CameraRecord](settings, codec, "cameras", scenes.apply)
    cameras.start()

    def remark(read: ExternalRead) -> str:
        cameras.check()
        if registered(scenes.scene(read.camera_id), read):
            return ""
        return (f"{read.device_kind} {read.device_id} is not registered at camera {read.camera_id}: "
                "stored, and used for nothing else")  # fmt: skip

    intake = Intake(
        Reception(Publisher(settings, codec, patience_s=10.0), EvidenceStore(settings.evidence)),
        tokens,
        remark,
        lambda: require_answer(settings),
        Limits(rate, 10 * rate),
    )
    if host not in _LOOPBACK:
        note(f"{host} is no loopback address: tokens travel in the clear unless a proxy in front speaks TLS")
    note(f"{len(tokens.grants())} devices may send; listening on {host}, port {port or 'any'}")
    try:
        web.run_app(intake.app(), host=host, port=port, print=note, access_log=None)
    except OSError as error:
        raise BadConfiguration(f"{host}:{port}: {error.strerror}; give another --host or --port") from error


@token_app.command("add")
def add_token(
    device: Device,
    kinds: Annotated[str, typer.Option(help=f"What it may send, comma-separated, of {', '.join(KINDS)}.")],
    place: Annotated[
        list[str] | None,
        typer.Option(help="Only this place: camera:<id>, junction:<id>, section:<id>; may be repeated."),
    ] = None,
    tokens: Tokens = None,
    json_: Json = False,
) -> None:
    """Make a device's token and print it, this once; an earlier token of the device ends."""
    settings = get_settings()
    wanted = tuple(k.strip() for k in kinds.split(",") if k.strip())
    places = tuple(place or ())
    faults = [
        p
        for p in places
        if p.partition(":")[0] not in ("camera", "junction", "section") or not p.partition(":")[2]
    ]
    if faults:
        raise BadConfiguration(f"place {faults[0]!r}: write camera:<id>, junction:<id> or section:<id>")
    if unknown := [k for k in wanted or ("",) if k not in KINDS]:
        raise BadConfiguration(f"--kinds {unknown[0]!r} is none of {', '.join(KINDS)}")
    detail = {"device": device, "kinds": wanted, "places": places}
    AuditLog(settings, open_codec(settings)).record("intake.token.add", "registration", "", detail)
    token = _file(settings, tokens).add(device, wanted, places, time.time_ns() // 1_000_000, acting(settings))
    if json_:
        print_json({**detail, "token": token})
    else:
        typer.echo(token)


@token_app.command("revoke")
def revoke_token(device: Device, tokens: Tokens = None, json_: Json = False) -> None:
    """End a device's token at once."""
    settings = get_settings()
    file = _file(settings, tokens)
    file.require(device)
    AuditLog(settings, open_codec(settings)).record(
        "intake.token.revoke", "registration", "", {"device": device}
    )
    file.revoke(device)
    if json_:
        print_json({"revoked": device})
    else:
        typer.echo(f"revoked the token of {device}")


@token_app.command("list")
def list_tokens(tokens: Tokens = None, json_: Json = False) -> None:
    """Show who may send what; tokens themselves are not kept."""
    grants = _file(get_settings(), tokens).grants()
    rows = [{"device": g.device_id, "kinds": g.kinds, "places": g.places, "added_ms": g.added_ms,
             "added_by": g.added_by} for g in grants]  # fmt: skip
    if json_:
        print_json(rows)
        return
    print_table(
        ("device", "kinds", "places", "added", "by"),
        ((g.device_id, ", ".join(g.kinds), ", ".join(g.places) or "anywhere", when(g.added_ms), g.added_by)
         for g in grants),
    )  # fmt: skip


@intake_app.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(help="NDJSON of reads, or CSV with " + ", ".join((*REQUIRED, *OPTIONAL)) + ".")
    ],
    json_: Json = False,
) -> None:
    """Publish a file of reads: all of them, or none when a line is wrong."""
    settings, now_ms = get_settings(), time.time_ns() // 1_000_000

    def taken_of(raw: Any) -> Taken:
        try:
            return read_of(raw, now_ms, oldest_ms=0)
        except Refused as error:
            raise BadConfiguration(str(error)) from error

    if file.suffix.lower() == ".csv":
        rows: Iterator[tuple[int, Any]] = ((n, _typed(r)) for n, r in read_rows(file, REQUIRED, OPTIONAL))
    else:
        rows = _lines(file)
    taken = convert_all(file, rows, taken_of, lambda t: f"read {t.id} of {t.device_id}")
    codec = open_codec(settings)
    detail = {"file": file.name, "sha256": sha256_of(file), "reads": len(taken)}
    AuditLog(settings, codec).record("intake.import", "import", "", detail, len(taken))
    receipt = Reception(Publisher(settings, codec), EvidenceStore(settings.evidence)).take(taken)
    counts = {"accepted": len(receipt.accepted), "refused": len(receipt.refused)}
    if json_:
        print_json({**counts, "reasons": [f"{t.id}: {error}" for t, error in receipt.refused]})
    else:
        typer.echo(f"{counts['accepted']} reads accepted, {counts['refused']} refused")
    if receipt.refused:
        raise typer.Exit(1)


def _file(settings: Settings, path: Path | None) -> TokenFile:
    return TokenFile(path or settings.state_dir / "intake" / "tokens.json")


def _typed(row: dict[str, str]) -> dict[str, Any]:
    """A line of CSV as JSON would have it; empty values are left out."""
    return {name: text if name in _TEXT else _number(text) for name, text in row.items() if text}


def _number(text: str) -> Any:
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError:
        return text


def _lines(file: Path) -> Iterator[tuple[int, Any]]:
    try:
        with file.open("rb") as handle:
            for number, line in enumerate(handle, 1):
                if line.strip():
                    yield number, msgspec.json.decode(line)
    except OSError as error:
        raise BadConfiguration(f"{file}: cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise BadConfiguration(f"{file}:{number}: no JSON: {error}; correct the line") from error

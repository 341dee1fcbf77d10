"""`waysight cameras import|list|check|calibrate|clock`: camera files onto the `cameras` topic, and what is in them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from waysight.adapters.audit import AuditLog
from waysight.adapters.kafka import Publisher, latest_by_key
from waysight.cameras.files import camera_of, load_cameras, section_of, to_records
from waysight.cameras.models import Camera, CameraFile
from waysight.cameras.picture import draw_configuration, first_picture
from waysight.commands.calibrate import calibrate, write_picture
from waysight.commands.clock_checks import clock_app
from waysight.commands.output import Json, note, open_codec, print_json, print_table
from waysight.digests import sha256_of
from waysight.errors import BadConfiguration, WaysightError
from waysight.settings import get_settings

cameras_app = typer.Typer(help="Cameras and sections.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(help="Camera file (YAML).")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    cameras_app.command("calibrate")(calibrate)
    cameras_app.add_typer(clock_app, name="clock")
    app.add_typer(cameras_app, name="cameras")


@cameras_app.command("import")
def import_command(
    file: File,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take cameras that the file lacks out of service.")
    ] = False,
    json_: Json = False,
) -> None:
    """Publish the file's cameras and sections; unchanged ones are left alone."""
    settings = get_settings()
    codec = open_codec(settings)
    wanted = {r.camera_id: r for r in to_records(load_cameras(file))}
    present = latest_by_key(settings, codec, "cameras")
    changed = [r for key, r in wanted.items() if key not in present or present[key] != r]
    gone = [r for key, r in present.items() if replace and key not in wanted and not r.deleted]
    counts = {"imported": len(changed), "unchanged": len(wanted) - len(changed), "removed": len(gone)}
    detail = {"file": file.name, "sha256": sha256_of(file), "ids": [r.camera_id for r in (*changed, *gone)]}
    AuditLog(settings, codec).record("cameras.import", "import", "", {**detail, **counts}, len(wanted))
    publisher = Publisher(settings, codec)
    for record in [*changed, *(dataclasses.replace(r, deleted=True) for r in gone)]:
        publisher.publish("cameras", record.camera_id, record)
    publisher.flush()
    if json_:
        print_json(counts)
    else:
        note(", ".join(f"{number} {word}" for word, number in counts.items()))


@cameras_app.command("list")
def list_command(json_: Json = False) -> None:
    """Show the cameras and sections in service."""
    settings = get_settings()
    records = [r for r in latest_by_key(settings, open_codec(settings), "cameras").values() if not r.deleted]
    rows: list[dict[str, Any]] = []
    for record in sorted(records, key=lambda r: (r.record_kind, r.camera_id)):
        model = camera_of(record) if record.record_kind == "camera" else section_of(record)
        row = model.model_dump(mode="json", exclude_none=True)
        rows.append({"kind": record.record_kind, "version": record.version, **row})
    if json_:
        print_json(rows)
        return
    columns = ("kind", "id", "country", "purposes", "source", "version")
    print_table(columns, ([_cell(row.get(c)) for c in columns] for row in rows))


@cameras_app.command("check")
def check_command(
    file: File,
    only: Annotated[str, typer.Option(help="Only this camera.")] = "",
    picture: Annotated[
        Path | None, typer.Option(help="Draw the configuration over the first picture (PNG).")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not open the sources.")] = False,
    json_: Json = False,
) -> None:
    """Read a camera file and open each source; exits 1 when a source cannot be used."""
    cameras = load_cameras(file)
    chosen = [c for c in cameras.cameras if not only or c.id == only]
    if not chosen:
        raise BadConfiguration(f"{file}: no camera {only}; it has {', '.join(c.id for c in cameras.cameras)}")
    rows = [_check(c, picture if len(chosen) == 1 else _beside(picture, c.id), offline) for c in chosen]
    if json_:
        print_json({"cameras": rows, "sections": [s.id for s in cameras.sections]})
    else:
        columns = ("id", "source", "picture", "calibration_error_px", "purposes", "problem")
        print_table(columns, ([_cell(row[c]) for c in columns] for row in rows), _title(cameras))
    if any(row["problem"] for row in rows):
        raise typer.Exit(1)


def _check(camera: Camera, picture_path: Path | None, offline: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": camera.id,
        "source": camera.public_source or "devices: " + ", ".join(d.id for d in camera.devices),
        "purposes": list(camera.purposes),
        "picture": None,
        "calibration_error_px": round(camera.calibration.solve().error_px, 2) if camera.calibration else None,
        "fines": "no certificate: violations without fines"
        if camera.certificate is None
        else "certificate on file",
        "problem": "",
    }
    if offline or not camera.source:
        return row
    try:
        picture = first_picture(camera)
    except WaysightError as error:
        return {**row, "problem": str(error)}
    height, width = picture.shape[:2]
    row["picture"] = [width, height]
    if camera.calibration and camera.calibration.image_size != (width, height):
        row["problem"] = (
            f"calibrated for {camera.calibration.image_size}, but the picture is {width}x{height}"
        )
    if picture_path:
        write_picture(picture_path, draw_configuration(camera, picture))
    return row


def _beside(picture: Path | None, camera_id: str) -> Path | None:
    return picture.with_stem(f"{picture.stem}-{camera_id}") if picture else None


def _title(cameras: CameraFile) -> str:
    return f"{len(cameras.cameras)} cameras, {len(cameras.sections)} sections"


def _cell(value: Any) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value

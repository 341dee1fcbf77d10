"""Camera files on disk and camera records on the `cameras` topic."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import yaml
from pydantic import ValidationError

from waysight.cameras.models import Camera, CameraFile, Section
from waysight.cameras.survey import Calibration
from waysight.errors import BadConfiguration, BadMessage
from waysight.messages import CameraRecord

T = TypeVar("T", Camera, Section)


def load_cameras(path: Path) -> CameraFile:
    """Read a camera file; sources become absolute paths. Raises BadConfiguration naming every fault."""
    raw = _with_ids(_mapping(path))
    try:
        file = CameraFile.model_validate(raw)
    except ValidationError as error:
        lines = [f"{path}: {_where(raw, e['loc'])}{_words(e)}" for e in _relevant(error)]
        raise BadConfiguration("\n".join(lines)) from error
    if problems := file.problems():
        raise BadConfiguration("\n".join(f"{path}: {p}" for p in problems))
    here = path.resolve().parent
    return file.model_copy(update={"cameras": tuple(_absolute(c, here) for c in file.cameras)})


def load_calibration(path: Path, camera_id: str = "") -> tuple[Calibration, Camera | None]:
    """A calibration alone, or that of a camera of a camera file (its only one, or the one named).

    Raises BadConfiguration naming every fault.
    """
    raw = _mapping(path)
    if "cameras" in raw:
        cameras = {c.id: c for c in load_cameras(path).cameras if not camera_id or c.id == camera_id}
        calibrated = {i: c for i, c in cameras.items() if c.calibration is not None}
        if len(calibrated) != 1:
            names = ", ".join(calibrated) or "none"
            raise BadConfiguration(
                f"{path}: {names} of its cameras has a calibration; name one with --camera"
            )
        camera = next(iter(calibrated.values()))
        assert camera.calibration is not None
        return camera.calibration, camera
    try:
        return Calibration.model_validate(raw.get("calibration", raw)), None
    except ValidationError as error:
        lines = [f"{path}: {_where(raw, e['loc'])}{_words(e)}" for e in error.errors()]
        raise BadConfiguration("\n".join(lines)) from error


def to_records(file: CameraFile) -> list[CameraRecord]:
    """The file as records of the `cameras` topic, without passwords of streams."""
    public = [c.model_copy(update={"source": c.public_source}) for c in file.cameras]
    return [*map(_record, public), *map(_record, file.sections)]


def camera_of(record: CameraRecord) -> Camera:
    """The camera of a record of kind camera; raises BadMessage when it is not one."""
    return _parse(record, Camera)


def section_of(record: CameraRecord) -> Section:
    """The section of a record of kind section; raises BadMessage when it is not one."""
    return _parse(record, Section)


def _mapping(path: Path) -> dict[str, Any]:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadConfiguration(
            f"{path}: cannot be read ({error.strerror}); give the path of a camera file"
        ) from error
    except UnicodeDecodeError as error:
        raise BadConfiguration(f"{path}: is not UTF-8 text: {error.reason} at byte {error.start}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise BadConfiguration(
            f"{where}: not valid YAML: {getattr(error, 'problem', error)}; correct it"
        ) from error
    if not isinstance(raw, dict):
        raise BadConfiguration(f"{path}: must be a mapping with `cameras:`; see docs/cameras.md")
    return raw


def _parse(record: CameraRecord, model: type[T]) -> T:
    if record.record_kind != model.__name__.lower():
        raise BadMessage(
            f"{record.camera_id} is a {record.record_kind}, not a {model.__name__.lower()}", "cameras"
        )
    try:
        return model.model_validate_json(record.config_json)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise BadMessage(f"{record.camera_id}: field {field}: {first['msg']}", "cameras") from error


def _record(model: Camera | Section) -> CameraRecord:
    text = model.model_dump_json(exclude_defaults=True)
    version = hashlib.sha256(text.encode()).hexdigest()[:16]
    kind: Literal["camera", "section"] = "camera" if isinstance(model, Camera) else "section"
    return CameraRecord(camera_id=model.id, record_kind=kind, config_json=text, version=version)


def _with_ids(raw: dict[str, Any]) -> dict[str, Any]:
    """Cameras without an id get one from their source's name."""
    cameras = raw.get("cameras")
    if not isinstance(cameras, list):
        return raw
    taken = {c.get("id") for c in cameras if isinstance(c, dict)}
    named = []
    for camera in cameras:
        if isinstance(camera, dict) and "id" not in camera and isinstance(camera.get("source"), str):
            base, number = _slug(camera["source"]), 1
            name = base
            while name in taken:
                number += 1
                name = f"{base}-{number}"
            taken.add(name)
            camera = {"id": name, **camera}
        named.append(camera)
    return {**raw, "cameras": named}


def _slug(source: str) -> str:
    parts = urlsplit(source)
    stem = Path(parts.path).stem if parts.path.strip("/") else (parts.hostname or "")
    return re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:60] or "camera"


def _absolute(camera: Camera, folder: Path) -> Camera:
    if camera.is_live or (path := camera.path) is None:
        return camera
    return camera.model_copy(update={"source": str(path if path.is_absolute() else folder / path)})


def _relevant(error: ValidationError) -> list[Any]:
    """Errors without the branch of `sampling` that was clearly not meant."""
    found = error.errors()
    meant_fps = any(
        "Fps" in map(str, e["loc"]) and e["type"] not in ("model_type", "model_attributes_type")
        for e in found
    )
    unmeant = "literal['keyframes']" if meant_fps else "Fps"
    found = [e for e in found if unmeant not in map(str, e["loc"])]
    # Where a camera is wrong, pydantic counts it as missing besides.
    return [e for e in found if len(e["loc"]) > 1 or e["type"] != "too_short" or not e["input"]] or found


def _where(raw: dict[str, Any], loc: tuple[int | str, ...]) -> str:
    parts = [p for p in loc if p not in ("Fps", "literal['keyframes']")]
    text = ""
    if len(parts) >= 2 and parts[0] in ("cameras", "sections") and isinstance(parts[1], int):
        item = raw[parts[0]][parts[1]]
        name = item.get("id") if isinstance(item, dict) else None
        text = f"{parts[0][:-1]} {name or f'number {parts[1] + 1}'}: "
        parts = parts[2:]
    return text + (f"field {'.'.join(map(str, parts))}: " if parts else "")


def _words(error: Any) -> str:
    """Pydantic's message in words that say what to do."""
    if error["type"] == "extra_forbidden":
        return "unknown field; remove it or correct its spelling"
    if error["type"] == "missing":
        return "is missing; add it"
    if error["type"] == "too_short" and not error["input"]:
        return "is empty; describe at least 1"
    message = str(error["msg"]).removeprefix("Value error, ")
    return message if isinstance(error["input"], dict | list) else f"{message} (is {error['input']!r})"

"""Evidence packages as folders and ZIP files: one package has one ZIP file, so that any altered byte shows."""

from __future__ import annotations

import io
import os
import shutil
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from waysight.errors import BadConfiguration


def write_package(package: Mapping[str, bytes], out: Path) -> Path:
    """Write a package as a folder, or as a ZIP file where `out` ends in .zip; it appears whole or not at all.

    Raises BadConfiguration where something is there already, or where it cannot be written.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise BadConfiguration(f"{out} is already there; evidence is not overwritten: name another place")
    place = out.resolve()
    part = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix == ".zip":
            part.write_bytes(_zipped(package))
            place.touch(exist_ok=False)  # another may have taken the name since
            part.replace(place)
        else:
            for path, data in package.items():
                (part / path).parent.mkdir(parents=True, exist_ok=True)
                (part / path).write_bytes(data)
            part.rename(place)  # takes the place of an empty folder only
    except OSError as error:
        raise BadConfiguration(f"{out} cannot be written: {error.strerror}; name another place") from error
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)
    return out


@dataclass(frozen=True, slots=True)
class Packed:
    """The files of a package by path, and what is wrong with the ZIP file that held them."""

    files: dict[str, bytes]
    faults: tuple[str, ...] = ()


def read_package(path: Path) -> Packed:
    """A package folder or ZIP file; raises BadConfiguration when it is neither."""
    try:
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.is_file())
            return Packed({p.relative_to(path).as_posix(): p.read_bytes() for p in found})
        raw = path.read_bytes()
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return _unzipped(archive, raw, path.name)
    except (OSError, zipfile.BadZipFile, RuntimeError, ValueError) as error:
        raise BadConfiguration(f"{path} is no evidence package (folder or ZIP): {error}") from error


def _unzipped(archive: zipfile.ZipFile, raw: bytes, name: str) -> Packed:
    package, faults = dict[str, bytes](), []
    for info in archive.infolist():
        try:
            package[info.filename] = archive.read(info)
        except (zipfile.BadZipFile, EOFError, zlib.error, RuntimeError, OSError) as error:
            faults.append(f"{info.filename} was altered: {error}")
    if not faults and _zipped(package) != raw:
        faults.append(f"{name}: the ZIP file around the evidence was altered")
    return Packed(package, tuple(faults))


def _zipped(package: Mapping[str, bytes]) -> bytes:
    """One package has one ZIP file: order, dates and modes are fixed, so that any other byte shows."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for path, data in sorted(package.items()):
            info = zipfile.ZipInfo(path)
            info.create_system, info.external_attr = 3, 0o600 << 16
            archive.writestr(info, data)
    return made.getvalue()

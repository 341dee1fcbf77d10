"""Labelled pictures on disk: plates beside photographs or as crops (CSV), objects as Pascal VOC or COCO.

Whatever is wrong in a file is a BadConfiguration that names the file and, where there is one, the line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from waysight.domain.plates import canonical
from waysight.errors import BadConfiguration

Xyxy = tuple[float, float, float, float]
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
FIELDS = "name<TAB>x<TAB>y<TAB>w<TAB>h<TAB>PLATE"


@dataclass(frozen=True, slots=True)
class LabelledPlate:
    """A plate that is on a picture: canonical text, and box xyxy in pixels (None: it fills the picture)."""

    text: str
    box: Xyxy | None


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """A picture and the plates on it; `group` is the folder or region that figures are given for."""

    path: Path
    group: str
    plates: tuple[LabelledPlate, ...]

    @property
    def is_crop(self) -> bool:
        """Whether the picture is one plate and nothing else."""
        return any(plate.box is None for plate in self.plates)


def photographs(folder: Path) -> list[LabelledPicture]:
    """Pictures with a text file of the same name beside them (OpenALPR benchmark format), by name; sub-folders too.

    A line of the text file: name, x, y, w, h (pixels), plate; tab separated, one line a plate. Where the folder
    has no such files but a CSV `name,region,PLATE`, its crops (see `crops`).
    """
    if not folder.is_dir():
        raise BadConfiguration(f"{folder} is no folder; name the folder that holds the pictures")
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURES):
        labels = path.with_suffix(".txt")
        if labels.is_file():
            group = str(path.parent.relative_to(folder)) if path.parent != folder else folder.resolve().name
            found.append(LabelledPicture(path, group, tuple(_plates_in(labels))))
    if found:
        return found
    tables = sorted(folder.glob("*.csv"))
    if len(tables) == 1:
        return crops(tables[0], folder)
    raise BadConfiguration(
        f"{folder} holds no picture with a text file of the same name ({FIELDS}), and not one CSV "
        "name,region,PLATE either"
    )


def crops(table: Path, folder: Path | None = None) -> list[LabelledPicture]:
    """Plate crops of a CSV `name,region,PLATE` (a heading may be there), names relative to `folder` or the CSV."""
    if not table.is_file():
        raise BadConfiguration(f"{table}: no such file; name a CSV of name,region,PLATE")
    folder = folder or table.parent
    found = []
    with table.open(newline="", encoding="utf-8-sig") as handle:
        for number, row in enumerate(csv.reader(handle), 1):
            fields = [field.strip() for field in row]
            if not any(fields) or (number == 1 and [f.lower() for f in fields[:2]] == ["name", "region"]):
                continue
            if len(fields) < 3 or not canonical(fields[2]):
                raise BadConfiguration(f"{table}:{number}: {','.join(row)!r} is not name,region,PLATE")
            path = folder / fields[0]
            if not path.is_file():
                raise BadConfiguration(f"{table}:{number}: there is no picture {path}; correct the name")
            plate = LabelledPlate(canonical(fields[2]), None)
            found.append(LabelledPicture(path, fields[1] or table.stem, (plate,)))
    if not found:
        raise BadConfiguration(f"{table} names no picture; expected lines name,region,PLATE")
    return sorted(found, key=lambda picture: (picture.group, picture.path))


def half(pictures: list[LabelledPicture], which: str) -> list[LabelledPicture]:
    """All pictures, or of every group those at even or odd places by name (0 is even)."""
    if which == "all":
        return pictures
    if which not in ("even", "odd"):
        raise BadConfiguration(f"--split {which!r} is none of all, even, odd")
    places: dict[str, int] = {}
    chosen = []
    for picture in pictures:
        place = places[picture.group] = places.get(picture.group, -1) + 1
        if place % 2 == (which == "odd"):
            chosen.append(picture)
    return chosen


def _plates_in(labels: Path) -> Iterator[LabelledPlate]:
    for number, line in enumerate(labels.read_text(encoding="utf-8-sig").splitlines(), 1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split("\t")]
        if len(fields) < 6:
            raise BadConfiguration(f"{labels}:{number}: {line!r} is not {FIELDS}")
        try:
            x, y, width, height = (float(field) for field in fields[1:5])
        except ValueError:
            raise BadConfiguration(
                f"{labels}:{number}: x, y, w, h must be numbers of pixels: {line!r}"
            ) from None
        if width <= 0 or height <= 0:
            raise BadConfiguration(f"{labels}:{number}: width and height must be above 0: {line!r}")
        text = canonical(fields[5])
        if not text:
            raise BadConfiguration(f"{labels}:{number}: no plate text in {line!r}")
        yield LabelledPlate(text, (x, y, x + width, y + height))

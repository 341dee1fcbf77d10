"""Pictures with labelled objects: Pascal VOC files beside them, or one COCO file."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from waysight.errors import BadConfiguration
from waysight.evaluation.formats import PICTURES, Xyxy
from waysight.triton_models.vision.objects import label_of


@dataclass(frozen=True, slots=True)
class LabelledObject:
    """An object: the data set's name for it, our label ("": we have none), box xyxy in pixels.

    `ignored`: marked difficult or as a crowd; finding it counts neither for nor against.
    """

    name: str
    label: str
    box: Xyxy
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture and everything labelled on it."""

    path: Path
    objects: tuple[LabelledObject, ...]


def voc(folder: Path) -> list[Scene]:
    """Pictures with a Pascal VOC file (.xml) of the same name beside them, by name; sub-folders too."""
    if not folder.is_dir():
        raise BadConfiguration(
            f"{folder} is no folder; name the folder with the pictures and their .xml files"
        )
    pictures = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURES)
    found = [
        Scene(p, _voc_objects(p.with_suffix(".xml"))) for p in pictures if p.with_suffix(".xml").is_file()
    ]
    if not found:
        raise BadConfiguration(f"{folder} holds no picture with a Pascal VOC file (.xml) of the same name")
    return found


def coco(file: Path, images: Path | None = None) -> list[Scene]:
    """The pictures of a COCO file, by name; file names are relative to `images`, or to the file's folder."""
    if not file.is_file():
        raise BadConfiguration(f"{file}: no such file; name a COCO annotation file (JSON)")
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        names = {entry["id"]: str(entry["name"]) for entry in document["categories"]}
        paths = {entry["id"]: (images or file.parent) / entry["file_name"] for entry in document["images"]}
        objects: dict[Any, list[LabelledObject]] = {key: [] for key in paths}
        for number, entry in enumerate(document["annotations"]):
            where = f"annotations[{number}]"
            x, y, width, height = (float(value) for value in entry["bbox"])
            name = names[entry["category_id"]]
            box = (x, y, x + width, y + height)
            thing = LabelledObject(name, label_of(name), box, bool(entry.get("iscrowd", 0)))
            objects[entry["image_id"]].append(thing)
    except json.JSONDecodeError as error:
        raise BadConfiguration(f"{file}:{error.lineno}: not JSON: {error.msg}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise BadConfiguration(
            f"{file}: {locals().get('where', 'categories or images')}: {error!r}; expected COCO's keys"
        ) from error
    missing = [str(path) for path in paths.values() if not path.is_file()]
    if missing:
        raise BadConfiguration(f"{file} names {len(missing)} pictures that are not there, e.g. {missing[0]}")
    return sorted((Scene(paths[key], tuple(found)) for key, found in objects.items()), key=lambda s: s.path)


def matching(scenes: Iterable[Scene], pattern: str, which: str) -> list[Scene]:
    """Scenes whose file name fits a shell pattern, all of them or those at even or odd places (0 is even)."""
    if which not in ("all", "even", "odd"):
        raise BadConfiguration(f"--split {which!r} is none of all, even, odd")
    chosen = [scene for scene in scenes if scene.path.match(pattern)]
    chosen = chosen if which == "all" else chosen[which == "odd" :: 2]
    if not chosen:
        raise BadConfiguration(f"no picture's name fits {pattern!r} in the half {which!r}")
    return chosen


def mapping(scenes: Iterable[Scene]) -> dict[str, dict[str, Any]]:
    """How the data set's names became our labels: name -> label ("" left out) and how many."""
    names = Counter((thing.name, thing.label) for scene in scenes for thing in scene.objects)
    return {name: {"label": label, "objects": count} for (name, label), count in sorted(names.items())}


def _voc_objects(file: Path) -> tuple[LabelledObject, ...]:
    try:
        root = ET.parse(file).getroot()
    except ET.ParseError as error:
        raise BadConfiguration(f"{file}:{error.position[0]}: not XML: {error}") from error
    found = []
    for number, entry in enumerate(root.iter("object"), 1):
        name = (entry.findtext("name") or "").strip()
        try:
            edges = [
                float(entry.findtext(f"bndbox/{edge}") or "") for edge in ("xmin", "ymin", "xmax", "ymax")
            ]
        except ValueError:
            raise BadConfiguration(
                f"{file}: object {number} ({name}) has no bndbox of four numbers"
            ) from None
        if not name or edges[2] <= edges[0] or edges[3] <= edges[1]:
            raise BadConfiguration(f"{file}: object {number} has no name or an empty box: {name!r} {edges}")
        difficult = (entry.findtext("difficult") or "0").strip() == "1"
        found.append(
            LabelledObject(name, label_of(name), (edges[0], edges[1], edges[2], edges[3]), difficult)
        )
    return tuple(found)

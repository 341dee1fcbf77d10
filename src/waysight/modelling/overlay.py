"""Models that a user put in place of ours: a record of them, and their files laid over the repository.

The folder (setting `models_dir`) holds `in-force.yaml`, one folder of files per model put in place, and
`history.jsonl`, one line for each change: when, who, which weights.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from waysight.digests import sha256_of_folder
from waysight.errors import BadConfiguration

FILE, HISTORY = "in-force.yaml", "history.jsonl"
WEIGHTS, DESCRIPTION = "1/model.onnx", "1/detector.json"
CODE = "model.py"


class Replacement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What took a model's place; `sha256` is of the weights, `files` of the whole folder; `used_ms` UTC epoch ms."""

    kind: str
    folder: str
    sha256: str
    files: str
    licence: str
    source: str
    trained_on: str
    used_ms: int
    used_by: str
    input: str
    output: str


def read_overlay(folder: Path) -> dict[str, Replacement]:
    """Replacements by model name, empty when there are none; raises BadConfiguration for a damaged record."""
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        return msgspec.convert(raw, dict[str, Replacement])
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise BadConfiguration(
            f"{path}: {error}; mend it, or delete it to go back to our own models"
        ) from error


def write_overlay(folder: Path, entries: Mapping[str, Replacement]) -> None:
    """Replace the record in one step."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f"{FILE}.new"
    fresh.write_text(
        "# Written by `waysight models use`.\n"
        + yaml.safe_dump(msgspec.to_builtins(dict(entries)), sort_keys=True, allow_unicode=True),
        encoding="utf-8",
    )
    fresh.replace(folder / FILE)


def note_change(folder: Path, change: Mapping[str, Any]) -> None:
    """Append one line to the history."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / HISTORY).open("a", encoding="utf-8") as handle:
        handle.write(json.dumps(dict(change), ensure_ascii=False, sort_keys=True) + "\n")


def build_repository(source: Path, folder: Path, target: Path) -> None:
    """Copy the shipped repository to `target` and lay the replacements of `folder` over it.

    A snapshot: an edited model takes effect at the next start, never in the middle of one. Raises
    BadConfiguration when a replacement's files are missing or were changed since they were put in place.
    """
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    for name, entry in read_overlay(folder).items():
        lay_over(folder, name, entry, target)


def build_model(source: Path, folder: Path, target: Path, name: str) -> None:
    """The same for one folder of a repository that is being served."""
    fresh = target.parent / f"{target.name}.{name}"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(source / name, fresh / name, ignore=shutil.ignore_patterns("__pycache__"))
    entry = read_overlay(folder).get(name)
    if entry is not None:
        lay_over(folder, name, entry, fresh)
    shutil.rmtree(target / name, ignore_errors=True)
    (fresh / name).replace(target / name)
    fresh.rmdir()


def lay_over(folder: Path, name: str, entry: Replacement, target: Path) -> None:
    """Put a replacement's files over the model's own in `target`."""
    files = folder / entry.folder
    if not (target / name).is_dir():
        raise BadConfiguration(f"{folder / FILE}: there is no model {name!r}; delete its entry")
    found = sha256_of_folder(files)
    if found != entry.files:
        raise BadConfiguration(
            f"{files} is not what was put in place for {name} (sha256 of its files {found[:12]}, recorded "
            f"{entry.files[:12]}); repeat `waysight models use {name} FILE`, or `waysight models use {name} own`"
        )
    for data in (target / name / "1").iterdir():
        if data.is_file() and data.name != CODE:
            data.unlink()  # a description or a calibration belongs to the weights that it was made for
    shutil.copytree(files, target / name, dirs_exist_ok=True)

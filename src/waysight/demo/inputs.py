"""What a demo works on: the rendered city with its truth, or a person's own footage or cameras."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from waysight.adapters.video import open_file
from waysight.cameras.files import load_cameras
from waysight.errors import BadConfiguration, BadMessage
from waysight.settings import Settings
from waysight.simulate.papers import HOTLIST_COLUMNS, hotlist_large, write_rows
from waysight.simulate.render import DEMO_START_MS, Order, render

LIST_ENTRIES = 100_000
LEAST_FPS, MOST_FPS = 5.0, 60.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Inputs:
    """Files of one run; None where there is none. `revoked` lists entries that are revoked before the cameras start."""

    cameras: Path
    hotlists: tuple[Path, ...] = ()
    vehicles: Path | None = None
    signals: Path | None = None
    truth: Path | None = None
    revoked: Path | None = None


def city(settings: Settings, seed: int, seconds: float, work: Path) -> Inputs:
    """The simulated city, rendered once and cached, with a hotlist filled up to 100,000 plates."""
    folder = settings.cache_dir.expanduser() / "city" / f"seed-{seed}-{seconds:g}s"
    columns = (TextColumn("rendering the city"), BarColumn(), TextColumn("{task.completed}/{task.total} frames"),
               TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task("city", total=None)
        render(
            Order(seed, seconds, DEMO_START_MS), folder, lambda n, of: bar.update(task, completed=n, total=of)
        )
    wanted, truth = folder / "hotlist.csv", folder / "truth.json"
    with wanted.open(newline="") as handle:
        listed = [row["plate"] for row in csv.DictReader(handle)]
    driving = {p["plate"] for p in json.loads(truth.read_text())["passes"]}
    filler = work / "hotlist-large.csv"
    innocent = hotlist_large(LIST_ENTRIES - len(listed), seed, DEMO_START_MS, {*listed, *driving})
    write_rows(filler, HOTLIST_COLUMNS, innocent)
    return Inputs(folder / "cameras.yaml", (wanted, filler), folder / "vehicles.csv", folder / "signals.jsonl", truth,
                  folder / "revoked.csv")  # fmt: skip


def footage(path: Path, fps: float, work: Path) -> Inputs:
    """One camera that looks at a person's own video; raises BadConfiguration when there is no such file."""
    if not path.is_file():
        raise BadConfiguration(f"--footage {path}: there is no such file")
    if not LEAST_FPS <= fps <= MOST_FPS:
        raise BadConfiguration(
            f"--fps {fps:g}: at least {LEAST_FPS:g}, so that a passing vehicle is seen often enough, "
            f"and at most {MOST_FPS:g}"
        )
    start = datetime.fromtimestamp(int(path.stat().st_mtime), UTC)
    camera = {"id": "footage", "name": path.name, "source": str(path.resolve()), "sampling": {"fps": fps},
              "start": start.isoformat(), "purposes": ["hotlist", "count"]}  # fmt: skip
    cameras = work / "cameras.yaml"
    cameras.write_text(yaml.safe_dump({"version": 1, "cameras": [camera]}, sort_keys=False))
    return Inputs(cameras)


def require_sense(
    footage: Path | None, cameras: Path | None, hotlist: Path | None, vehicles: Path | None
) -> None:
    """Raise BadConfiguration for options that exclude each other, or a list that is not there."""
    if footage and cameras:
        raise BadConfiguration("--footage and --cameras exclude each other; give one of them")
    for option, path in (("--hotlist", hotlist), ("--vehicles", vehicles)):
        if path and not (footage or cameras):
            raise BadConfiguration(f"{option} needs --footage or --cameras: the simulated city has its own")
        if path and not path.is_file():
            raise BadConfiguration(f"{option} {path}: there is no such file")


def unusable_sources(path: Path) -> list[str]:
    """Why files of a camera file cannot be played, one line each; raises BadConfiguration when nothing can."""
    faults, cameras = [], load_cameras(path).cameras
    for camera in cameras:
        if camera.path is not None:
            try:
                with open_file(camera.path, camera.frame_rate):
                    continue
            except BadMessage as error:
                faults.append(f"camera {camera.id}: {error.reason}")
    if len(faults) == len(cameras):
        raise BadConfiguration("nothing to play; give another video: " + "\n".join(faults))
    return faults

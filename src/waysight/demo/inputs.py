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

from waysight.errors import BadConfiguration
from waysight.settings import Settings
from waysight.simulate.papers import HOTLIST_COLUMNS, hotlist_large, write_rows
from waysight.simulate.render import DEMO_START_MS, Order, render

LIST_ENTRIES = 100_000
LEAST_FPS = 5.0
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
    if fps < LEAST_FPS:
        raise BadConfiguration(
            f"--fps {fps:g}: at least {LEAST_FPS:g}, so that a passing vehicle is seen often enough"
        )
    start = datetime.fromtimestamp(int(path.stat().st_mtime), UTC)
    camera = {"id": "footage", "name": path.name, "source": str(path.resolve()), "sampling": {"fps": fps},
              "start": start.isoformat(), "purposes": ["hotlist", "count"]}  # fmt: skip
    cameras = work / "cameras.yaml"
    cameras.write_text(yaml.safe_dump({"version": 1, "cameras": [camera]}, sort_keys=False))
    return Inputs(cameras)

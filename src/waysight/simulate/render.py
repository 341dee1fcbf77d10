"""Renders the whole city to a folder: clips in parallel processes, papers, truth; cached by content of the code."""

import hashlib
import json
import multiprocessing
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import cv2

from waysight.errors import BadConfiguration
from waysight.simulate.busy import build_busy_city, busy_sites
from waysight.simulate.city import City, build_city
from waysight.simulate.film import write_clip
from waysight.simulate.papers import write_papers
from waysight.simulate.sites import all_sites
from waysight.simulate.truth import make_truth

DEMO_START_MS = 1_794_805_200_000  # 2026-11-16T05:00:00Z: noon of a Monday in Kazakhstan
PAPERS = ("cameras.yaml", "signals.jsonl", "hotlist.csv", "revoked.csv", "vehicles.csv", "truth.json")
STATE = "render.json"
_done: Any = None


@dataclass(frozen=True)
class Order:
    """What to render: the same order gives the same files."""

    seed: int = 7
    seconds: float = 60.0
    start_ms: int = DEMO_START_MS
    busy: bool = False

    def build(self) -> City:
        """The city that is filmed."""
        make = build_busy_city if self.busy else build_city
        return make(self.seed, self.seconds, self.start_ms)

    def clip_names(self) -> list[str]:
        """File names of its clips."""
        return [f"{site.camera_id}.mp4" for site in (busy_sites() if self.busy else all_sites())]

    def key(self) -> str:
        """Hash of the order and of the code and designs that carry it out."""
        digest = hashlib.sha256(repr(self).encode())
        for folder in ("", "designs"):
            home = resources.files("waysight.simulate").joinpath(folder)
            for item in sorted(home.iterdir(), key=lambda item: item.name):
                if item.name.endswith((".py", ".yaml")):
                    digest.update(item.name.encode() + item.read_bytes())
        return digest.hexdigest()


def is_complete(order: Order, folder: Path) -> bool:
    """Whether the folder already holds everything this order would make."""
    state = _state(folder)
    made = all((folder / name).is_file() for name in (*PAPERS, *order.clip_names()))
    return made and state["key"] == order.key() and set(state["clips"]) == set(order.clip_names())


def _state(folder: Path) -> dict[str, Any]:
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        return {"key": str(state["key"]), "clips": [str(name) for name in state["clips"]]}
    except (OSError, ValueError, KeyError, TypeError):
        return {"key": "", "clips": []}


def _share(counters: Any) -> None:
    global _done
    _done = counters
    cv2.setNumThreads(1)


def _film(city: City, number: int, folder: str) -> str:
    site = city.sites[number]
    name = f"{site.camera_id}.mp4"

    def report(frames: int) -> None:
        _done[number] = frames

    write_clip(city, site, Path(folder) / name, report)
    return name


def render(order: Order, folder: Path, progress: Callable[[int, int], None], processes: int = 2) -> bool:
    """Makes the folder's clips, papers and truth; False when everything was there already.

    `progress` gets (frames done, frames in all) about once a second. An interrupted render keeps its finished
    clips. Raises BadConfiguration when the folder cannot be written.
    """
    if is_complete(order, folder):
        return False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        state = _state(folder)
        if state["key"] != order.key():
            state = {"key": order.key(), "clips": []}
        _keep(folder, state)
        city = _write_papers(order, folder)
    except OSError as error:
        raise BadConfiguration(f"cannot write the simulator's output to {folder}: {error}") from error
    sites = city.sites
    have = [name for name in state["clips"] if (folder / name).is_file()]
    todo = [i for i, site in enumerate(sites) if f"{site.camera_id}.mp4" not in have]
    todo.sort(key=lambda i: -sites[i].view.width_px * len(sites[i].lanes_m))
    context = multiprocessing.get_context("spawn")
    counters = context.Array("i", len(sites))
    frames = sum(round(order.seconds * city.fps(sites[i])) for i in todo)
    with ProcessPoolExecutor(processes, context, _share, (counters,)) as pool:
        waiting: set[Future[str]] = {pool.submit(_film, city, i, str(folder)) for i in todo}
        while waiting:
            finished, waiting = wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED)
            for future in finished:
                state["clips"] = sorted({*state["clips"], future.result()})
                _keep(folder, state)
            progress(sum(counters[i] for i in todo), frames)
    return True


def _keep(folder: Path, state: dict[str, Any]) -> None:
    (folder / STATE).write_text(json.dumps(state) + "\n", encoding="utf-8")


def _write_papers(order: Order, folder: Path) -> City:
    city = order.build()
    write_papers(city, folder)
    (folder / "truth.json").write_text(json.dumps(make_truth(city), indent=1) + "\n", encoding="utf-8")
    return city

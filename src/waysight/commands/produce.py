"""`waysight produce`: the cameras of a file, and the signals beside them, onto Kafka."""

from __future__ import annotations

import fcntl
import logging
import signal
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from waysight import metrics
from waysight.adapters.acknowledged import Notes, last_acknowledged
from waysight.adapters.record_sink import RecordSink
from waysight.cameras.files import load_cameras
from waysight.cameras.models import Camera
from waysight.capture.lanes import Lane, Pace
from waysight.capture.production import Production
from waysight.commands.output import Json, note, open_codec, print_json
from waysight.errors import BadConfiguration
from waysight.producers.file import FileLane, file_lane
from waysight.producers.rtsp import RtspLane
from waysight.producers.signals import SignalLane, signal_lanes
from waysight.settings import Settings, get_settings

PROGRESS_S = 1.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("produce")(produce)


def produce(
    cameras: Annotated[Path, typer.Option(help="Camera file (YAML).")],
    only: Annotated[list[str] | None, typer.Option(help="Only this camera; may be repeated.")] = None,
    signals: Annotated[Path | None, typer.Option(help="Signal states (JSON lines).")] = None,
    speed: Annotated[
        float | None, typer.Option(min=0.01, help="Recordings at this multiple of real time.")
    ] = None,
    realtime: Annotated[
        bool, typer.Option("--realtime", help="Recordings at the speed of real time.")
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="Play looping files once; leave a live stream at its end.")
    ] = False,
    run: Annotated[str, typer.Option(help="A new name sends recordings again, as new epochs.")] = "",
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 when a recording was missing or damaged.")
    ] = False,
    json_: Json = False,
) -> None:
    """Send the cameras' frames; recordings resume after the last record that Kafka acknowledged.

    Recordings go as fast as Kafka takes them, merged by capture time, unless --speed or --realtime paces them.
    """
    settings = get_settings()
    chosen = choose(load_cameras(cameras).cameras, only or [], cameras)
    metrics.serve(settings.metrics_port)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s")
    for chatty in ("httpx", "httpx2"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    lanes: list[Lane] = [
        RtspLane(c, once) if c.is_live else file_lane(c, settings.state_dir, run, once) for c in chosen
    ]
    junctions = signal_lanes(signals, run) if signals else []
    with ExitStack() as stack:
        lock_all(stack, settings.state_dir, [*(c.id for c in chosen), *(j.key for j in junctions)])
        notes = Notes(settings.state_dir / "producers")
        resume(settings, notes, lanes, junctions)
        pace = Pace(1.0 if realtime else speed)
        sink = RecordSink(settings, open_codec(settings))
        quarantine = settings.state_dir / "quarantine"
        production = Production(lanes, junctions, sink, notes, pace, quarantine)
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: production.stop())
        watched(production, quiet=json_)
    summary = summary_of(production)
    if json_:
        print_json(summary)
    else:
        for camera_id, row in summary["cameras"].items():
            note(
                f"{camera_id}: {row['frames']} frames, {row['dropped']} dropped, {row['state']} {row['failure']}"
            )
    if strict and any(lane.tally.failure for lane in lanes):
        raise typer.Exit(1)


def choose(cameras: tuple[Camera, ...], only: list[str], path: Path) -> list[Camera]:
    """The cameras asked for; raises BadConfiguration for an id that the file does not have."""
    known = {c.id for c in cameras}
    if wrong := [name for name in only if name not in known]:
        raise BadConfiguration(f"{path}: no camera {', '.join(wrong)}; it has {', '.join(sorted(known))}")
    chosen = [c for c in cameras if c.source and (not only or c.id in only)]
    if not chosen:
        raise BadConfiguration(
            f"{path}: no camera with a source of pictures; devices send to `waysight intake`"
        )
    return chosen


def lock_all(stack: ExitStack, state_dir: Path, names: list[str]) -> None:
    """Hold one lock a source, so that two programs never number the same stream; raises BadConfiguration."""
    folder = state_dir / "producers"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        handle = stack.enter_context((folder / f"{name.replace(':', '-')}.lock").open("w"))
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BadConfiguration(
                f"{name} is already being produced by another program; end that one first"
            ) from None


def resume(settings: Settings, notes: Notes, lanes: list[Lane], junctions: list[SignalLane]) -> None:
    """Tell each recording what its topic already has."""
    files = {lane.camera.id: lane for lane in lanes if isinstance(lane, FileLane)}
    if files:
        found = last_acknowledged(settings, "frames", {k: lane.epoch for k, lane in files.items()}, notes)
        for key, position in found.items():
            files[key].resume = position
    if junctions:
        found = last_acknowledged(settings, "signals", {j.key: j.epoch for j in junctions}, notes)
        for junction in junctions:
            junction.sent = found[junction.key].seq if junction.key in found else -1


def watched(production: Production, quiet: bool) -> None:
    """Run with a progress line on a terminal."""
    over = threading.Event()

    def show() -> None:
        while not over.wait(PROGRESS_S):
            tallies = [lane.tally for lane in production.lanes]
            done = sum(lane.finished for lane in production.lanes)
            sys.stderr.write(
                f"\r{len(tallies)} cameras ({done} finished) · {sum(t.frames for t in tallies)} frames · "
                f"{sum(t.payload_bytes for t in tallies) / 1e6:.1f} MB · {sum(t.dropped for t in tallies)} dropped  "
            )
            sys.stderr.flush()

    shower = threading.Thread(target=show, daemon=True)
    if sys.stderr.isatty() and not quiet:
        shower.start()
    try:
        production.run()
    finally:
        over.set()


def summary_of(production: Production) -> dict[str, Any]:
    """What was sent, per camera and for signals."""
    cameras = {lane.camera.id: {"epoch": lane.epoch, **asdict(lane.tally)} for lane in production.lanes}
    return {"cameras": cameras, "signals": production.signals_sent, "finished_s": round(time.time(), 3)}

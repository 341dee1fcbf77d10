"""The demonstration: a stack started clean, a city (or a person's footage) played through it, and what came out."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from waysight.adapters.clickhouse import ClickHouse, connect
from waysight.adapters.evidence import EvidenceStore
from waysight.adapters.kafka_admin import apply_topics
from waysight.cameras.files import load_cameras
from waysight.commands import cameras, migrate, vehicles, watchlist
from waysight.commands.output import open_codec
from waysight.demo import inputs, results, stage
from waysight.demo.live import LATENCY, patiently, wait_until_drained
from waysight.demo.officer import review_all
from waysight.demo.sheet import contact_sheet
from waysight.settings import Settings, using


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: `footage` or `cameras` replace the simulated city; `seconds` is the clips' length,
    and for live cameras how long they are watched."""

    seed: int = 7
    seconds: float = 60.0
    footage: Path | None = None
    fps: float = 5.0
    cameras: Path | None = None
    hotlist: Path | None = None
    vehicles: Path | None = None
    keep: bool = False
    limit_s: float = 1200.0


def run(base: Settings, wanted: Wanted, console: Console) -> dict[str, Any]:
    """Do it all and return the summary, which is also written to out_dir/demo/summary.json."""
    started, out = time.monotonic(), base.out_dir / "demo"
    inputs.require_sense(wanted.footage, wanted.cameras, wanted.hotlist, wanted.vehicles)

    def say(line: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:6.1f} s[/]  {line}", highlight=False, soft_wrap=True)

    with stage.alone(base), tempfile.TemporaryDirectory(prefix="waysight-demo-") as folder:
        given = _inputs(base, wanted, Path(folder))
        for line in inputs.unusable_sources(given.cameras):
            say(line)
        shutil.rmtree(out, ignore_errors=True)  # only now: a mistyped path must not cost the last results
        out.mkdir(parents=True)
        settings = stage.demo_settings(base)
        with stage.stack(settings, say, wanted.keep), using(settings):
            summary = _play(settings, wanted, given, out, console, say)
    summary["seconds"] = round(time.monotonic() - started, 1)
    (out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    if wanted.keep:
        _print_where_to_look(base, settings, say)
    return summary


def _inputs(base: Settings, wanted: Wanted, work: Path) -> inputs.Inputs:
    if wanted.footage is not None:
        given = inputs.footage(wanted.footage, wanted.fps, work)
    elif wanted.cameras is not None:
        given = inputs.Inputs(wanted.cameras)
    else:
        return inputs.city(base, wanted.seed, wanted.seconds, work)
    hotlists = (wanted.hotlist,) if wanted.hotlist else ()
    return inputs.Inputs(given.cameras, hotlists, wanted.vehicles)


def _play(
    settings: Settings,
    wanted: Wanted,
    given: inputs.Inputs,
    out: Path,
    console: Console,
    say: Callable[[str], None],
) -> dict[str, Any]:
    apply_topics(settings)
    results.quiet(migrate.run)
    register(given)
    say("registers imported; starting the processors")
    stage.start_workers(settings)
    clickhouse, codec = connect(settings), open_codec(settings)
    extra = ["--once", *(["--signals", str(given.signals.resolve())] if given.signals else [])]
    stage.start_producer(settings, given.cameras, extra)
    say("cameras are running")
    wait_until_drained(settings, clickhouse, _sent(settings, wanted), console, wanted.limit_s)
    say("everything seen is stored; the officer reviews")
    patiently(lambda: review_all(settings, clickhouse, codec, say))
    wait_until_drained(settings, clickhouse, lambda: True, console, wanted.limit_s)
    summary = patiently(lambda: _summary(clickhouse))
    patiently(lambda: results.exports(out))
    if given.truth is not None:
        shutil.copy(given.truth, out / "truth.json")
        summary |= results.score(out, given.truth)
        judged = patiently(
            lambda: results.accuracy_page(clickhouse, out / "truth.json", out / "accuracy.html")
        )
        summary["wrong_fines"] = judged["wrong_fines"]
    store = EvidenceStore(settings.evidence)
    shown = patiently(lambda: contact_sheet(clickhouse, store, out / "contact-sheet.png"))
    made = patiently(lambda: results.papers(clickhouse, out))
    say(f"written to {out}: summary.json, exports/, contact-sheet.png ({shown} sightings), {', '.join(made)}")
    return summary


def register(given: inputs.Inputs) -> None:
    """Import the cameras and the lists of a run, and revoke what is to be revoked before it."""
    results.quiet(partial(cameras.import_command, given.cameras))
    if given.vehicles is not None:
        results.quiet(partial(vehicles.import_file, given.vehicles))
    for hotlist in given.hotlists:
        results.quiet(partial(watchlist.import_file, hotlist))
    if given.revoked is not None:
        results.quiet(partial(watchlist.revoke, None, given.revoked))


def _sent(settings: Settings, wanted: Wanted) -> Callable[[], bool]:
    deadline = time.monotonic() + wanted.seconds
    live = wanted.cameras is not None and any(c.is_live for c in load_cameras(wanted.cameras).cameras)

    def sent() -> bool:
        if stage.producer_finished(settings):
            return True
        if live and time.monotonic() > deadline:  # recordings end by themselves
            stage.stop_producer(settings)
            return True
        return False

    return sent


def _summary(clickhouse: ClickHouse) -> dict[str, Any]:
    sightings = clickhouse.rows(
        "SELECT camera_id, label, count() AS n FROM sightings_current WHERE final GROUP BY camera_id, label "
        "ORDER BY camera_id, label"
    )
    plates = clickhouse.rows(
        "SELECT plate, camera_id, max(plate_confidence) AS confidence, min(first_ms) AS first_ms "
        "FROM sightings_current WHERE final AND plate != '' GROUP BY plate, camera_id ORDER BY first_ms, plate"
    )
    cameras = clickhouse.rows(
        "SELECT camera_id, arrayDistinct(groupArray(state)) AS states, argMax(detail, at_ms) AS detail, "
        "max(frames_sent) AS frames, max(frames_dropped) AS dropped "
        "FROM (SELECT * FROM camera_health_current ORDER BY at_ms) GROUP BY camera_id ORDER BY camera_id"
    )
    latency = clickhouse.rows(LATENCY)[0]
    reviews = clickhouse.rows(
        "SELECT decision, toString(reason) AS reason, count() AS n FROM reviews_current "
        "GROUP BY decision, reason ORDER BY n DESC, reason"
    )
    totals = {
        n: clickhouse.rows(f"SELECT count() AS n FROM {n}_current")[0]["n"]
        for n in ("alerts", "violations", "fines", "dead_letters")
    }
    return {
        "cameras": cameras,
        "sightings": sightings,
        "plates_read": [{**row, "confidence": round(row["confidence"], 3)} for row in plates],
        "stored": totals,
        "reviews": {
            "accepted": sum(r["n"] for r in reviews if r["decision"] == "accepted"),
            "all": sum(r["n"] for r in reviews),
            "rejected_because": {r["reason"]: r["n"] for r in reviews if r["decision"] == "rejected"},
        },
        "latency_ms": {k: round(latency[k]) for k in ("p50", "p99")} if latency["n"] else None,
    }


def _print_where_to_look(base: Settings, settings: Settings, say: Callable[[str], None]) -> None:
    state = settings.state_dir.resolve()
    password = state / "clickhouse" / "password"
    # Whoever goes on needs the ports as well where the usual ones were taken.
    moved = [name for name in stage.PORTS if getattr(settings, name) != getattr(base, name)]
    told = [f"WAYSIGHT_{name.upper()}={getattr(settings, name)}" for name in moved]
    say(f"the stack stays up: export {' '.join([f'WAYSIGHT_STATE_DIR={state}', *told])}")
    say(f"Kafka {settings.bootstrap} · registry {settings.registry}")
    say(
        f"ClickHouse http://127.0.0.1:{settings.clickhouse_port} user {settings.clickhouse_user}, password in {password}"
    )
    say("end it with `waysight down` under that environment")

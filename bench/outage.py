"""python -m bench.outage [--away-s 300] [--rate 100] [--slow-s 10]: what storage loses, needs and catches up when ClickHouse is away.

A simulated town's sightings come at a steady rate; workers match, enforce and count; another stores. ClickHouse is
taken away for `--away-s`; with `--slow-s` it is there, but each of its answers takes so long. Writes
out/bench/outage.json: ids in Kafka and rows stored, alerts published meanwhile, the storing worker's memory (MiB)
and CPU-seconds, how long it took to catch up, and how often a worker ended.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psutil

from bench.stack import save
from waysight.adapters.clickhouse import connect
from waysight.adapters.kafka import Publisher, read_all
from waysight.adapters.kafka_admin import apply_topics
from waysight.adapters.registry import ConfluentRegistry
from waysight.cameras.files import to_records
from waysight.cameras.models import CameraFile
from waysight.codec import Codec
from waysight.evaluation.feed import Feed
from waysight.local import control, ports, spec
from waysight.local.temporary import temporary_stack
from waysight.settings import Settings, get_settings
from waysight.simulate.sightings import Pace, Traffic
from waysight.simulate.town import Town
from waysight.storage.migrations import migrate

IDS = {"sightings": "sighting_id", "violations": "violation_id", "alerts": "alert_id", "counts": "count_id"}
LONGEST_S = 1800.0


def main(away_s: float, rate: float, slow_s: float) -> dict[str, Any]:
    """One run on a stack of its own."""
    with ExitStack() as stack:
        settings = stack.enter_context(temporary_stack(get_settings(), ("kafka", "registry", "clickhouse")))
        apply_topics(settings)
        migrate(settings)
        codec, town = Codec(ConfluentRegistry(settings.registry)), Town(11, 2)
        file = CameraFile.model_validate(town.camera_file())
        publisher = Publisher(settings, codec)
        for record in to_records(file):
            publisher.publish("cameras", record.camera_id, record)
        for entry in town.hotlist(1000):
            publisher.publish("watchlist", entry.entry_id, entry)
        publisher.flush()
        seen = settings
        if slow_s:
            port = stack.enter_context(_slow(settings.clickhouse_port, slow_s))
            password = (settings.state_dir / "clickhouse" / "password").read_text().strip()
            seen = settings.model_copy(update={"clickhouse_port": port, "clickhouse_password": password})
        workers = [stack.enter_context(_worker(s, *names)) for s, names in (
            (settings, ("match", "enforce", "count")), (seen, ("store",)))]  # fmt: skip
        store = psutil.Process(workers[1].pid)
        traffic = Traffic(town, round(rate * (away_s + 20)), Pace(per_s=rate))
        rss_mib, began, told = list[int](), time.monotonic(), 0
        away = False
        first_ms = 0
        for at_ms, out in Feed(codec, file, settings.partitions).outputs(traffic.events()):
            first_ms = first_ms or at_ms
            publisher.publish_bytes(out.topic, out.key.encode(), out.value, out.headers, None, out.partition)
            told += 1
            due_s = (at_ms - first_ms) / 1000
            while time.monotonic() - began < due_s:
                time.sleep(0.05)
            if due_s > 10 and not away and not slow_s:
                away = True
                spec.remove(settings.state_dir, "clickhouse")
            if told % 2000 == 0:
                rss_mib.append(store.memory_info().rss >> 20)
        publisher.flush()
        alerts_meanwhile = len(_ids(settings, codec, "alerts"))
        control.up(settings, ("clickhouse",))
        back, cpu = time.monotonic(), sum(store.cpu_times()[:2])
        clickhouse = connect(settings)
        gaps: dict[str, int] = dict.fromkeys(IDS, 1)
        while any(gaps.values()) and time.monotonic() - back < LONGEST_S:
            time.sleep(2.0)
            rss_mib.append(store.memory_info().rss >> 20)
            gaps = {t: len(_ids(settings, codec, t) ^ _stored(clickhouse, t)) for t in IDS}
        caught_up_s, cpu = time.monotonic() - back, sum(store.cpu_times()[:2]) - cpu
        rows = {t: len(_stored(clickhouse, t)) for t in IDS}
        return {
            "away_s": away_s, "slow_s": slow_s, "rate_per_s": rate, "messages": told, "rows": rows, "missing": gaps,
            "alerts_before_return": alerts_meanwhile, "rss_mib": {"least": min(rss_mib), "most": max(rss_mib)},
            "caught_up_s": round(caught_up_s, 1), "caught_up_cpu_s": round(cpu, 1),
            "workers_ended": sum(w.poll() is not None for w in workers),
        }  # fmt: skip


def _ids(settings: Settings, codec: Codec, topic: str) -> set[str]:
    found = (r for _, r in read_all(settings, codec, topic))
    rows = (s for batch in found for s in batch.records) if topic == "sightings" else found
    return {getattr(row, IDS[topic]) for row in rows}


def _stored(clickhouse: Any, table: str) -> set[str]:
    return {row["id"] for row in clickhouse.rows(f"SELECT {IDS[table]} AS id FROM {table} FINAL")}


@contextmanager
def _worker(settings: Settings, *names: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "waysight.cli", "process", *names, "--instance", names[0]]
    process = subprocess.Popen(command, env=settings.child_environment())
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


@contextmanager
def _slow(port: int, delay_s: float) -> Iterator[int]:
    """A port before ClickHouse's that lets each answer wait."""
    own, loop = ports.free_ports(1)[0], asyncio.new_event_loop()

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, wait_s: float) -> None:
        while data := await source.read(1 << 16):
            await asyncio.sleep(wait_s)
            target.write(data)
            await target.drain()
        target.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, here, 0.0), pump(there, writer, delay_s))

    loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", own))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield own
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5.0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--away-s", type=float, default=300.0)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--slow-s", type=float, default=0.0)
    given = parser.parse_args()
    print(json.dumps(save("outage", main(given.away_s, given.rate, given.slow_s)), indent=1))

"""The watchlist of two million entries beside ten million registered vehicles: what a look-up costs and what it finds.

python -m bench watchlist [--json]: look-ups per CPU-second at 10,000 and at 2,000,000 entries; approximate ones against
rapidfuzz's scan of the same list (its environment, .waysight/fuzzy-venv, is made once); recall of wanted plates with one
wrong character that the reader doubted; false approximate alerts of innocent passes; bytes an entry; and the time to load
200,000 entries from Kafka with and without shards. Simulated passes: bench/watched.py, another seed than thresholds were
chosen on. Writes out/bench/watchlist.json and watchlist.png.
"""

from __future__ import annotations

import gc
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from bench.stack import save
from bench.table import LOOK_UPS_AIM
from bench.watched import SPACE, Country, Road, country, innocents, plates_of
from waysight.adapters.kafka import Publisher
from waysight.adapters.kafka_admin import apply_topics
from waysight.adapters.packed import Packed
from waysight.adapters.registry import ConfluentRegistry
from waysight.adapters.watch_rows import WatchRows, WatchTable, entry_of
from waysight.codec import Codec
from waysight.commands.tables import build
from waysight.domain.lookalikes import Reading
from waysight.domain.vehicle_table import VehicleTable
from waysight.domain.watch_index import WatchIndex
from waysight.errors import EngineDown
from waysight.evaluation.statistics import rate
from waysight.local import triton_venv
from waysight.local.temporary import temporary_stack
from waysight.settings import Settings, get_settings

REGISTERED, ENTRIES, FEW = 10_000_000, 2_000_000, 10_000
SEED = 2026  # thresholds were chosen on seed 1
PASSES, WANTED_PASSES = 1_000_000, 4_000
LOOKED_UP, STEP, WANTED_SHARE = 400_000, 1000, 0.01
LOADED, SCANS, BATCH = 200_000, 40, 20_000
AT_MS = 1_790_000_000_000  # all entries are in force
REQUIREMENTS = Path(__file__).parent / "requirements-watchlist.txt"


def main() -> dict[str, Any]:
    """Measure, write out/bench/watchlist.json and its picture, and return what was written."""
    settings = get_settings()
    land = country(REGISTERED, ENTRIES, SEED)
    vehicles = VehicleTable()
    register_s = _cpu_s(lambda: vehicles.load(land.rows()))
    many, packing_s = _index(land, ENTRIES, vehicles)
    few, _ = _index(land, FEW, vehicles)
    rows = many.kept()[0]
    assert isinstance(rows, WatchRows)
    filters = many.nbytes - rows.keys.nbytes - rows.flags.nbytes
    result = {
        "entries": ENTRIES,
        "registered": len(vehicles),
        "seed": SEED,
        "bytes": {
            "entry": round((rows.nbytes + filters) / ENTRIES, 1),
            "vehicle": round(vehicles.nbytes / len(vehicles), 1),
        },
        "exact_per_cpu_s": {str(n): _exact(index, land, n) for n, index in ((FEW, few), (ENTRIES, many))},
        "approximate": _approximate(land, many, few),
        "fuzzy": _fuzzy(settings, land),
        "load": {"pack_2_million_cpu_s": packing_s, "pack_register_cpu_s": register_s},
    }
    exact, doubtful = result["exact_per_cpu_s"], result["approximate"]["per_cpu_s"]
    result["exact_cost_ratio"] = round(exact[str(FEW)] / exact[str(ENTRIES)], 2)
    result["fuzzy"]["ratio"] = round(doubtful[str(ENTRIES)] / result["fuzzy"]["per_cpu_s"])
    result["load"] |= _loading(settings, land)
    _draw(result, settings.out_dir / "bench" / "watchlist.png")
    return save("watchlist", result)


def _index(land: Country, entries: int, vehicles: VehicleTable) -> tuple[WatchIndex, float]:
    """An index of the first wanted vehicles, and the CPU-seconds that packing decoded entries took."""
    index = WatchIndex((), vehicles)
    table = WatchTable(index)
    parts, spent_s = [], 0.0
    for begin in range(0, entries, BATCH):
        batch = land.entries(begin, min(begin + BATCH, entries))
        spent_s += _cpu_s(lambda batch=batch: parts.append(table.part(batch)))  # type: ignore[misc]
    spent_s += _cpu_s(lambda: table.load(table.newest(parts)))
    gc.collect()
    return index, round(spent_s, 1)


def _exact(index: WatchIndex, land: Country, entries: int) -> int:
    """Plates per CPU-second, a step of 1,000 at a time, one in a hundred of them wanted."""
    chance = np.random.default_rng([SEED, 2])
    numbers = plates_of(chance.integers(0, SPACE, LOOKED_UP))
    asked = [row.tobytes().decode() for row in numbers]
    for place in chance.choice(LOOKED_UP, int(WANTED_SHARE * LOOKED_UP), replace=False).tolist():
        asked[place] = land.text(int(land.wanted[chance.integers(entries)]))
    steps = [asked[i : i + STEP] for i in range(0, LOOKED_UP, STEP)]

    def look() -> None:
        for step in steps:
            for place in np.flatnonzero(index.possible(step)).tolist():
                index.matches(step[place], AT_MS)

    look()
    return round(LOOKED_UP / _cpu_s(look))


def _approximate(land: Country, many: WatchIndex, few: WatchIndex) -> dict[str, Any]:
    road = Road(land, SEED)
    passed = [(land.text(n), road.doubtful(n, None)) for n in innocents(land, PASSES, SEED)]
    chosen = np.random.default_rng([SEED, 3]).choice(land.wanted, WANTED_PASSES)
    wanted = [(land.text(n), road.doubtful(n, True)) for n in chosen.tolist()]
    readings = [reading for _, reading in passed]
    found: list[set[str]] = []
    slow_s = _cpu_s(lambda: found.extend(_looked(many, readings)))
    quick_s = _cpu_s(lambda: _looked(few, readings))
    false = sum(map(bool, found))
    seen = _looked(many, [reading for _, reading in wanted])
    right = sum(truth in plates for (truth, _), plates in zip(wanted, seen, strict=True))
    interval = binomtest(false, PASSES).proportion_ci(0.95, "wilson")
    return {
        "per_cpu_s": {str(FEW): round(len(readings) / quick_s), str(ENTRIES): round(len(readings) / slow_s)},
        "doubtful_reads": len(readings),
        "misread_share": round(sum(t != r.plate for t, r in passed) / len(passed), 3),
        "recall": rate(right, len(wanted)),
        "innocent_passes": PASSES,
        "false_alerts": false,
        "false_per_10000": round(false / PASSES * 1e4, 3),
        "false_per_10000_interval": [round(float(x) * 1e4, 2) for x in (interval.low, interval.high)],
    }


def _looked(index: WatchIndex, readings: Sequence[Reading]) -> list[set[str]]:
    """The wanted plates that each read may be, a step of 1,000 at a time."""
    found: list[set[str]] = []
    for begin in range(0, len(readings), STEP):
        step = readings[begin : begin + STEP]
        possible = index.possible_approximate(
            [r.plate for r in step],
            [r.confidences for r in step],
            [[text for text, _ in r.candidates] for r in step],
        )
        for reading, may in zip(step, possible.tolist(), strict=True):
            found.append({h.entry.plate for h in index.approximate(reading, AT_MS)} if may else set())
    return found


def _fuzzy(settings: Settings, land: Country) -> dict[str, Any]:
    """What rapidfuzz needs for the same look-ups, and how many innocent plates it takes for wanted ones."""
    home = (settings.state_dir / "fuzzy-venv").resolve()
    triton_venv.make(home, REQUIREMENTS, print, "rapidfuzz's environment")
    road = Road(land, SEED)
    numbers = [n for n, _ in zip(innocents(land, PASSES, SEED), range(SCANS), strict=False)]
    queries = [road.doubtful(n, None).plate for n in numbers]
    with tempfile.NamedTemporaryFile(suffix=".txt") as file:
        file.write(np.ascontiguousarray(land.plates[land.wanted]).tobytes())
        file.flush()
        done = subprocess.run(
            [str(home / "bin" / "python"), str(Path(__file__).with_name("fuzzy.py"))],
            input=json.dumps({"plates": file.name, "queries": queries}),
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise EngineDown(f"rapidfuzz's scan failed: {done.stderr[-500:]}")
    said = json.loads(done.stdout)
    flagged = sum(map(bool, said["found"]))
    return {"per_cpu_s": round(SCANS / said["cpu_s"], 2), "scans": SCANS, "innocents_flagged": flagged}


def _loading(settings: Settings, land: Country) -> dict[str, Any]:
    """CPU-seconds until a worker has 200,000 entries from Kafka, record by record and from shards."""
    with temporary_stack(settings, ("kafka", "registry")) as own:
        apply_topics(own)
        codec = Codec(ConfluentRegistry(own.registry))
        publisher = Publisher(own, codec, linger_ms=20)
        for begin in range(0, LOADED, BATCH):
            for row in (
                WatchTable(WatchIndex())
                .part(land.entries(begin, begin + BATCH))
                .drop_columns(["gone"])
                .to_pylist()
            ):
                entry = entry_of(row)
                publisher.publish("watchlist", entry.entry_id, entry)
        publisher.flush()
        spent = {}
        for name in ("records", "shards"):
            index = WatchIndex()
            packed = Packed(own, codec, WatchTable(index))
            spent[name] = round(_cpu_s(packed.start), 2)
            packed.stop()
            if len(index) != LOADED or packed.from_shards != (LOADED if name == "shards" else 0):
                raise EngineDown(
                    f"{len(index)} of {LOADED} entries, {packed.from_shards} of them from shards"
                )
            if name == "records":
                made = build(own, codec, WatchTable(WatchIndex()))
        return {"entries": LOADED, "cpu_s": spent, "shard_bytes_per_entry": round(made["bytes"] / LOADED, 1)}


def _cpu_s(work: Callable[[], Any]) -> float:
    began_s = time.process_time()
    work()
    return time.process_time() - began_s


def _draw(result: dict[str, Any], path: Path) -> None:
    """Look-ups per CPU-second by kind and size of the list, as one PNG."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib.figure import Figure

    exact, doubtful = result["exact_per_cpu_s"], result["approximate"]["per_cpu_s"]
    bars = [(f"{kind}, {int(n):,} entries", value) for kind, told in (("exact", exact), ("doubtful", doubtful))
            for n, value in told.items()]  # fmt: skip
    bars.append((f"rapidfuzz scan, {ENTRIES:,} entries", result["fuzzy"]["per_cpu_s"]))
    figure = Figure(figsize=(8, 3.2), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    for place, (_, value) in enumerate(bars):
        axes.barh(place, value, color="tab:orange" if place == len(bars) - 1 else "tab:blue", height=0.6)
        axes.annotate(f" {value:,}", (value, place), va="center")
    axes.axvline(LOOK_UPS_AIM, color="black", linewidth=2)
    axes.set_yticks(range(len(bars)), [name for name, _ in bars])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.margins(x=0.2)
    axes.set_xlabel("look-ups per CPU-second; black line: the aim for doubtful reads")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": "waysight"})

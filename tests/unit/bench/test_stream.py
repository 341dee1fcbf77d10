"""The bench's feed, its truth and its sums; nothing is measured here."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench.engines.job import HEAD, Job, Spec
from bench.feed import ENVELOPE, Feed, zigzag
from bench.growth import flatness
from bench.peers import Run, compared
from bench.sighting_columns import Plan, chunk, sentinels, wanted_plate
from bench.stream import Results, ratios
from bench.stream_picture import draw, draw_growth
from waysight.adapters.registry import MemoryRegistry
from waysight.codec import Codec
from waysight.messages import PassBatch, SightingBatch, Watermark
from waysight.streaming.passes import sighting_of
from waysight.topics import avro_schema, partition_for

START_MS = 1_790_000_040_000
PLAN = Plan(600, START_MS, cameras=4, partitions=2, wanted=50)


@pytest.fixture
def codec() -> Codec:
    """Against a registry in memory."""
    return Codec(MemoryRegistry())


def read(codec: Codec, plan: Plan) -> tuple[Feed, dict[str, list[tuple[int, Any]]]]:
    """A feed, and its messages decoded, by topic with their partitions."""
    feed, found = Feed(plan, codec, 9), {"sightings": [], "passes": [], "one": [], "many": []}
    for topic, partition, _, value, _ in feed.messages(True, "one", "many"):
        like = "sightings" if topic in ("one", "many") else topic
        if topic == "one":
            assert HEAD.unpack_from(value) == (0, 9)
            value = feed.head + b"\x02" + value[HEAD.size :] + b"\0\0"
        found[topic].append((partition, codec.decode(like, value)))
    return feed, found


def test_all_forms_hold_the_same_sightings_where_their_keys_belong(codec: Codec) -> None:
    feed, found = read(codec, PLAN)
    ours = [(p, r) for p, batch in found["sightings"] for r in batch.records]
    assert len(ours) == PLAN.records == feed.truth.rows
    assert all(p == partition_for(r.plate, 2) for p, r in ours)
    passes = [(p, r) for p, batch in found["passes"] for r in batch.records]
    assert all(p == partition_for(r.key, 2) for p, r in passes)
    wholes = {r.sighting_id: r for _, r in ours}
    assert all(sighting_of(codec, r) == wholes[sighting_of(codec, r).sighting_id] for _, r in passes)
    for form in ("one", "many"):
        records = {r.sighting_id: r for _, batch in found[form] for r in batch.records}
        assert {i: r for i, r in records.items() if not i.startswith("sentinel")} == wholes
        assert len(records) - len(wholes) == sentinels(PLAN).num_rows == 16
    assert max(len(batch.records) for _, batch in found["many"]) == ENVELOPE


def test_origins_grow_and_watermarks_close_every_window(codec: Codec) -> None:
    _, found = read(codec, PLAN)
    for topic in ("sightings", "passes"):
        for partition in range(2):
            batches = [b for p, b in found[topic] if p == partition]
            items = [i for b in batches for i in (*b.records, *b.watermarks)]
            for home in range(2):
                mine = [(i.origin_offset, i.ordinal) for i in items if i.origin_partition == home]
                assert len(set(mine)) == len(mine)
            marks = [i for i in items if isinstance(i, Watermark)]
            assert {m.camera_id for m in marks if m.captured_ms == PLAN.end_ms} == {
                f"cam-{c}" for c in range(4)
            }
            assert all(isinstance(b, SightingBatch | PassBatch) for b in batches)


def test_the_truth_is_what_the_job_says_record_by_record(codec: Codec, tmp_path: Path) -> None:
    feed, found = read(codec, PLAN)
    (tmp_path / "wanted.txt").write_text("\n".join(wanted_plate(n) for n in range(PLAN.wanted)))
    numbers = {"events": 1, "messages": 1, "partitions": 2, "end_ms": PLAN.end_ms}
    words = dict.fromkeys(("topic", "table", "group", "alerts", "violations", "counts"), "x")
    ids = dict.fromkeys(("Sighting", "SightingBatch", "Alert", "Violation", "Count"), 1)
    job = Job(Spec(folder=str(tmp_path), envelopes=True, arrow=False, limit_kmh=60.0, tolerance_kmh=10.0,
                   alert_gate=0.8, ids=ids, **numbers, **words))  # fmt: skip
    records = [r for p in found["many"] for r in job.decode(codec.encode("sightings", p[1]))]
    assert {r["sighting_id"] for r in records if job.is_wanted(r)} == feed.truth.alerts
    assert {r["sighting_id"] for r in records if job.is_speeding(r)} == feed.truth.violations
    windows = Counter(
        (r["camera_id"], r["label"], r["last_ms"] // 60_000 * 60_000) for r in records if r["plate"]
    )
    assert windows == feed.truth.counts
    wanted = next(r for r in records if job.is_wanted(r))
    for name, made in (("Alert", job.alert(wanted)), ("Violation", job.violation(wanted)), ("Count", job.count("c", "car", 0, 3))):  # fmt: skip
        assert HEAD.unpack_from(job.encode(name, made)) == (0, 1)
        assert {f["name"] for f in avro_schema(name)["fields"] if "default" not in f} <= made.keys()


def test_one_plan_follows_another_on_a_full_minute() -> None:
    after = PLAN.next(1000)
    assert after.at_ms(after.first) == PLAN.end_ms
    assert PLAN.end_ms % 60_000 == 0
    same = [
        chunk(PLAN, 0, 10).equals(chunk(PLAN, 0, 10)),
        chunk(after, after.first, 10).equals(chunk(PLAN, 0, 10)),
    ]
    assert same == [True, False]


def test_wrong_output_is_told_and_right_output_is_not(codec: Codec) -> None:
    truth = read(codec, PLAN)[0].truth
    alerts, violations, counts, rows = list(truth.alerts), list(truth.violations), truth.counts, (600, 600)
    assert compared(truth, alerts, violations, counts, rows, PLAN.end_ms) == ""
    later = counts + Counter({("cam-1", "car", PLAN.end_ms): 4})
    assert compared(truth, alerts, violations, later, rows, PLAN.end_ms) == ""
    assert "alerts" in compared(truth, [*alerts, alerts[0]], violations, counts, rows, PLAN.end_ms)
    assert "violations" in compared(truth, alerts, violations[1:], counts, rows, PLAN.end_ms)
    assert "windows" in compared(
        truth, alerts, violations, counts + Counter([next(iter(counts))]), rows, PLAN.end_ms
    )
    assert "601 rows of 600 ids" in compared(truth, alerts, violations, counts, (601, 600), PLAN.end_ms)


def test_medians_and_ratios() -> None:
    found = ratios(
        {"waysight": [90, 100, 300], "bytewax": [50, 40, 60]}, {"waysight": [100], "bytewax": [125]}
    )
    assert found["events_per_cpu_s"] == {"waysight": 100, "bytewax": 50}
    assert found["ratios"] == {"bytewax": 2.0}
    assert found["ratio_to_best_arrow"] == 0.8
    assert ratios({}, {})["ratio_to_best_arrow"] is None
    assert flatness({"partitions": {"1": 100.0, "8": 79.0}}) == {"partitions": 0.79}


def test_a_wrong_run_is_in_the_summary() -> None:
    results = Results(4000, 1000)
    results.add("own", "bytewax", Run(2.0, 1.0, ""))
    results.add("own", "bytewax", Run(4.0, 1.0, "9 alerts for 10"))
    found = results.summary()
    assert found["runs"] == {"bytewax": [500, 250]}
    assert found["wrong"] == {"bytewax own": ["", "9 alerts for 10"]}


@pytest.mark.parametrize(("number", "encoded"), [(0, b"\0"), (1, b"\x02"), (63, b"\x7e"), (64, b"\x80\x01")])
def test_avro_longs(number: int, encoded: bytes) -> None:
    assert zigzag(number) == encoded


def test_the_pictures_are_drawn_of_what_there_is(tmp_path: Path) -> None:
    results = Results(1000, 1000)
    results.add("own", "waysight", Run(1.0, 1.0, ""))
    results.add("arrow", "bytewax", Run(2.0, 1.0, ""))
    draw(results.summary(), tmp_path / "s.png", {"bytewax": 1.5})
    draw_growth(
        {"events_per_cpu_s": {"partitions": {"1": 100, "8": 90}, "workers": {"1": 100}}}, tmp_path / "g.png"
    )
    assert min((tmp_path / name).stat().st_size for name in ("s.png", "g.png")) > 5_000

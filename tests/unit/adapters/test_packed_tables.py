"""A packed watchlist holds the same entries however they arrived: in any batches, with removals, through shards or not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from waysight.adapters.registry import MemoryRegistry
from waysight.adapters.text_columns import from_bytes, to_bytes
from waysight.adapters.watch_rows import WatchRows, WatchTable
from waysight.codec import Codec
from waysight.domain.ids import derive_id
from waysight.domain.watch_index import WatchIndex
from waysight.messages import WatchlistEntry

CODEC = Codec(MemoryRegistry())
ENTRY = WatchlistEntry(
    entry_id="e", plate="123ABC02", kind="stolen", priority=1, legal_basis="CPC", authority="MIA", case_number="1",
    source="", audience="", valid_from_ms=0, expires_ms=9,
)  # fmt: skip
FRESH = st.builds(
    replace,
    st.just(ENTRY),
    plate=st.sampled_from(("123ABC02", "999ZZZ01", "AVERYLONGPLATE1")),
    mode=st.sampled_from(("plate", "plate", "permit", "description")),
    area=st.sampled_from(((), ("cam-1",), ("road:a", "district:b"))),
    revoked_ms=st.sampled_from((None, 5)),
    approximate=st.booleans(),
    priority=st.integers(0, 9),
)
SAID = st.lists(st.tuples(st.sampled_from("abcd"), st.one_of(st.none(), FRESH)), max_size=20)


@given(SAID, st.integers(1, 20), st.integers(0, 20), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_batches_and_any_shards_give_the_same_entries(
    said: list[tuple[str, WatchlistEntry | None]], size: int, sharded: int, hexadecimal: bool
) -> None:
    names = {n: derive_id("entry", n) if hexadecimal else n for n in "abcd"}
    last = {names[n]: None if e is None else replace(e, entry_id=names[n]) for n, e in said}
    truth = {n: e for n, e in last.items() if e is not None}
    index = WatchIndex()
    table = WatchTable(index)
    parts = [_part(table, names, said[i : i + size]) for i in range(0, len(said), size)]
    early = table.newest(parts[:sharded])
    where = table.shard_of(early, 3)
    shards = [from_bytes(to_bytes(early.filter(pa.array(where == n)))) for n in range(3)]
    table.load(table.newest([*shards, *parts[sharded:]]))
    assert len(index) == len(truth)
    assert _all_of(index) == truth


def _part(
    table: WatchTable, names: dict[str, str], said: list[tuple[str, WatchlistEntry | None]]
) -> pa.Table:
    parts = []
    for name, entry in said:
        if entry is None:
            parts.append(table.gone([names[name]]))
        else:
            value = CODEC.encode("watchlist", replace(entry, entry_id=names[name]))
            parts.append(table.part(CODEC.decode_columns("watchlist", [value])))
    return (
        table.newest(parts) if all(e is not None for _, e in said) else pa.concat_tables(map(_plain, parts))
    )


def _plain(table: pa.Table) -> pa.Table:
    columns = [c.combine_chunks() for c in table.columns]
    decoded = [c.dictionary_decode() if pa.types.is_dictionary(c.type) else c for c in columns]
    return pa.table(dict(zip(table.column_names, decoded, strict=True)))


def _all_of(index: WatchIndex) -> dict[str, WatchlistEntry]:
    rows, alive, _ = index.kept()
    packed = [rows.entry(row) for row in np.flatnonzero(alive).tolist()]
    everything = [*packed, *index.odd(), *index.of_mode("description")]
    return {e.entry_id: e for e in everything}


def test_an_entry_costs_about_a_hundred_bytes() -> None:
    count = 20_000
    entries = [
        replace(
            ENTRY, entry_id=derive_id("e", n), plate=f"{n % 1000:03}ABC{n // 1000:02}", case_number=f"KZ-{n}"
        )
        for n in range(count)
    ]
    table = WatchTable(WatchIndex())
    part = table.part(CODEC.decode_columns("watchlist", [CODEC.encode("watchlist", e) for e in entries]))
    rows = WatchRows(table.newest([part]))
    assert 40 < rows.nbytes / count < 110
    found = rows.row_of(entries[77].entry_id)
    assert found is not None
    assert rows.entry(found) == entries[77]
    assert rows.row_of("nobody") is None

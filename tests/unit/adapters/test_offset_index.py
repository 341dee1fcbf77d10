"""Where the newest record of a key lies: what comes later counts, whatever the cuts, and a bad file is no file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from waysight.adapters.offset_index import load, merged, nothing, offset_of, save

CHANGES = st.lists(st.tuples(st.sampled_from("ABCDEFG"), st.booleans()), max_size=40)


@given(CHANGES, st.lists(st.integers(0, 40), max_size=4))
def test_any_cuts_give_the_newest(changes: list[tuple[str, bool]], cuts: list[int]) -> None:
    newest: dict[str, int] = {}
    for at, (key, gone) in enumerate(changes):
        newest[key] = -1 if gone else at
    entries, begin = nothing(), 0
    for end in [*sorted(c for c in cuts if c < len(changes)), len(changes)]:
        part = list(enumerate(changes))[begin:end]
        entries = merged(
            entries, [k for _, (k, _) in part], [-1 if gone else at for at, (_, gone) in part], end
        )
        begin = end
    assert int(entries["offset"][0]) == len(changes)
    assert {k: offset_of(entries, k) for k in "ABCDEFGH"} == {k: newest.get(k, -1) for k in "ABCDEFGH"}
    assert len(entries) == 1 + sum(at >= 0 for at in newest.values())


def test_a_file_holds_them_and_a_bad_one_counts_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "of a topic" / "0.npy"
    assert offset_of(load(path), "A") < 0
    save(path, merged(nothing(), ["A", "123ABC02"], [7, 9], 12))
    assert (offset_of(load(path), "A"), offset_of(load(path), "123ABC02"), offset_of(load(path), "B")) == (
        7,
        9,
        -1,
    )
    assert int(load(path)["offset"][0]) == 12
    assert b"123ABC02" not in path.read_bytes()
    assert [p.name for p in path.parent.iterdir()] == ["0.npy"]
    for bad in (b"", b"no numbers", path.read_bytes()[:-5]):
        path.write_bytes(bad)
        assert len(load(path)) == 1
    np.save(path, np.zeros(3))
    assert len(load(path)) == 1
    save(tmp_path / "a file" / "0.npy", nothing())
    (tmp_path / "file").write_text("")
    save(tmp_path / "file" / "0.npy", nothing())

"""Passes of one camera, class and window that lie between the same watermarks: what counting works with."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from waysight.messages import Watermark
from waysight.streaming.pass_columns import Numbers, PassColumns


class Group(NamedTuple):
    """Passes of one camera, class and window, by rank; `last_ms` is the first one's."""

    camera_id: str
    category: str
    last_ms: int
    rows: Numbers


def grouped(
    columns: PassColumns, rows: Numbers, window_ms: int, bucket_ms: int, home: Callable[[str], bool]
) -> list[tuple[int, Group | Watermark]]:
    """Groups of some rows and the watermarks of cameras at `home` by rank, each with the number of its message.

    A watermark that stays within the same `bucket_ms` of its camera's time as the one before changes nothing and is
    left out, unless it is the camera's last one here.
    """
    rows = rows[np.argsort(columns.rank[rows])]
    cameras = pa.concat_arrays([k.records.field("camera_id") for k in (columns.passes, columns.marks)])
    coded = cameras.dictionary_encode()
    codes, names = coded.indices.to_numpy().astype(np.int64), coded.dictionary.to_pylist()
    marks = _kept(columns, [home(name) for name in names], codes[len(columns) :].tolist(), bucket_ms)
    # Camera and rank in one number, so that one search finds between which of its camera's watermarks a row lies.
    span = len(columns.rank) + len(columns.mark_rank) + 1
    camera, labels = codes[rows], columns.passes.texts("label")
    mark_at = np.sort(codes[len(columns) + marks] * span + columns.mark_rank[marks])
    between = np.searchsorted(mark_at, camera * span + columns.rank[rows])
    last_ms = columns.passes.numbers("last_ms")[rows]
    _, window = np.unique(last_ms // window_ms, return_inverse=True)
    several = max(1, len(rows)), len(names) + 1, len(labels[1]) + 1
    key = ((between * several[1] + camera) * several[2] + labels[0][rows]) * several[0] + window
    _, first, which, counts = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    members = np.split(rows[np.argsort(which, kind="stable")], np.cumsum(counts)[:-1]) if len(rows) else []
    found: list[tuple[int, int, Group | Watermark]] = [
        (int(columns.mark_rank[m]), int(columns.marks.message[m]), columns.mark(int(m))) for m in marks
    ]
    for at, own in zip(first.tolist(), members, strict=True):
        row = rows[at]
        group = Group(names[camera[at]], labels[1][labels[0][row]], int(last_ms[at]), own)
        found.append((int(columns.rank[row]), int(columns.passes.message[row]), group))
    return [(message, item) for _, message, item in sorted(found, key=lambda f: f[0])]


def _kept(columns: PassColumns, mine: list[bool], cameras: list[int], bucket_ms: int) -> Numbers:
    """The watermarks that matter, by rank."""
    captured, ends = (
        columns.marks.numbers("captured_ms").tolist(),
        columns.marks.records.field("end").to_pylist(),
    )
    ended = {camera for camera, end in zip(cameras, ends, strict=True) if end}
    kept: dict[int, None] = {}
    last: dict[int, int] = {}
    newest: dict[int, int] = {}
    for at in np.argsort(columns.mark_rank).tolist():
        camera, now = cameras[at], captured[at]
        if not mine[camera]:
            continue
        before = newest.get(camera)
        if before is None or camera in ended or now // bucket_ms > before // bucket_ms:
            kept[at] = None
        newest[camera] = now if before is None else max(before, now)
        if now >= newest[camera]:
            last[camera] = at
    found = sorted({*kept, *last.values()}, key=columns.mark_rank.__getitem__)
    return np.array(found, np.int64)

"""How officers decided, by camera, model version, offence, reason or officer: where rejections come from."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from waysight.adapters.clickhouse import ClickHouse

By = Literal["camera_id", "models", "offence", "officer", "reason"]
BY: dict[str, str] = {"camera_id": "v.camera_id", "models": "v.models", "offence": "v.offence", "officer": "r.officer",
                      "reason": "r.reason"}  # fmt: skip
COUNTS = ("decided", "accepted", "rejected", "returned", "checked", "disagreed")
REVIEWS_AT_ONCE = 3_000_000
_LAST_ID = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Rejections:
    """Violations that were decided on: `decided` = `accepted` + `rejected` + `returned` (for correction).

    `checked` of the accepted ones were looked at again by another officer, who disagreed with `disagreed`; these
    count as rejected too.
    """

    name: str
    decided: int
    accepted: int
    rejected: int
    returned: int
    checked: int
    disagreed: int


def rejections(clickhouse: ClickHouse, by: By, from_ms: int = 0, until_ms: int = 2**62) -> list[Rejections]:
    """One row per camera, model version, offence, first officer or reason, most rejected first.

    A violation counts once, by its latest review, in the time of its first one: [`from_ms`, `until_ms`), UTC epoch ms.
    By reason there are only rejected ones.
    """
    rows = decided(clickhouse, (by,), from_ms, until_ms)
    found = [Rejections(row[by], *(row[name] for name in COUNTS)) for row in rows]
    return [r for r in found if by != "reason" or r.rejected]


def decided(
    clickhouse: ClickHouse, by: Sequence[By], from_ms: int = 0, until_ms: int = 2**62
) -> list[dict[str, Any]]:
    """The same counts for every combination of several columns: rows of those columns and COUNTS.

    Violations are taken together by ranges of their ids, so that the engine's memory does not grow with the tables.
    """
    (known,) = clickhouse.rows("SELECT count() AS reviews FROM reviews")
    parts = 1 + known["reviews"] // REVIEWS_AT_ONCE
    bounds = ["", *(f"{part * 0x10000 // parts:04x}" for part in range(1, parts)), _LAST_ID]
    totals: dict[tuple[str, ...], Counter[str]] = {}
    for first, end in itertools.pairwise(bounds):
        given = {"from": from_ms, "until": until_ms, "first": first, "end": end}
        for row in clickhouse.rows(_decided_sql(by), given):
            key = tuple(row[name] for name in by)
            totals.setdefault(key, Counter()).update({name: row[name] for name in COUNTS})
    found = [dict(zip(by, key, strict=True)) | {n: sums[n] for n in COUNTS} for key, sums in totals.items()]
    return sorted(found, key=lambda row: (-row["rejected"], *(row[name] for name in by)))


def _decided_sql(by: Sequence[By]) -> str:
    # Reviews are fewer than violations and go by a 128-bit hash, so that their table fits beside ten million rows; the
    # latest is told by one number, for which the engine needs half the time and memory that it needs for a pair.
    return f"""
        WITH bitShiftLeft(toUInt256(reviewed_ms), 128) + reinterpretAsUInt128(reverse(unhex(review_id))) AS turn
        SELECT {", ".join(f"toString({BY[name]}) AS {name}" for name in by)},
            toInt64(count()) AS decided, toInt64(countIf(r.last = 'accepted')) AS accepted,
            toInt64(countIf(r.last = 'rejected')) AS rejected, toInt64(countIf(r.last = 'returned')) AS returned,
            toInt64(countIf(r.checked)) AS checked, toInt64(countIf(r.disagreed)) AS disagreed
        FROM (
            SELECT sipHash128(violation_id) AS id, camera_id, models, offence FROM violations_current
            WHERE violation_id >= {{first:String}} AND violation_id < {{end:String}}
        ) AS v
        INNER JOIN (
            SELECT sipHash128(violation_id) AS id, argMax(decision, turn) AS last, argMin(officer, turn) AS officer,
                if(last = 'rejected', argMaxIf(reason, turn, decision = 'rejected'), '') AS reason,
                max(stage = 'quality') AS checked, max(stage = 'quality' AND decision = 'rejected') AS disagreed
            FROM reviews_current WHERE violation_id >= {{first:String}} AND violation_id < {{end:String}}
            GROUP BY id HAVING min(reviewed_ms) >= {{from:Int64}} AND min(reviewed_ms) < {{until:Int64}}
        ) AS r ON r.id = v.id
        GROUP BY {", ".join(by)}
        SETTINGS do_not_merge_across_partitions_select_final = 1
    """

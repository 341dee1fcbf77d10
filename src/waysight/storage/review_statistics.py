"""How officers decided, by camera, model version, offence, reason or officer: where rejections come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from waysight.adapters.clickhouse import ClickHouse

By = Literal["camera_id", "models", "offence", "officer", "reason"]
BY: dict[str, str] = {"camera_id": "v.camera_id", "models": "v.models", "offence": "v.offence", "officer": "r.officer",
                      "reason": "r.reason"}  # fmt: skip
COUNTS = ("decided", "accepted", "rejected", "returned", "checked", "disagreed")


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
    """The same counts for every combination of several columns, in one pass: rows of those columns and COUNTS."""
    # Reviews are fewer than violations and go by a 128-bit hash, so that their table fits beside ten million rows.
    sql = f"""
        SELECT {", ".join(f"toString({BY[name]}) AS {name}" for name in by)},
            toInt64(count()) AS decided, toInt64(countIf(r.last = 'accepted')) AS accepted,
            toInt64(countIf(r.last = 'rejected')) AS rejected, toInt64(countIf(r.last = 'returned')) AS returned,
            toInt64(countIf(r.checked)) AS checked, toInt64(countIf(r.disagreed)) AS disagreed
        FROM (SELECT sipHash128(violation_id) AS id, camera_id, models, offence FROM violations_current) AS v
        INNER JOIN (
            SELECT sipHash128(violation_id) AS id, argMax(toString(decision), (reviewed_ms, review_id)) AS last,
                argMin(toString(officer), (reviewed_ms, review_id)) AS officer,
                if(last = 'rejected', argMaxIf(toString(reason), (reviewed_ms, review_id), decision = 'rejected'), '') AS reason,
                countIf(stage = 'quality') > 0 AS checked,
                countIf(stage = 'quality' AND decision = 'rejected') > 0 AS disagreed
            FROM reviews_current GROUP BY id
            HAVING min(reviewed_ms) >= {{from:Int64}} AND min(reviewed_ms) < {{until:Int64}}
        ) AS r ON r.id = v.id
        GROUP BY {", ".join(by)} ORDER BY rejected DESC, {", ".join(by)}
        SETTINGS do_not_merge_across_partitions_select_final = 1
    """
    return clickhouse.rows(sql, {"from": from_ms, "until": until_ms})

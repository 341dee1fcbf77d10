"""How officers decided, by camera, model version, offence, reason or officer: where rejections come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from waysight.adapters.clickhouse import ClickHouse

By = Literal["camera_id", "models", "offence", "officer", "reason"]
BY: dict[str, str] = {"camera_id": "v.camera_id", "models": "v.models", "offence": "v.offence", "officer": "r.officer",
                      "reason": "r.reason"}  # fmt: skip


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
    sql = f"""
        SELECT toString({BY[by]}) AS name, toInt64(count()) AS decided, toInt64(countIf(r.last = 'accepted')) AS accepted,
            toInt64(countIf(r.last = 'rejected')) AS rejected, toInt64(countIf(r.last = 'returned')) AS returned,
            toInt64(countIf(r.checked)) AS checked, toInt64(countIf(r.disagreed)) AS disagreed
        FROM (
            SELECT violation_id, argMax(toString(decision), (reviewed_ms, review_id)) AS last,
                argMin(toString(officer), (reviewed_ms, review_id)) AS officer,
                argMaxIf(toString(reason), (reviewed_ms, review_id), decision = 'rejected') AS reason,
                countIf(stage = 'quality') > 0 AS checked,
                countIf(stage = 'quality' AND decision = 'rejected') > 0 AS disagreed
            FROM reviews_current GROUP BY violation_id
            HAVING min(reviewed_ms) >= {{from:Int64}} AND min(reviewed_ms) < {{until:Int64}}
        ) AS r INNER JOIN violations_current AS v ON v.violation_id = r.violation_id
        {"WHERE r.last = 'rejected'" if by == "reason" else ""}
        GROUP BY name ORDER BY rejected DESC, name
    """
    rows = clickhouse.rows(sql, {"from": from_ms, "until": until_ms})
    return [Rejections(**row) for row in rows]

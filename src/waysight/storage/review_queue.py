"""Violations that wait for an officer, and accepted ones from which a sample is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from waysight.adapters.clickhouse import ClickHouse
from waysight.messages import Review, Violation
from waysight.storage.records import record_of, rows_by_id

_ACCEPTANCES = "uniqExactIf(lower(trimBoth(officer)), stage != 'quality')"
_AGAINST = "countIf(decision != 'accepted') > 0"


def waiting_violations(
    clickhouse: ClickHouse,
    limit: int,
    barred_too: bool = False,
    offences_of_two: Sequence[str] = (),
    narrowed: Mapping[str, str] | None = None,
) -> list[Violation]:
    """Violations that wait for a decision, oldest first; by default only those that may be enforced.

    Those of `offences_of_two` (as ``country:offence``) wait until two officers accepted them. `narrowed` gives columns
    (offence, camera_id, country) one value each; an empty one narrows nothing.
    """
    asked = {column: value for column, value in (narrowed or {}).items() if value}
    where = "".join(f" AND {column} = {{{column}:String}}" for column in asked)
    # Ids go by a 128-bit hash, and whole rows are read only of what is shown: both fit beside ten million rows.
    sql = f"""
        SELECT * FROM violations_current WHERE violation_id IN (
            SELECT violation_id FROM violations_current
            WHERE (enforceable OR {{barred:Bool}}){where} AND sipHash128(violation_id) NOT IN (
                SELECT sipHash128(violation_id) AS id FROM reviews_current GROUP BY id
                HAVING {_AGAINST} OR {_ACCEPTANCES} >= 2)
            AND (concat(country, ':', toString(offence)) IN {{two:Array(String)}}
                OR sipHash128(violation_id) NOT IN (SELECT sipHash128(violation_id) FROM reviews_current))
            ORDER BY occurred_ms, violation_id LIMIT {{limit:UInt32}})
        ORDER BY occurred_ms, violation_id
    """
    given = {"limit": limit, "barred": barred_too, "two": list(offences_of_two), **asked}
    return [record_of(row, Violation) for row in clickhouse.rows(sql, given)]


def begun_reviews(clickhouse: ClickHouse, offences_of_two: Sequence[str]) -> dict[str, list[Review]]:
    """The reviews of violations that wait for their second officer, by violation, oldest first."""
    if not offences_of_two:
        return {}
    sql = f"""
        SELECT * FROM reviews_current
        WHERE violation_id IN (
            SELECT violation_id FROM violations_current
            WHERE enforceable AND concat(country, ':', toString(offence)) IN {{two:Array(String)}})
        AND sipHash128(violation_id) IN (
            SELECT sipHash128(violation_id) AS id FROM reviews_current GROUP BY id
            HAVING NOT ({_AGAINST}) AND {_ACCEPTANCES} = 1)
        ORDER BY reviewed_ms, review_id
    """
    found: dict[str, list[Review]] = {}
    for row in clickhouse.rows(sql, {"two": list(offences_of_two)}):
        review = record_of(row, Review)
        found.setdefault(review.violation_id, []).append(review)
    return found


def accepted_ids(clickhouse: ClickHouse, from_ms: int, until_ms: int) -> list[str]:
    """Ids of the violations that were accepted in [`from_ms`, `until_ms`) and that nobody rejected or looked at again."""
    sql = f"""
        SELECT violation_id FROM reviews_current GROUP BY violation_id
        HAVING NOT ({_AGAINST}) AND countIf(stage = 'quality') = 0
            AND max(reviewed_ms) >= {{from:Int64}} AND max(reviewed_ms) < {{until:Int64}}
        ORDER BY violation_id
    """
    return [str(row["violation_id"]) for row in clickhouse.rows(sql, {"from": from_ms, "until": until_ms})]


def violations_of(clickhouse: ClickHouse, violation_ids: Sequence[str]) -> list[Violation]:
    """The violations with these ids, oldest first."""
    return [
        record_of(row, Violation)
        for row in rows_by_id(clickhouse, "violations", violation_ids, "occurred_ms")
    ]

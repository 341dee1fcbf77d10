"""Violations that wait for an officer, and accepted ones from which a sample is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from waysight.adapters.clickhouse import ClickHouse
from waysight.domain.reviews.queue import SEVERITY, Candidate, Pressing
from waysight.messages import Violation
from waysight.storage.records import record_of, rows_by_id

# Ids go by a 128-bit hash: a set of them fits beside ten million rows.
_ID = "sipHash128(violation_id)"
_AGAINST = "countIf(decision != 'accepted') > 0"
_OFFICER = "lowerUTF8(replaceRegexpAll(trimBoth(normalizeUTF8NFKC({name})), '\\\\s+', ' '))"
# Acceptances that do not count, as in domain.reviews.verdict: from before a revision, or by whom the plate was corrected.
_VOID = f"""
    SELECT sipHash128(review_id) FROM (
        SELECT violation_id, review_id, reviewed_ms, {_OFFICER.format(name="officer")} AS who
        FROM reviews WHERE decision = 'accepted' AND violation_id IN (
            SELECT violation_id FROM violations WHERE revised_ms > 0 OR corrected_by != '')) AS r
    INNER JOIN (
        SELECT violation_id, revised_ms,
            arrayMap(name -> {_OFFICER.format(name="name")}, splitByChar(';', corrected_by)) AS correctors
        FROM violations WHERE revised_ms > 0 OR corrected_by != '') AS v USING violation_id
    WHERE reviewed_ms < revised_ms OR has(correctors, who)
"""
_COUNTS = f"""
    (decision != 'accepted' OR (stage != 'quality' AND NOT (bulk AND notEmpty(conflicts))
        AND sipHash128(review_id) NOT IN ({_VOID})))
"""
_TWO = "concat(country, ':', toString(offence)) IN {two:Array(String)}"
# What one officer accepted and takes another's acceptance.
_HALF = f"""
    SELECT {_ID} AS id FROM reviews
    WHERE {_COUNTS} AND violation_id IN (SELECT violation_id FROM violations WHERE {_TWO})
    GROUP BY id HAVING NOT ({_AGAINST}) AND min({_OFFICER.format(name="officer")}) = max({_OFFICER.format(name="officer")})
"""
_KEYS_AT_ONCE = 1000  # of a statement that the engine takes at once
_OVER = "floor(enforced_kmh, 1) - limit_kmh"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which violations are asked for: `barred_too` also those that may not be enforced.

    Those of `offences_of_two` (as ``country:offence``) wait until two officers accepted them. `narrowed` gives columns
    (offence, camera_id, country) one value each; an empty one narrows nothing. What `officer` accepted is left out.
    """

    barred_too: bool = False
    offences_of_two: Sequence[str] = ()
    narrowed: Mapping[str, str] = field(default_factory=dict)
    officer: str = ""


def candidates(
    clickhouse: ClickHouse, limit: int, asked: Asked, pressing: Sequence[Pressing] = ()
) -> list[Candidate]:
    """The first `limit` that wait for a decision: what lapses soon, then the gravest, then the oldest; lapsed ones last."""
    narrowed = {column: value for column, value in asked.narrowed.items() if value}
    where = "".join(f" AND {column} = {{{column}:String}}" for column in narrowed)
    mine = f"{_OFFICER.format(name='officer')} = {_OFFICER.format(name='{officer:String}')}"
    theirs = f"AND NOT (begun AND {_ID} IN (SELECT {_ID} FROM reviews WHERE {mine}))" if asked.officer else ""
    lapsed, urgent = (
        " OR ".join(
            ["0", *(f"(country = '{p.country}' AND occurred_ms < {getattr(p, name)})" for p in pressing)]
        )
        for name in ("lapsed_ms", "urgent_ms")
    )
    sql = f"""
        SELECT violation_id, camera_id, country, toString(offence) AS offence, occurred_ms, enforced_kmh, limit_kmh,
            corrected_by, revised_ms, begun
        FROM (
            SELECT *, {_TWO} AND {_ID} IN ({_HALF}) AS begun, multiIf({lapsed}, 2, {urgent}, 0, 1) AS place,
                transform(toString(offence), {{offences:Array(String)}}, {{grades:Array(Int32)}}, 0) AS grade,
                if(enforced_kmh BETWEEN 0 AND 999 AND limit_kmh BETWEEN 0 AND 999, least(100, toInt32({_OVER})), 0) AS over
            FROM violations_current
            WHERE (enforceable OR {{barred:Bool}}){where}
                AND (begun OR {_ID} NOT IN (SELECT {_ID} FROM reviews WHERE {_COUNTS})))
        WHERE 1 {theirs}
        ORDER BY place, if(place = 0, occurred_ms, 0), greatest(grade, ifNull(over, 0)) DESC, occurred_ms, violation_id
        LIMIT {{limit:UInt32}}
        SETTINGS do_not_merge_across_partitions_select_final = 1
    """
    given = {
        "limit": limit, "barred": asked.barred_too, "two": list(asked.offences_of_two), "officer": asked.officer,
        "offences": list(SEVERITY), "grades": list(SEVERITY.values()), **narrowed,
    }  # fmt: skip
    return [record_of(row, Candidate) for row in clickhouse.rows(sql, given)]


def whole(clickhouse: ClickHouse, found: Sequence[Candidate]) -> list[Violation]:
    """The violations of candidates as they are stored, oldest first; by the table's key, so that little is read."""
    violations = []
    for start in range(0, len(found), _KEYS_AT_ONCE):
        keys = [(c.camera_id, c.occurred_ms, c.violation_id) for c in found[start : start + _KEYS_AT_ONCE]]
        sql = "SELECT * FROM violations_current WHERE (camera_id, occurred_ms, violation_id) IN %(keys)s"
        violations += [record_of(row, Violation) for row in clickhouse.rows(sql, {"keys": keys})]
    return sorted(violations, key=lambda v: (v.occurred_ms, v.violation_id))


def waiting_violations(clickhouse: ClickHouse, limit: int, barred_too: bool = False) -> list[Violation]:
    """The first `limit` violations that wait for one officer's decision, oldest first."""
    return whole(clickhouse, candidates(clickhouse, limit, Asked(barred_too)))


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

"""How often a fine is wrong: from reviews, quality samples, cancellations, and a truth file where there is one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from waysight.adapters.clickhouse import ClickHouse
from waysight.evaluation.statistics import rate, upper_bound, upper_bounds
from waysight.reporting.asked import ask
from waysight.reporting.charts import Chart
from waysight.reporting.document import Report, Section
from waysight.reporting.reports import Period
from waysight.reporting.truth import ACTS_OF, TRUE_FINES, judge, load_truth, misses
from waysight.storage.review_statistics import COUNTS, decided

_FINES = """
SELECT count() AS issued, countIf(status = 'cancelled') AS cancelled, countIf(appeal = 'upheld') AS appeals_upheld,
    countIf(appeal != '') AS appeals
FROM fines_current WHERE issued_ms >= {from_ms:Int64} AND issued_ms < {to_ms:Int64}
"""
_PLATES = 1_000


def report(clickhouse: ClickHouse, asked: Period, truth: Path | None = None) -> Report:
    """Errors of what was decided in a period; with `truth` every standing fine is held against it.

    Raises BadConfiguration for a truth file that cannot be read.
    """
    decisions = decided(clickhouse, ("camera_id", "models", "reason"), asked.from_ms, asked.to_ms)
    (fines,) = ask(clickhouse, _FINES, asked)
    sums = {name: sum(d[name] for d in decisions) for name in COUNTS}
    sampled = _bounded(sums["disagreed"], sums["checked"])
    data: dict[str, Any] = {
        "reviews": sums,
        "quality": sampled,
        "rejected": _bounded(sums["rejected"], sums["decided"]),
        "returned": _bounded(sums["returned"], sums["decided"]),
        "cancelled": _bounded(fines["cancelled"], fines["issued"]),
        "appeals": {**_bounded(fines["appeals_upheld"], fines["issued"]), "lodged": fines["appeals"]},
        "reasons": [
            {"reason": r["reason"], "rejected": r["rejected"]}
            for r in _grouped(decisions, "reason")
            if r["rejected"]
        ],
        "by_camera": _grouped(decisions, "camera_id"),
        "by_models": _grouped(decisions, "models"),
        "wrong_fines": {**sampled, "measured_by": "quality samples"},
    }
    sections = []
    if truth is not None:
        true = load_truth(truth)
        found = judge(true, ask(clickhouse, TRUE_FINES, asked))
        missed = _missed(clickhouse, true, found["missing"])
        data["truth"] = {
            **{k: found[k] for k in ("violations", "fines", "due", "lenient", "wrong")},
            "missed": _bounded(len(found["missing"]), found["due"]),
            "missed_because": missed,
        }
        data["wrong_fines"] = {
            **_bounded(len(found["wrong"]), found["fines"]),
            "measured_by": f"truth {truth.name}",
        }
        words = f"Of {found['fines']} fines {found['lenient']} are of a lower tier than the true speed, as measuring in the driver's favour may have it."
        sections = [
            Section("Fines that the truth does not know", words, found["wrong"]),
            Section("True fines that were not issued", f"{len(found['missing'])} of {found['due']}.", missed),
        ]
    lines = [
        {"what": what, **{k: data[key][k] for k in ("count", "total", "rate", "upper_95")}, "of": of}
        for key, what, of in (
            ("wrong_fines", "wrong fines", data["wrong_fines"]["measured_by"]),
            (
                "quality",
                "wrong in quality samples",
                "accepted violations that another officer looked at again",
            ),
            ("cancelled", "fines cancelled", "fines issued"),
            ("appeals", "appeals upheld", "fines issued"),
            ("rejected", "rejected by officers", "violations decided on"),
            ("returned", "returned for correction", "violations decided on"),
        )
    ]
    words = (
        "Rates with their one-sided 95 % upper bound (Clopper-Pearson): of nothing counted it is 1. Rejections at a "
        "review are errors that were caught; wrong in a quality sample, cancelled and upheld are errors that were not."
    )
    sections = [
        Section("Wrong-fine rate and its parts", words, lines),
        *sections,
        Section("Rejections by camera", "Of violations decided on, by their latest review; worst first.", data["by_camera"],
                Chart("Share rejected", "bars", [
                    {"label": r["camera_id"], "value": 100 * r["rate"]} for r in data["by_camera"][:25]])),
        Section("Rejections by model versions", "", data["by_models"]),
        Section("Reasons", "", data["reasons"]),
    ]  # fmt: skip
    return Report("Accuracy", asked.from_ms, asked.to_ms, data, sections)


def _missed(
    clickhouse: ClickHouse, truth: dict[str, Any], missing: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    plates, rows = sorted({true["plate"] for true in missing}), list[dict[str, Any]]()
    for at in range(0, len(plates), _PLATES):
        rows += clickhouse.rows(ACTS_OF, {"plates": plates[at : at + _PLATES]})
    return misses(truth, missing, rows)


def _bounded(count: int, total: int) -> dict[str, Any]:
    return {**rate(count, total), "upper_95": upper_bound(count, total)}


def _grouped(decisions: list[dict[str, Any]], column: str) -> list[dict[str, Any]]:
    totals: dict[str, Counter[str]] = {}
    for row in decisions:
        totals.setdefault(row[column], Counter()).update({name: row[name] for name in COUNTS})
    bounds = upper_bounds([s["rejected"] for s in totals.values()], [s["decided"] for s in totals.values()])
    found = [
        {
            column: name,
            **{k: sums[k] for k in ("decided", "rejected", "checked", "disagreed")},
            "rate": round(sums["rejected"] / sums["decided"], 4),
            "upper_95": bound,
        }
        for (name, sums), bound in zip(totals.items(), bounds, strict=True)
    ]
    return sorted(found, key=lambda r: (-r["rate"], -r["rejected"], r[column]))

"""What was imposed, what was paid, and what became of the rest; exact to the last unit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from waysight.adapters.clickhouse import ClickHouse
from waysight.reporting.asked import ask
from waysight.reporting.charts import Chart
from waysight.reporting.document import Report, Section
from waysight.reporting.reports import Period

# Of each fine as it stands: imposed = settled + discounted + outstanding + written_off + cancelled, always.
_FINES = """
SELECT formatDateTime(toTimeZone(fromUnixTimestamp64Milli(issued_ms), '{zone}'), '%Y-%m') AS month,
    toString(currency) AS currency, count() AS fines, sum(amount) AS issued,
    sumIf(least(paid, amount), status != 'cancelled') AS settled,
    sumIf(amount - least(paid, amount), status = 'paid') AS discounted,
    sumIf(amount - least(paid, amount), status IN ('issued', 'suspended')) AS outstanding,
    sumIf(amount - least(paid, amount), status = 'written_off') AS written_off,
    sumIf(amount, status = 'cancelled') AS cancelled,
    sum(paid) AS received, sum(ifNull(refund_due, toDecimal64(0, 2))) AS refund_due,
    countIf(status = 'paid') AS paid_fines, countIf(status = 'cancelled') AS cancelled_fines,
    countIf(status = 'suspended') AS suspended_fines
FROM fines_current WHERE issued_ms >= {{from_ms:Int64}} AND issued_ms < {{to_ms:Int64}}
GROUP BY month, currency ORDER BY month, currency
"""
_BY_OFFENCE = """
SELECT offence, toString(currency) AS currency, count() AS fines, sum(amount) AS issued,
    sumIf(least(paid, amount), status != 'cancelled') AS settled
FROM fines_current WHERE issued_ms >= {from_ms:Int64} AND issued_ms < {to_ms:Int64}
GROUP BY offence, currency ORDER BY issued DESC, offence, currency
"""
# What banks reported in the period, whatever the fine's month.
_PAYMENTS = """
SELECT formatDateTime(toTimeZone(fromUnixTimestamp64Milli(paid_ms), '{zone}'), '%Y-%m') AS month,
    toString(currency) AS currency, count() AS payments, sum(amount) AS amount
FROM payments_current WHERE paid_ms >= {{from_ms:Int64}} AND paid_ms < {{to_ms:Int64}}
GROUP BY month, currency ORDER BY month, currency
"""
_STRAY = """
SELECT toString(currency) AS currency, count() AS payments, sum(amount) AS amount FROM payments_current
WHERE paid_ms >= {from_ms:Int64} AND paid_ms < {to_ms:Int64}
    AND (fine_number, toString(currency)) NOT IN (SELECT number, toString(currency) FROM fines_current)
GROUP BY currency ORDER BY currency
"""
_REFUNDS = """
SELECT toString(f.currency) AS currency, count() AS refunds, sum(ifNull(a.amount, toDecimal64(0, 2))) AS amount
FROM (SELECT fine_number, amount FROM fine_actions_current
    WHERE kind = 'refunded' AND at_ms >= {from_ms:Int64} AND at_ms < {to_ms:Int64}) AS a
INNER JOIN (SELECT number, currency FROM fines_current) AS f ON f.number = a.fine_number
GROUP BY currency ORDER BY currency
"""
_PARTS = ("settled", "discounted", "outstanding", "written_off", "cancelled")
_SUMS = ("issued", *_PARTS, "received", "refund_due")


def report(clickhouse: ClickHouse, asked: Period, zone: str) -> Report:
    """Money of the fines issued in a period, by month of issue (of `zone`) and currency."""
    months = ask(clickhouse, _FINES.format(zone=zone), asked)
    totals = [_total(c, months) for c in sorted({m["currency"] for m in months})]
    offences = ask(clickhouse, _BY_OFFENCE, asked)
    payments = ask(clickhouse, _PAYMENTS.format(zone=zone), asked)
    stray, refunds = ask(clickhouse, _STRAY, asked), ask(clickhouse, _REFUNDS, asked)
    data = {"timezone": zone, "rows": months, "totals": totals, "by_offence": offences,
            "payments": payments, "payments_without_fine": stray, "refunds": refunds}  # fmt: skip
    bars = [
        {"label": f"{m['month']} {m['currency']}", "series": part.replace("_", " "), "value": m[part]}
        for m in months
        for part in _PARTS
    ]
    words = (
        "Fines as they stand today, by the month in which they were issued. Issued = settled + discounted + "
        "outstanding + written off + cancelled, exactly; discounted is what early payers were spared; received "
        f"includes what must be paid back (refund due). Months are local ({zone})."
    )
    sections = [
        Section("In all", words, totals, Chart("Of what was issued", "bars", bars)),
        Section("By month of issue", "", months),
        Section("By offence", "", offences),
        Section(
            "Payments reported by banks",
            "By the month in which they were paid, whatever the fine's.",
            payments,
        ),
        Section(
            "Payments without a fine of that number and currency", "To be cleared with the payer.", stray
        ),
        Section("Refunds paid out", "", refunds),
    ]
    return Report(
        "Revenue: issued, discounted, paid, outstanding", asked.from_ms, asked.to_ms, data, sections
    )


def _total(currency: str, months: list[dict[str, Any]]) -> dict[str, Any]:
    """Sums of one currency; `difference` is what the parts miss of the whole: it must be 0.00."""
    of = [m for m in months if m["currency"] == currency]
    sums = {name: sum((m[name] for m in of), Decimal("0.00")) for name in _SUMS}
    difference = sums["issued"] - sum((sums[part] for part in _PARTS), Decimal("0.00"))
    return {"currency": currency, "fines": sum(m["fines"] for m in of), **sums, "difference": difference}

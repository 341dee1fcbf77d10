"""A report before it has a form: figures as data, and sections of words, a table and a chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from waysight.reporting.charts import Chart, Rows


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, what is to be said about it, a table of `rows` (all with the same columns) and a chart."""

    title: str
    words: str = ""
    rows: Rows = ()
    chart: Chart | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """`data` is the whole content for programs, `sections` the same for people; times are UTC epoch ms."""

    title: str
    from_ms: int
    to_ms: int
    data: Mapping[str, Any]
    sections: Sequence[Section]

    @property
    def span(self) -> str:
        """The period in words."""
        first, last = (
            f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M}" for ms in (self.from_ms, self.to_ms)
        )
        return f"{first} to {last} UTC"


def cell(value: object) -> str:
    """A value as a cell of a table: amounts exact, rates rounded, thousands apart."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value:,.2f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.1f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, list | tuple):
        return ", ".join(cell(v) for v in value)
    return str(value)


def is_number(value: object) -> bool:
    """Whether a cell stands at the right of its column."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)

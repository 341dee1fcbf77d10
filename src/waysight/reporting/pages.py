"""A report as one HTML file that needs nothing else: no script, no link, every text escaped, pictures inside."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from pathlib import Path

from waysight.errors import BadConfiguration
from waysight.reporting.charts import Rows, picture
from waysight.reporting.document import Report, Section, cell, is_number

MOST_ROWS = 2000
_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;color:#19202b;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin:0}h2{font-size:1.15rem;margin:2.2rem 0 .4rem}p{margin:.3rem 0 .8rem;max-width:46rem}
.span{color:#6e7480}img{max-width:100%}table{border-collapse:collapse;font-size:.87rem}
th,td{padding:.2rem .7rem .2rem 0;text-align:left;border-bottom:1px solid #dde3e8;vertical-align:top}
.n{text-align:right;font-variant-numeric:tabular-nums}
"""


def html(report: Report) -> str:
    """The page; the same report gives the same text."""
    parts = "".join(map(_section, report.sections))
    title = escape(report.title)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
        f"<style>{_STYLE}</style></head>\n<body><h1>{title}</h1>"
        f'<p class="span">{escape(report.span)}</p>{parts}</body></html>\n'
    )


def write_html(report: Report, path: Path) -> None:
    """Write the page; raises BadConfiguration when the file cannot be written."""
    write_bytes(path, html(report).encode(), "--html")


def write_bytes(path: Path, content: bytes, option: str) -> None:
    """Write a file, making its folder; raises BadConfiguration naming the option."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise BadConfiguration(f"cannot write {path}: {error.strerror}; choose another {option}") from error


def _section(section: Section) -> str:
    parts = [f"\n<h2>{escape(section.title)}</h2>"]
    if section.words:
        parts.append(f"<p>{escape(section.words)}</p>")
    if section.chart is not None and section.chart.rows:
        drawn = b64encode(picture([section.chart], columns=1)).decode()
        parts.append(f'<img alt="{escape(section.chart.title)}" src="data:image/png;base64,{drawn}">')
    if section.rows:
        parts.append(_table(section.rows))
    elif section.chart is None or not section.chart.rows:
        parts.append("<p>Nothing in this period.</p>")
    return "".join(parts)


def _table(rows: Rows) -> str:
    first = rows[0]
    numeric = {name for name in first if any(is_number(row[name]) for row in rows)}
    kind = {name: ' class="n"' if name in numeric else "" for name in first}
    head = "".join(f"<th{kind[n]}>{escape(n.replace('_', ' '))}</th>" for n in first)
    lines = "".join(
        "<tr>" + "".join(f"<td{kind[n]}>{escape(cell(row[n]))}</td>" for n in first) + "</tr>\n"
        for row in rows[:MOST_ROWS]
    )
    more = f"<p>{len(rows) - MOST_ROWS:,} more rows; --json has all.</p>" if len(rows) > MOST_ROWS else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{lines}</tbody></table>{more}"

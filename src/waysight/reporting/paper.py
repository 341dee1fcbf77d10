"""A report as PDF (fpdf2): A4 pages of headings, words, charts and tables; fonts are inside."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import matplotlib
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

from waysight.reporting.charts import Rows, picture
from waysight.reporting.document import Report, Section, cell, is_number
from waysight.reporting.pages import write_bytes

MOST_ROWS = 150
_MOST_CELL = 60
_INK, _GREY, _BLUE = (25, 32, 43), (110, 116, 128), (0, 84, 130)


def write_pdf(report: Report, path: Path) -> None:
    """Write the document; raises BadConfiguration when the file cannot be written."""
    write_bytes(path, pdf(report), "--pdf")


def pdf(report: Report) -> bytes:
    """The document; the same report gives the same bytes."""
    paper = _Paper(format="A4")
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    paper.add_font("dejavu", "", fonts / "DejaVuSans.ttf")
    paper.add_font("dejavu", "B", fonts / "DejaVuSans-Bold.ttf")
    paper.set_creation_date(datetime.fromtimestamp(report.to_ms / 1000, UTC))
    paper.set_title(report.title)
    paper.set_auto_page_break(True, 16)
    paper.add_page()
    paper.words(report.title, 16, _INK, bold=True)
    paper.words(report.span, 8, _GREY)
    for section in report.sections:
        paper.section(section)
    return bytes(paper.output())


class _Paper(FPDF):  # type: ignore[misc]  # fpdf2 has no types
    def footer(self) -> None:
        self.set_y(-12)
        self.words(f"waysight  ·  page {self.page_no()}", 7, _GREY)

    def section(self, section: Section) -> None:
        self.ln(5)
        if self.get_y() > 240:
            self.add_page()
        self.words(section.title, 11, _BLUE, bold=True)
        if section.words:
            self.words(section.words, 8, _INK)
        if section.chart is not None and section.chart.rows:
            self.image(
                io.BytesIO(picture([section.chart], columns=1)), w=self.epw, h=230, keep_aspect_ratio=True
            )
        if section.rows:
            self._rows(section.rows)
        elif section.chart is None or not section.chart.rows:
            self.words("Nothing in this period.", 8, _GREY)

    def words(self, text: str, size: float, colour: tuple[int, int, int], bold: bool = False) -> None:
        self.set_font("dejavu", "B" if bold else "", size)
        self.set_text_color(*colour)
        self.multi_cell(0, size * 0.5, _printable(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _rows(self, rows: Rows) -> None:
        self.ln(1)
        self.set_font("dejavu", "", 6.2)
        self.set_text_color(*_INK)
        first = rows[0]
        align = tuple("RIGHT" if any(is_number(r[n]) for r in rows) else "LEFT" for n in first)
        texts = [[_printable(cell(row[n])) for n in first] for row in rows[:MOST_ROWS]]
        widths = [max(len(n), *(min(len(t[i]), _MOST_CELL) for t in texts)) + 2 for i, n in enumerate(first)]
        head = FontFace(emphasis="BOLD", color=_BLUE)
        with self.table(
            borders_layout="HORIZONTAL_LINES", col_widths=tuple(widths), text_align=align, headings_style=head,
            line_height=3.2, padding=0.4,
        ) as table:  # fmt: skip
            for cells in ([n.replace("_", " ") for n in first], *texts):
                row = table.row()
                for text in cells:
                    row.cell(text)
        if len(rows) > MOST_ROWS:
            self.words(f"{len(rows) - MOST_ROWS:,} more rows; --json has all.", 7, _GREY)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)

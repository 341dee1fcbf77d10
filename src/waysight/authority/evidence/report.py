"""An evidence package for people to read: pictures, figures, how they were come by, and how to check them (fpdf2)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import matplotlib
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from waysight.authority.evidence.blur import Blur
from waysight.authority.evidence.records import (
    Facts,
    calibration,
    clock,
    how_measured,
    measurement,
    register,
)
from waysight.authority.evidence.words import report_words
from waysight.authority.rulepacks import all_packs
from waysight.messages import FrameRef

_LEFT_MM, _WIDTH_MM, _LABEL_MM, _BOTTOM_MM = 16.0, 178.0, 44.0, 280.0
_LINE = 0.46  # mm of line height per point of type
_INK, _GREY, _BLUE, _PALE = (25, 30, 40), (105, 110, 122), (0, 84, 130), (238, 243, 247)
_FIGURES = (
    ("measured_kmh", "measured", "{:.2f} km/h"), ("uncertainty_kmh", "uncertainty", "{:.2f} km/h"),
    ("tolerance_kmh", "tolerance", "{:.2f} km/h"), ("enforced_kmh", "enforced", "{:.2f} km/h"),
    ("limit_kmh", "limit", "{:g} km/h"), ("distance_m", "distance", "{:.2f} m"), ("duration_ms", "duration", "{:.0f} ms"),
    ("red_ms", "red", "{:.0f} ms"), ("dwell_ms", "dwell", "{:.0f} ms"),
)  # fmt: skip
_RTL = re.compile("[\u0590-\u08ff]")
_MARK = "\u200e"  # left-to-right


def report_pdf(
    facts: Facts,
    pictures: Sequence[tuple[FrameRef, bytes]],
    files: Iterable[Mapping[str, Any]],
    key: str,
    signed_ms: int,
    blur: Blur,
) -> bytes:
    """The report as a PDF (A4, in English and the languages of the country's law); the same input gives the same bytes.

    `pictures` are the annotated frames (JPEG) in time order, `files` the other files of the package as listed in the
    manifest (path, sha256), `key` the signing key's fingerprint, `signed_ms` UTC epoch ms.
    """
    page = _Page(facts, signed_ms)
    page.head(key)
    page.measured()
    page.pictures(pictures, blur)
    page.clocks()
    page.calibrated()
    page.decided()
    page.hashes(files, key)
    return page.made()


class _Page:
    def __init__(self, facts: Facts, signed_ms: int) -> None:
        self._facts, self._signed_ms = facts, signed_ms
        self._words = report_words(facts.violation.country)
        camera = facts.camera(facts.violation.camera_id)
        self._zone = ZoneInfo(camera.timezone) if camera else ZoneInfo("UTC")
        self._pdf = pdf = FPDF(format="A4")
        fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
        pdf.add_font("dejavu", "", fonts / "DejaVuSans.ttf")
        pdf.add_font("dejavu", "B", fonts / "DejaVuSans-Bold.ttf")
        pdf.set_creation_date(datetime.fromtimestamp(signed_ms / 1000, UTC))
        pdf.set_title(f"Evidence of violation {facts.violation.violation_id}")
        pdf.set_margins(_LEFT_MM, 14, 210 - _LEFT_MM - _WIDTH_MM)
        pdf.set_auto_page_break(True, 297 - _BOTTOM_MM)
        # Letters of a right-to-left script are joined and put in order by the shaping engine.
        pdf.set_text_shaping(any(_RTL.search(text) for text in self._words["title"]))
        pdf.add_page()

    def made(self) -> bytes:
        return bytes(self._pdf.output())

    def head(self, key: str) -> None:
        v = self._facts.violation
        english, *others = self._words["title"]
        self._text(f"{english}: {v.offence.replace('_', ' ')}", 15, _INK, bold=True)
        offence = pack.offence(v.offence) if (pack := all_packs().get(v.country)) else None
        for title, language in zip(others, self._words.languages[1:], strict=True):
            what = f": {offence.title[language]}" if offence else ""
            self._text(f"{title}{what}", 9, _INK, bold=True)
        self._said("signed", 7, _GREY, id=v.violation_id, at=self._at(self._signed_ms), key=key)
        self._pdf.ln(1.5)
        look = register(self._facts)
        known = look["registered"]
        described = (
            " ".join(filter(None, (known[n] for n in ("colour", "make", "model", "type")))) if known else ""
        )
        self._rows([
            ("when", self._at(v.occurred_ms)),
            ("where", ", ".join(filter(None, (v.location, v.camera_id, v.section_id and f"section {v.section_id}",
                                              v.zone_id and f"zone {v.zone_id}", v.line_id and f"line {v.line_id}")))),
            ("plate", v.plate or self._filled("unread")),
            ("confidence", f"{v.plate_confidence:.3f}"),
            ("corrected", self._filled("corrected_by", plate=v.read_plate, by=v.corrected_by) if v.corrects else ""),
            ("seen", " ".join(filter(None, (v.colour, v.label)))),
            ("register", described or look["note"]),
            *((name, self._until(known, f"{name}_until_ms")) for name in ("insured", "inspected")
              if v.offence in ("no_insurance", "no_inspection")),
            ("law", v.rule_pack),
            ("models", v.models),
            ("obstacles", ", ".join(v.obstacles)),
            ("exemption", v.exemption),
        ])  # fmt: skip

    def measured(self) -> None:
        said = measurement(self._facts.violation)
        self._title("measurement")
        self._said(how_measured(self._facts.violation), 8, _INK, source=self._facts.violation.source)
        rows = [(name, shape.format(said[key])) for key, name, shape in _FIGURES if key in said]
        rows.append(("device", said["certificate"] or self._filled("no_device")))
        rows += [
            (f"read {r.read_id} of {r.device_id}",
             f"{self._at(r.captured_ms)}, {r.plate or 'no plate'}, "
             + (f"{r.speed_kmh:g} km/h" if r.speed_kmh is not None else "no speed") + f", {r.certificate or 'no certificate'}")
            for r in self._facts.device_reads
        ]  # fmt: skip
        self._rows(rows)

    def pictures(self, pictures: Sequence[tuple[FrameRef, bytes]], blur: Blur) -> None:
        self._title("pictures", f" ({len(pictures)})")
        self._said(f"hidden_{blur.mode or 'none'}", 8, _INK, by=blur.by)
        pdf, wide = self._pdf, (_WIDTH_MM - 4) / 2
        top, tallest = pdf.get_y() + 1, 0.0
        for i, (ref, jpeg) in enumerate(pictures):
            if i % 2 == 0:
                top, tallest = top + tallest, 0.0
                if top > _BOTTOM_MM - 74:
                    pdf.add_page()
                    top = pdf.get_y()
            x = _LEFT_MM + (i % 2) * (wide + 4)
            shot = pdf.image(io.BytesIO(jpeg), x, top, wide)
            pdf.set_xy(x, top + shot.rendered_height + 0.5)
            what = f"{i + 1}: {self._at(ref.captured_ms)}\nread {ref.plate_text or '-'} ({ref.plate_confidence:.3f})\n"
            self._text(f"{what}SHA-256 {ref.sha256}", 5.2, _GREY, width=wide)
            tallest = max(tallest, pdf.get_y() - top + 2)
        pdf.set_xy(_LEFT_MM, top + tallest)

    def clocks(self) -> None:
        self._title("clocks")
        rows = []
        for camera_id in self._facts.camera_ids:
            said = clock(self._facts, camera_id)
            stated = (
                "no bound stated" if said["stated_ms"] is None else f"stated bound {said['stated_ms']} ms"
            )
            lines = [f"{said['verdict']} ({stated})"]
            for side in ("before", "after"):
                check = said[side]
                if check is not None:
                    lines.append(
                        f"{side}: {self._at(check['checked_ms'])}, {check['offset_ms']:+g} ms (error {check['error_ms']:g} ms) "
                        f"against {check['reference']}, by {check['by']}"
                    )
            rows.append((camera_id, "\n".join(lines)))
        self._rows(rows)

    def calibrated(self) -> None:
        self._title("calibration")
        rows = []
        for camera_id in self._facts.camera_ids:
            said = calibration(self._facts, camera_id)
            own = said["calibration"]
            if own is None:
                known = self._facts.camera(camera_id) is not None
                rows.append((camera_id, "none" if known else said["note"]))
                continue
            worst = max((r["off_px"] for r in own["residuals"]), default=0.0)
            late = " (AFTER the violation; the one before it is not kept)" if own["surveyed_after"] else ""
            when = f"{own['surveyed_on'] or 'date not recorded'}{late}, by {own['surveyed_by'] or 'nobody recorded'}"
            rows.append((camera_id, f"from {own['way']}, {when}; residuals {own['error_px']:.2f} px (worst {worst:.2f} px of "
                                    f"{len(own['residuals'])}), one sigma {own['error_m']:.2f} m; record {said['record_version']}"))  # fmt: skip
        self._rows(rows)

    def decided(self) -> None:
        self._title("decisions")
        rows = [
            (self._at(r.reviewed_ms), " · ".join(filter(None, (
                f"{r.decision} by {r.officer}", f"stage {r.stage}", r.reason and f"reason {r.reason}",
                r.corrected_plate and f"plate {r.original_plate} to {r.corrected_plate}",
                f"in spite of {', '.join(r.conflicts)}" if r.conflicts else "", r.note))))
            for r in self._facts.reviews
        ]  # fmt: skip
        fine = self._facts.fine
        if fine is not None:
            rows.append(("fine", f"{fine.number}: {fine.amount} {fine.currency}, {fine.law}, {fine.status}"))
        self._rows(rows)
        if not rows:
            self._said("undecided", 8, _INK)

    def hashes(self, files: Iterable[Mapping[str, Any]], key: str) -> None:
        self._title("files")
        self._said("check", 8, _INK, key=key)
        for file in files:
            self._text(f"{file['sha256']}  {file['path']}", 5.6, _GREY)

    def _title(self, key: str, more: str = "") -> None:
        if self._pdf.get_y() > _BOTTOM_MM - 22:
            self._pdf.add_page()
        self._pdf.ln(2)
        english, *others = self._words[key]
        self._text(" · ".join((english + more, *others)), 10, _BLUE, bold=True)

    def _said(self, key: str, size: float, colour: tuple[int, int, int], /, **filled: str) -> None:
        """A sentence in every language, a paragraph each."""
        for i, text in enumerate(self._filled(key, **filled).split("\n")):
            self._text(text, size if i == 0 else size - 1, colour)

    def _filled(self, key: str, /, **filled: str) -> str:
        """The texts of a key, a line for each language. What is filled in keeps its order among right-to-left letters."""
        lines = []
        for text in self._words[key]:
            mark = _MARK if _RTL.search(text) else ""
            lines.append(text.format(**{name: f"{mark}{value}{mark}" for name, value in filled.items()}))
        return "\n".join(lines)

    def _named(self, key: str) -> list[tuple[str, float]]:
        """A row's name with its size, in English and the other languages; what is no word of ours stands for itself."""
        if key not in self._words.texts:
            return [(key, 7.0)]
        return [(text, 7.0 if i == 0 else 5.4) for i, text in enumerate(self._words[key])]

    def _rows(self, rows: Iterable[tuple[str, str]]) -> None:
        pdf, wide = self._pdf, _WIDTH_MM - _LABEL_MM
        for name, value in rows:
            if not value:
                continue
            names, said = self._named(name), [(line, 8.0) for line in value.split("\n")]
            height = max(self._height(said, wide), self._height(names, _LABEL_MM - 2)) + 0.4
            if pdf.get_y() + height > _BOTTOM_MM:
                pdf.add_page()
            y = pdf.get_y()
            pdf.set_fill_color(*_PALE)
            pdf.rect(_LEFT_MM, y, _LABEL_MM - 1, height, "F")
            for text, size in names:
                self._text(text, size, _GREY, width=_LABEL_MM - 2)
            below = pdf.get_y()
            pdf.set_y(y)
            for text, size in said:
                pdf.set_x(_LEFT_MM + _LABEL_MM)
                self._text(text, size, _INK, width=wide)
            pdf.set_xy(_LEFT_MM, max(pdf.get_y(), below) + 0.4)

    def _text(
        self, text: str, size: float, colour: tuple[int, int, int], *, bold: bool = False, width: float = 0
    ) -> None:
        pdf: Any = self._pdf
        pdf.set_font("dejavu", "B" if bold else "", size)
        pdf.set_text_color(*colour)
        align = "R" if _RTL.match(text) else "L"
        pdf.multi_cell(width, size * _LINE, text, align=align, new_x=XPos.LEFT, new_y=YPos.NEXT)

    def _height(self, texts: Iterable[tuple[str, float]], width: float) -> float:
        pdf: Any = self._pdf
        height = 0.0
        for text, size in texts:
            pdf.set_font("dejavu", "", size)
            lines = pdf.multi_cell(width, size * _LINE, text, align="L", dry_run=True, output="LINES")
            height += size * _LINE * len(lines)
        return height

    def _until(self, known: Mapping[str, Any] | None, name: str) -> str:
        until_ms = (known or {}).get(name)
        return self._filled("unrecorded") if until_ms is None else self._at(until_ms)

    def _at(self, at_ms: int) -> str:
        at = datetime.fromtimestamp(at_ms / 1000, self._zone)
        return f"{at:%Y-%m-%d %H:%M:%S}.{at_ms % 1000:03} (UTC{at:%z})"

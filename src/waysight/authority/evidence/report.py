"""An evidence package for people to read: pictures, figures, how they were come by, and how to check them (fpdf2)."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import matplotlib
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from waysight.authority.evidence.blur import Blur
from waysight.authority.evidence.records import Facts, calibration, clock, measurement, register
from waysight.messages import FrameRef

_LEFT_MM, _WIDTH_MM, _LABEL_MM, _BOTTOM_MM = 16.0, 178.0, 44.0, 280.0
_INK, _GREY, _BLUE, _PALE = (25, 30, 40), (105, 110, 122), (0, 84, 130), (238, 243, 247)
_FIGURES = (
    ("measured_kmh", "measured", "{:.2f} km/h"), ("uncertainty_kmh", "uncertainty (95 %), deducted", "{:.2f} km/h"),
    ("tolerance_kmh", "tolerance of the law, deducted", "{:.2f} km/h"), ("enforced_kmh", "held against the driver", "{:.2f} km/h"),
    ("limit_kmh", "limit", "{:g} km/h"), ("distance_m", "surveyed distance", "{:.2f} m"),
    ("duration_ms", "longest time by the clocks", "{:.0f} ms"), ("red_ms", "red for at least", "{:.0f} ms"),
    ("dwell_ms", "stood for at least", "{:.0f} ms"),
)  # fmt: skip
_HIDDEN = {
    "": "The pictures are shown as the cameras sent them.",
    "bystanders": "Other vehicles, other plates and people were hidden where a detector found them ({by}); whom it missed "
    "is visible.",
    "outside": "All outside the boxes of the vehicle and its plate was hidden.",
}


def report_pdf(
    facts: Facts,
    pictures: Sequence[tuple[FrameRef, bytes]],
    files: Iterable[Mapping[str, Any]],
    key: str,
    signed_ms: int,
    blur: Blur,
) -> bytes:
    """The report as a PDF (A4, English); the same input gives the same bytes.

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
        pdf.add_page()

    def made(self) -> bytes:
        return bytes(self._pdf.output())

    def head(self, key: str) -> None:
        v = self._facts.violation
        self._text(f"Evidence: {v.offence.replace('_', ' ')}", 15, _INK, bold=True)
        self._text(
            f"violation {v.violation_id}, package signed {self._at(self._signed_ms)} with key {key}", 7, _GREY
        )
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
            ("plate", f"{v.plate or 'unread'}, least confidence of its reads {v.plate_confidence:.3f}"),
            ("corrected", f"read as {v.read_plate}; corrected by {v.corrected_by}" if v.corrects else ""),
            ("seen in the pictures", " ".join(filter(None, (v.colour, v.label)))),
            ("in the register", described or look["note"]),
            *((f"register: {name} until", self._until(known, f"{name}_until_ms")) for name in ("insured", "inspected")
              if v.offence in ("no_insurance", "no_inspection")),
            ("law applied", v.rule_pack),
            ("models", v.models),
            ("obstacles to a fine", ", ".join(v.obstacles)),
            ("exemption", v.exemption),
        ])  # fmt: skip

    def measured(self) -> None:
        said = measurement(self._facts.violation)
        self._title("Measurement")
        self._text(said["how"], 8, _INK)
        rows = [(name, shape.format(said[key])) for key, name, shape in _FIGURES if key in said]
        rows.append(
            ("device and verification", said["certificate"] or "none on record: no fine may rest on it")
        )
        rows += [
            (f"read {r.read_id} of {r.device_id}",
             f"{self._at(r.captured_ms)}, {r.plate or 'no plate'}, "
             + (f"{r.speed_kmh:g} km/h" if r.speed_kmh is not None else "no speed") + f", {r.certificate or 'no certificate'}")
            for r in self._facts.device_reads
        ]  # fmt: skip
        self._rows(rows)

    def pictures(self, pictures: Sequence[tuple[FrameRef, bytes]], blur: Blur) -> None:
        self._title(f"Pictures ({len(pictures)})")
        self._text(_HIDDEN[blur.mode].format(by=blur.by), 8, _INK)
        pdf, wide = self._pdf, (_WIDTH_MM - 4) / 2
        top, tallest = pdf.get_y() + 1, 0.0
        for i, (ref, jpeg) in enumerate(pictures):
            if i % 2 == 0:
                top, tallest = top + tallest, 0.0
                if top > _BOTTOM_MM - 78:
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
        self._title("Clocks")
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
        self._title("Calibration")
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
        self._title("Decisions")
        rows = [
            (self._at(r.reviewed_ms), " · ".join(filter(None, (
                f"{r.decision} by {r.officer}", f"stage {r.stage}", r.reason and f"reason {r.reason}",
                r.corrected_plate and f"plate {r.original_plate} to {r.corrected_plate}",
                f"in spite of {', '.join(r.conflicts)}" if r.conflicts else "", r.note))))
            for r in self._facts.reviews
        ]  # fmt: skip
        fine = self._facts.fine
        if fine is not None:
            rows.append((f"fine {fine.number}", f"{fine.amount} {fine.currency}, {fine.law}, {fine.status}"))
        self._rows(rows or [("none", "no officer has decided on this violation")])

    def hashes(self, files: Iterable[Mapping[str, Any]], key: str) -> None:
        self._title("Files and how to check them")
        self._text(
            "manifest.json lists the SHA-256 of every file, this one too, and is signed with Ed25519. Check the package with "
            "`waysight evidence verify PACKAGE`, or with verify_evidence.py, which needs nothing but Python. The key must be "
            f"{key}, in force when it signed by the authority's key ring; get the ring from the authority.", 8, _INK,
        )  # fmt: skip
        for file in files:
            self._text(f"{file['sha256']}  {file['path']}", 5.6, _GREY)

    def _title(self, text: str) -> None:
        if self._pdf.get_y() > _BOTTOM_MM - 22:
            self._pdf.add_page()
        self._pdf.ln(2)
        self._text(text, 10, _BLUE, bold=True)

    def _rows(self, rows: Iterable[tuple[str, str]]) -> None:
        pdf: Any = self._pdf
        for name, value in rows:
            if not value:
                continue
            pdf.set_font("dejavu", "", 8)
            lines = pdf.multi_cell(_WIDTH_MM - _LABEL_MM, 3.7, value, align="L", dry_run=True, output="LINES")
            pdf.set_font("dejavu", "", 7)
            names = pdf.multi_cell(_LABEL_MM - 2, 3.3, name, align="L", dry_run=True, output="LINES")
            height = max(3.7 * len(lines), 3.3 * len(names)) + 0.2
            if pdf.get_y() + height > _BOTTOM_MM:
                pdf.add_page()
            y = pdf.get_y()
            pdf.set_fill_color(*_PALE)
            pdf.rect(_LEFT_MM, y, _LABEL_MM - 1, height, "F")
            self._text(name, 7, _GREY, width=_LABEL_MM - 2)
            below = pdf.get_y()
            pdf.set_xy(_LEFT_MM + _LABEL_MM, y)
            self._text(value, 8, _INK, width=_WIDTH_MM - _LABEL_MM)
            pdf.set_xy(_LEFT_MM, max(pdf.get_y(), below) + 0.4)

    def _text(
        self, text: str, size: float, colour: tuple[int, int, int], *, bold: bool = False, width: float = 0
    ) -> None:
        pdf: Any = self._pdf
        pdf.set_font("dejavu", "B" if bold else "", size)
        pdf.set_text_color(*colour)
        pdf.multi_cell(width, size * 0.46, text, align="L", new_x=XPos.LEFT, new_y=YPos.NEXT)

    def _until(self, known: Mapping[str, Any] | None, name: str) -> str:
        until_ms = (known or {}).get(name)
        return "not on record" if until_ms is None else self._at(until_ms)

    def _at(self, at_ms: int) -> str:
        at = datetime.fromtimestamp(at_ms / 1000, self._zone)
        return f"{at:%Y-%m-%d %H:%M:%S}.{at_ms % 1000:03} (UTC{at:%z})"

"""The notice that the registered owner gets: one page, in the languages of the country, as PDF (fpdf2)."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import matplotlib
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import TTFFont

from waysight.adapters.pictures import Picture, encode_jpeg
from waysight.authority.evidence.pictures import has_plate, plate_picture, vehicle_picture
from waysight.authority.notice_words import Words, notice_words
from waysight.authority.qr import payment_text, qr_picture
from waysight.domain.fines.pricing import Stage, cut_kmh, discount_of, over_limit_kmh, stages_of
from waysight.domain.plates import displayed
from waysight.domain.rulepack import Discount, RulePack
from waysight.errors import BadConfiguration
from waysight.messages import Fine, FrameRef, Violation

_LEFT_MM, _RIGHT_MM, _LABEL_MM = 18.0, 192.0, 82.0
_WIDTH_MM = _RIGHT_MM - _LEFT_MM
_QR_MM = 27.0
_BOTTOM_MM = 293.0
_LINE = 0.42  # mm of line height per point of type
_INK, _GREY, _BLUE, _PALE = (25, 30, 40), (110, 116, 128), (0, 84, 130), (238, 243, 247)
_RTL = re.compile("[\u0590-\u08ff]")
_MARK = "\u200e"  # left-to-right
_LATIN = re.compile(f"[A-Za-z{_MARK}]")
_SIGNS = {"KZT": "₸", "PEN": "S/", "MAD": "MAD"}


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who issues the notice and how it is paid; printed as given. `specimen` marks a page without legal effect.

    `link` is an address of the authority's where ``{number}`` stands for the fine's number; the QR code carries it.
    """

    authority: str = ""
    address: str = ""
    payment: str = ""
    specimen: bool = False
    link: str = ""


def notice_pdf(
    fine: Fine,
    violation: Violation,
    pictures: Sequence[tuple[FrameRef, Picture]],
    pack: RulePack,
    timezone: str,
    issuer: Issuer,
) -> bytes:
    """The notice of a fine as a PDF of one A4 page; the same input gives the same bytes.

    `pictures` are the evidence frames (BGR) in time order, `timezone` the camera's. Raises BadConfiguration
    when the country has no words for notices.
    """
    now = _stages_now(fine, violation, pack)[1]
    if now and now[0].amount != fine.discount_amount:
        raise BadConfiguration(
            f"fine {fine.number} was priced by {fine.rule_pack}; the rules here would discount it to {now[0].amount} "
            f"and not to {fine.discount_amount}: print it by the rules of its issue (--rules)"
        )
    page = _Page(notice_words(fine.country), fine, violation, pack, ZoneInfo(timezone), issuer)
    page.head()
    page.facts()
    page.evidence(pictures)
    page.money()
    page.foot()
    return page.bytes()


def _stages_now(
    fine: Fine, violation: Violation, pack: RulePack
) -> tuple[Discount | None, tuple[Stage, ...]]:
    """The discount that a pack gives a fine, and its stages."""
    zone = ZoneInfo(pack.timezone)
    occurred, issued = (
        datetime.fromtimestamp(ms / 1000, zone).date() for ms in (fine.occurred_ms, fine.issued_ms)
    )
    served = None if fine.served_ms is None else datetime.fromtimestamp(fine.served_ms / 1000, zone).date()
    discount = discount_of(violation, pack, occurred)
    return discount, stages_of(discount, fine.amount, pack, occurred, issued, served)


class _Page:
    def __init__(
        self, words: Words, fine: Fine, violation: Violation, pack: RulePack, zone: ZoneInfo, issuer: Issuer
    ) -> None:
        self._words, self._fine, self._violation, self._pack = words, fine, violation, pack
        self._zone, self._issuer = zone, issuer
        self._pdf = pdf = FPDF(format="A4")
        fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
        pdf.add_font("dejavu", "", fonts / "DejaVuSans.ttf")
        pdf.add_font("dejavu", "B", fonts / "DejaVuSans-Bold.ttf")
        pdf.set_creation_date(datetime.fromtimestamp(fine.issued_ms / 1000, UTC))
        pdf.set_title(f"{words['title'][-1]} {fine.number}")
        pdf.set_auto_page_break(False)
        pdf.set_margins(_LEFT_MM, 14, 210 - _RIGHT_MM)
        # Letters of a right-to-left script are joined and put in order by the shaping engine.
        pdf.set_text_shaping(any(_RTL.search(text) for text in words["title"]))
        pdf.add_page()

    def bytes(self) -> bytes:
        page = bytes(self._pdf.output())
        for font in self._pdf.fonts.values():
            if isinstance(font, TTFFont):
                font.ttfont.close()
        return page

    def head(self) -> None:
        pdf, words, fine = self._pdf, self._words, self._fine
        pdf.set_fill_color(*_BLUE)
        pdf.rect(0, 0, 210, 4, "F")
        pdf.set_xy(_LEFT_MM, 11)
        self._text(self._issuer.authority or self._pack.code[words.languages[0]], 8, _GREY)
        if self._issuer.address:
            self._text(self._issuer.address, 7, _GREY)
        pdf.ln(1)
        for i, title in enumerate(words["title"]):
            self._text(title, 13 if i == 0 else 9.5, _INK, bold=i < 2)
        if self._issuer.specimen:
            self._text(words.joined("demo"), 8, (180, 40, 40), bold=True)
        y = pdf.get_y() + 2
        half = _WIDTH_MM / 2
        self._boxed(
            _LEFT_MM,
            y,
            half - 2,
            25,
            "addressee",
            self._addressee(),
        )
        issued = self._day(datetime.fromtimestamp(fine.issued_ms / 1000, self._zone).date())
        self._boxed(_LEFT_MM + half + 2, y, half - 2 - _QR_MM, 12, "number", [fine.number])
        self._boxed(_LEFT_MM + half + 2, y + 13, half - 2 - _QR_MM, 12, "issued", [issued])
        due = self._fine.discount_amount if fine.discount_until else fine.amount
        code = qr_picture(payment_text(fine.number, f"{due}", fine.currency, self._issuer.link))
        pdf.image(io.BytesIO(encode_jpeg(code, 95)), _RIGHT_MM - _QR_MM + 2, y, _QR_MM - 2, _QR_MM - 2)
        pdf.set_xy(_RIGHT_MM - _QR_MM + 2, y + _QR_MM - 2)
        self._text(words["qr"][0], 5, _GREY, width=_QR_MM - 2, line=2)
        pdf.set_y(y + 28)

    def _addressee(self) -> list[str]:
        """Who must pay: the person who was named as liable, else the registered owner."""
        fine = self._fine
        person = (fine.liable_name, fine.liable_address, fine.liable_id)
        if not fine.liable_id:
            person = (fine.owner_name, fine.owner_address, fine.owner_id)
        return [_cut(text, most) for text, most in zip(person, (70, 120, 40), strict=True)]

    def facts(self) -> None:
        v, fine = self._violation, self._fine
        at = datetime.fromtimestamp(v.occurred_ms / 1000, self._zone)
        offence = self._pack.offence(fine.offence)
        titles = [offence.title[lang] for lang in self._words.languages] if offence else [fine.offence]
        rows: list[tuple[str, str]] = [
            ("offence", titles[0] + "\n" + " · ".join(titles[1:])),
            ("law", f"{fine.law} – {self._pack.code[self._words.languages[0]]}"),
            ("plate", _in_order(displayed(fine.plate, v.plate_country))),
            ("time", f"{at:%d.%m.%Y  %H:%M:%S} (UTC{at:%z})"),
            ("place", _cut(v.location or v.camera_id, 120)),
        ]
        if v.measured_kmh is not None and v.enforced_kmh is not None and v.limit_kmh is not None:
            measured, enforced = Decimal(str(round(v.measured_kmh, 1))), cut_kmh(v.enforced_kmh)
            kmh = self._words["kmh"][0]
            # Deducted is what lies between the two printed speeds, so that the column adds up.
            tolerance = Decimal(str(round(v.tolerance_kmh or 0.0, 1)))
            rows += [
                ("measured", f"{measured} {kmh}"),
                ("uncertainty", f"{measured - enforced - tolerance} {kmh}"),
                *([("tolerance", f"{tolerance} {kmh}")] if tolerance else []),
                ("enforced", f"{enforced} {kmh}"),
                ("limit", f"{v.limit_kmh:g} {kmh}"),
                ("over", f"{over_limit_kmh(v)} {kmh}"),
            ]
        if v.distance_m is not None and v.duration_ms is not None:
            rows.append(("section", f"{v.distance_m:.2f} m  /  {v.duration_ms / 1000:.2f} s"))
        if v.red_ms is not None:
            rows.append(("red", f"{v.red_ms / 1000:.2f} s"))
        if fine.points:
            rows.append(("points", str(fine.points)))
        rows += [("device", _cut(v.certificate, 150)), ("officer", _cut(fine.officer, 60))]
        for i, (key, value) in enumerate(rows):
            self._row(key, value, shaded=i % 2 == 0)
        self._pdf.ln(2)

    def evidence(self, pictures: Sequence[tuple[FrameRef, Picture]]) -> None:
        pdf = self._pdf
        self._text(self._words.joined("evidence"), 8, _BLUE, bold=True)
        top = pdf.get_y() + 0.5
        wide = (_WIDTH_MM - 4) / 2
        high = max(30.0, min(44.0, 192.0 - pdf.get_y()))  # many facts leave less room
        for i, (ref, picture) in enumerate(pictures[:2]):
            x = _LEFT_MM + i * (wide + 4)
            shot = vehicle_picture(ref, picture, 900, round(900 * high / wide))
            pdf.image(io.BytesIO(encode_jpeg(shot, 85)), x, top, wide, high)
            if has_plate(ref):
                plate = plate_picture(ref, picture, 480)
                height = min(32.0 * plate.shape[0] / plate.shape[1], high / 2)
                pdf.image(
                    io.BytesIO(encode_jpeg(plate, 90)), x + wide - 33, top + high - height - 1, 32, height
                )
            at = datetime.fromtimestamp(ref.captured_ms / 1000, self._zone)
            pdf.set_xy(x, top + high + 0.5)
            text = f"{at:%d.%m.%Y %H:%M:%S}.{ref.captured_ms % 1000:03}  ·  {_in_order(ref.plate_text)}  ·  SHA-256 {ref.sha256[:16]}…"
            self._text(text, 6, _GREY, width=wide)
        pdf.set_xy(_LEFT_MM, top + (high + 5 if pictures else 1))

    def money(self) -> None:
        pdf, fine = self._pdf, self._fine
        y, half = pdf.get_y() + 1, _WIDTH_MM / 2
        self._boxed(_LEFT_MM, y, half - 2, 21, "amount", [self._money(fine.amount), self._units()], big=True)
        stages, terms = self._stages()
        self._boxed(_LEFT_MM + half + 2, y, half - 2, 21, "discounted", stages, big=True)
        pdf.set_xy(_LEFT_MM, y + 22.5)
        for text in terms:
            self._text(text, 6.3, _INK, line=2.9)
        if self._issuer.payment:
            self._text(self._issuer.payment, 7, _INK, bold=True)

    def _stages(self) -> tuple[list[str], list[str]]:
        """What stands in the box of the discount, and the terms below it."""
        fine, words = self._fine, self._words
        discount, stages = _stages_now(fine, self._violation, self._pack)
        if discount is None:
            return ["–", words.joined("no_discount")], []
        until = date.fromisoformat(fine.discount_until) if fine.discount_until else stages[0].until
        stages = (replace(stages[0], until=until), *stages[1:])
        lines = [self._money(stages[0].amount)]
        for row, stage in zip(discount.stages, stages, strict=True):
            if stage.until is not None:
                texts = [f"{text}: {self._day(stage.until)}" for text in words["until"]]
            elif row.count is None:
                texts = list(words["open_stage"])
            else:
                texts = [text.format(days=row.count) for text in words[f"within_{row.unit}"]]
            # Where several stages need the room the main language stands alone; the terms below have them all.
            text = " · ".join(texts) if len(stages) == 1 else texts[0]
            lines.append(text if stage is stages[0] else f"{self._money(stage.amount)} {text}")
        days = discount.stages[0].count or 0
        return lines, [text.format(days=days) for text in words["discount_terms"]]

    def foot(self) -> None:
        pdf, fine, words = self._pdf, self._fine, self._words
        pdf.ln(1)
        self._text(words.joined("appeal_title"), 8, _BLUE, bold=True)
        for text in words["appeal"]:
            self._text(text, 6.3, _INK, line=2.9)
        if fine.appeal_until:
            last = self._day(date.fromisoformat(fine.appeal_until))
            self._text(f"{words.joined('appeal_until')}: {last}", 6.3, _INK, bold=True, line=2.9)
        used = [r for r in self._pack.readings if r.id in fine.caveats.split(",")]
        small = [
            f"{label}: {' '.join(r.in_language(language) for r in used)}"
            for language, label in zip(words.languages, words["readings"], strict=True)
            if used
        ]
        room, sizes = _BOTTOM_MM - pdf.get_y() - 1, (5.2, 4.8, 4.4, 4.0, 3.6)
        heights = {
            size: 3.5 + sum(self._height(text, size, False, _WIDTH_MM) for text in small) for size in sizes
        }
        size = next((s for s in sizes if heights[s] <= room), sizes[-1])
        pdf.set_y(max(pdf.get_y() + 1, 288 - heights[size]))
        pdf.set_draw_color(*_GREY)
        pdf.line(_LEFT_MM, pdf.get_y(), _RIGHT_MM, pdf.get_y())
        pdf.ln(0.8)
        for text in small:
            self._text(text, size, _GREY, line=size * _LINE)
        ids = f"{fine.rule_pack}  ·  fine {fine.fine_id}  ·  violation {fine.violation_id}"
        self._text(ids, 5.4, _GREY, line=2.5)

    def _row(self, key: str, value: str, shaded: bool) -> None:
        pdf, words = self._pdf, self._words
        y, (first, *others) = pdf.get_y(), value.split("\n")
        cells = [
            (0.0, _LABEL_MM, [(words[key][0], 7.0, _INK, True), (" · ".join(words[key][1:]), 5.6, _GREY, False)]),
            (_LABEL_MM + 2, _WIDTH_MM - _LABEL_MM - 2,
             [(first, 8.0, _INK, key in ("plate", "enforced")), *((line, 5.8, _GREY, False) for line in others)]),
        ]  # fmt: skip
        heights = [sum(self._height(t, size, bold, w) for t, size, _, bold in parts) for _, w, parts in cells]
        height = max(heights) + 0.8
        if shaded:
            pdf.set_fill_color(*_PALE)
            pdf.rect(_LEFT_MM, y, _WIDTH_MM, height, "F")
        for (x, width, parts), own in zip(cells, heights, strict=True):
            pdf.set_xy(_LEFT_MM + x, y + (height - own) / 2)
            for text, size, colour, bold in parts:
                self._text(text, size, colour, bold=bold, width=width, line=size * _LINE)
        pdf.set_y(y + height)

    def _height(self, text: str, size: float, bold: bool, width: float) -> float:
        pdf: Any = self._pdf
        pdf.set_font("dejavu", "B" if bold else "", size)
        lines = pdf.multi_cell(width, size * _LINE, text, align="L", dry_run=True, output="LINES")
        return len(lines) * size * _LINE

    def _boxed(
        self, x: float, y: float, w: float, h: float, key: str, lines: Sequence[str], big: bool = False
    ) -> None:
        pdf = self._pdf
        pdf.set_draw_color(*_GREY)
        pdf.rect(x, y, w, h)
        pdf.set_xy(x + 1.5, y + 1)
        self._text(self._words.joined(key), 6, _GREY, width=w - 3, line=3)
        for i, line in enumerate(part for part in lines if part):
            pdf.set_x(x + 1.5)
            size = (15.0 if big else 9.5) if i == 0 else 7.0
            self._text(line, size, _INK, bold=i == 0, width=w - 3, line=size * 0.46)

    def _text(
        self, text: str, size: float, colour: tuple[int, int, int], *, bold: bool = False, width: float = 0,
        line: float | None = None,
    ) -> None:  # fmt: skip
        pdf: Any = self._pdf
        pdf.set_font("dejavu", "B" if bold else "", size)
        pdf.set_text_color(*colour)
        height = size * 0.46 if line is None else line
        align = "R" if _RTL.search(text) and not _LATIN.search(text) else "L"
        pdf.multi_cell(width, height, text, align=align, new_x=XPos.LEFT, new_y=YPos.NEXT)

    def _units(self) -> str:
        found = re.fullmatch(r"(\S+) \S+ of (\S+)", self._fine.units)
        if found is None:
            return self._fine.units
        return f"{found[1]} × {self._money(Decimal(found[2]))}  ({self._words.joined('unit')})"

    def _money(self, amount: Decimal) -> str:
        whole = f"{amount:,.2f}".replace(",", "\u00a0").replace(".", ",")
        return f"{whole} {_SIGNS.get(self._fine.currency, self._fine.currency)}"

    @staticmethod
    def _day(day: date) -> str:
        return f"{day:%d.%m.%Y}"


def _in_order(plate: str) -> str:
    """A plate whose characters keep their order on the page, whatever their script."""
    return _MARK.join(("", *plate, "")) if _RTL.search(plate) else plate


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"

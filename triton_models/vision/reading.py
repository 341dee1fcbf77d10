"""Reading plates: lines of characters cut out straight, the small reader on all, the large one on the doubtful."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from .boxes import Bgr, Floats
from .confidence import UNFITTED, Judge
from .corners import Lines, find_lines, line_crop
from .ctc import best_path, log_softmax
from .fusion import LARGE, SMALL, Ranked, View, character_confidences, rank
from .large import look_large

Network = Callable[[Floats], Floats]
Grey = npt.NDArray[np.uint8]
Plate = tuple[Bgr, Sequence[float]]  # a picture and a plate's box on it, xyxy
WIDTH_PX, HEIGHT_PX = 128, 40
# Margins around a line of characters, in shares of its height: one cut each. The wide one shows a character that
# was left outside the line.
MARGINS = ((0.22, 0.12), (0.7, 0.15))
LARGE_MARGINS = ((0.15, 0.1), (0.6, 0.12))
SEAM, TWO_LINE_ASPECT = 0.5, 2.6
ONE_LINE_SURE, TWO_LINE_SURE, LEGIBLE = 0.1, 0.9, 0.3
SURE, MIN_WIDTH_PX, LARGE_MIN_PX, LARGE_MOST = 0.97, 14.0, 30.0, 4
LEAST_WORTH = 1e-3  # below it neither view of the small reader believes in any text
MOST_CANDIDATES = 5


@dataclass(frozen=True, slots=True)
class Read:
    """A plate's text ("" when nothing is legible), the chance that it is right, and what else it may be.

    `confidences` holds one value per character, `candidates` up to five (text, chance), best first;
    `reader` is "small", or "large" where the large reader has looked too.
    """

    text: str
    confidence: float
    confidences: tuple[float, ...]
    candidates: tuple[tuple[str, float], ...]
    two_line: bool
    reader: str = SMALL


NOTHING = Read("", 0.0, (), (), False)


@dataclass(frozen=True, slots=True)
class Readers:
    """The networks that reading takes; without `lines` a box counts as its line, without `large` none is asked."""

    small: Network
    large: Network | None = None
    lines: Network | None = None
    chances: Judge = UNFITTED


@dataclass(slots=True)
class _Look:
    """One arrangement of one plate: its quadrilaterals in picture pixels, and what the readers saw."""

    plate: int
    quads: tuple[Floats, ...]
    prior: float
    views: list[View] = field(default_factory=list)
    ranked: Ranked | None = None

    @property
    def height_px(self) -> float:
        return float(np.mean([np.linalg.norm(quad[3] - quad[0]) for quad in self.quads]))

    @property
    def large_margin(self) -> tuple[float, float]:
        """Wide where the small reader saw more characters with more room."""
        near, wide = (best_path(view.log_p)[0] for view in self.views[:2])
        return LARGE_MARGINS[near in wide and len(wide) > len(near)]

    @property
    def worth(self) -> float:
        return self.prior * float(np.exp(self.ranked.scores[0])) if self.ranked else 0.0


def fit(crop: Grey) -> Grey:
    """A grey crop resized to the reader's input, uint8 (40, 128)."""
    method = cv2.INTER_AREA if crop.shape[1] > WIDTH_PX else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, (WIDTH_PX, HEIGHT_PX), interpolation=method), np.uint8)


def unfold(crop: Grey, seam: float) -> Grey:
    """A two-line plate as one line: the part below the seam is set to the right of the part above."""
    height, width = crop.shape
    half = max(4, round(height * 0.52))
    cut = round(height * seam)
    upper, lower = crop[max(0, cut - half) : max(4, cut + 1)], crop[min(height - 4, cut - 1) : cut + half]
    size = (max(8, width), max(6, half))
    return np.hstack([cv2.resize(upper, size), cv2.resize(lower, size)])


def read_plates(readers: Readers, plates: Sequence[Plate]) -> list[Read]:
    """Reads plates; those that the small reader is not sure of are shown to the large one, surest first."""
    looks = _arrangements(readers, plates)
    _look_small(readers.small, looks, plates)
    best = _best_of(looks)
    chances = {
        plate: readers.chances.of(look.ranked, look.height_px) for plate, look in best.items() if look.ranked
    }
    if readers.large is not None:
        doubtful = [
            plate
            for plate, look in sorted(best.items(), key=lambda entry: -entry[1].worth)
            if chances.get(plate, 0.0) < SURE
            and look.worth > LEAST_WORTH
            and _width(plates[plate]) >= LARGE_MIN_PX
        ][:LARGE_MOST]
        asked = [best[plate] for plate in doubtful]
        crops = [(plates[look.plate][0], look.quads, look.large_margin) for look in asked]
        for look, log_p in zip(asked, look_large(readers.large, crops), strict=True):
            look.views.append(View(log_p, LARGE))
        for look, ranked in zip(asked, rank([look.views for look in asked]), strict=True):
            look.ranked = ranked
            if ranked:
                chances[look.plate] = readers.chances.of(ranked, look.height_px)
    reads = [NOTHING] * len(plates)
    for plate, look in best.items():
        if look.ranked and any(best_path(view.log_p)[0] for view in look.views):
            reads[plate] = _read(look, look.ranked, chances[plate])
    return reads


def _arrangements(readers: Readers, plates: Sequence[Plate]) -> list[_Look]:
    wide = [k for k, plate in enumerate(plates) if _width(plate) >= MIN_WIDTH_PX]
    if readers.lines is None:
        return [look for k in wide for look in _of_box(k, plates[k][1])]
    found = find_lines(readers.lines, [plates[k] for k in wide])
    return [look for k, lines in zip(wide, found, strict=True) for look in _of_lines(k, lines)]


def _of_lines(plate: int, lines: Lines) -> list[_Look]:
    if lines.legible < LEGIBLE:
        return []
    looks = []
    if lines.two_line < TWO_LINE_SURE:
        looks.append(_Look(plate, (lines.quads[0],), 1 - lines.two_line))
    if lines.two_line > ONE_LINE_SURE:
        looks.append(_Look(plate, (lines.quads[0], lines.quads[1]), lines.two_line))
    return looks


def _of_box(plate: int, box: Sequence[float]) -> list[_Look]:
    x0, y0, x1, y1 = box
    middle = y0 + SEAM * (y1 - y0)
    looks = [_Look(plate, (_corners(x0, y0, x1, y1),), 0.5)]
    if x1 - x0 < TWO_LINE_ASPECT * (y1 - y0):
        looks.append(_Look(plate, (_corners(x0, y0, x1, middle), _corners(x0, middle, x1, y1)), 0.5))
    return looks


def _corners(x0: float, y0: float, x1: float, y1: float) -> Floats:
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)


def _width(plate: Plate) -> float:
    return plate[1][2] - plate[1][0]


def _look_small(network: Network, looks: Sequence[_Look], plates: Sequence[Plate]) -> None:
    crops: list[Grey] = []
    for look in looks:
        picture = plates[look.plate][0]
        crops += [_grey(line_crop(picture, look.quads, (WIDTH_PX, HEIGHT_PX), *margin)) for margin in MARGINS]
    if not crops:
        return
    log_p = log_softmax(network(np.stack(crops)[:, None].astype(np.float32) / np.float32(255)))
    for k, look in enumerate(looks):
        look.views = [View(log_p[k * len(MARGINS) + n], SMALL) for n in range(len(MARGINS))]
    for look, ranked in zip(looks, rank([look.views for look in looks]), strict=True):
        look.ranked = ranked


def _grey(crop: npt.NDArray[np.uint8]) -> Grey:
    return crop if crop.ndim == 2 else np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.uint8)


def _best_of(looks: Sequence[_Look]) -> dict[int, _Look]:
    best: dict[int, _Look] = {}
    for look in looks:
        if look.plate not in best or look.worth > best[look.plate].worth:
            best[look.plate] = look
    return best


def _read(look: _Look, ranked: Ranked, chance: float) -> Read:
    chance = round(min(0.9999, chance), 4)
    shares = ranked.shares
    # What the others get is in proportion to the best text's chance, and all together they leave room for it.
    scale = min(chance / float(shares[0]), (1 - chance) / max(1e-9, float(1 - shares[0])))
    others = [
        (text, round(float(share) * scale, 4))
        for text, share in zip(ranked.texts[1:MOST_CANDIDATES], shares[1:], strict=False)
    ]
    return Read(
        ranked.texts[0],
        chance,
        character_confidences(ranked, chance),
        ((ranked.texts[0], chance), *others),
        len(look.quads) == 2,
        LARGE if any(view.reader == LARGE for view in look.views) else SMALL,
    )

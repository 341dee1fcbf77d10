"""How sure to be of a plate's text: a small logistic model of what speaks for it, fitted to whether it was right."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .ctc import best_path
from .fusion import LARGE, Ranked

FEATURES = (
    "constant",
    "small_log",  # mean log probability of the text in the small reader's views
    "large_log",  # the same in the large reader's views
    "margin",  # distance to the next candidate in mean log probability
    "agreeing",  # share of views whose best path is the text
    "weakest",  # log of the least character probability on a best path that is the text
    "height",  # log of the line's height over 16 px
    "short",  # characters missing to six
    "long",  # characters above eight
    "digitless",
    "round",  # letters O, Q and I, which many faces draw like digits; at most two count
)
MOST_MARGIN = 6.0
DISPUTED = 0.89  # highest chance of a text that some view reads otherwise: below the gate of a fine


class Judge(Protocol):
    """Says how likely a reading is right."""

    def of(self, ranked: Ranked, height_px: float) -> float:
        """Chance (0..1) that the best text is right, letter by letter; `height_px` is the line's."""


@dataclass(frozen=True, slots=True)
class Chances:
    """Coefficients by feature name, for reads by the small reader alone and by both."""

    alone: Mapping[str, float]
    both: Mapping[str, float]

    def of(self, ranked: Ranked, height_px: float) -> float:
        """Chance (0..1) that the best text is right, letter by letter."""
        large = any(view.reader == LARGE for view in ranked.views)
        values = features(ranked, height_px)
        weights = self.both if large else self.alone
        score = sum(
            weights.get(name, 0.0) * float(value) for name, value in zip(FEATURES, values, strict=True)
        )
        chance = float(1 / (1 + np.exp(-np.clip(score, -12, 12))))
        return chance if values[FEATURES.index("agreeing")] == 1 else min(DISPUTED, chance)


# Without fitted coefficients the text's mean probability over the views stands for its chance.
UNFITTED = Chances({"constant": 2.0, "small_log": 2.5}, {"constant": 2.0, "small_log": 1.0, "large_log": 1.5})


def features(ranked: Ranked, height_px: float) -> npt.NDArray[np.float64]:
    """What speaks for the best text: the values of FEATURES; `height_px` is the line's height in the picture."""
    large = np.array([view.reader == LARGE for view in ranked.views])
    own = ranked.by_view[:, 0]
    text = ranked.texts[0]
    paths = [best_path(view.log_p) for view in ranked.views]
    agreeing = [path == text for path, _, _ in paths]
    weakest = [min(characters) for path, characters, _ in paths if path == text and characters]
    margin = ranked.scores[0] - ranked.scores[1] if len(ranked.scores) > 1 else MOST_MARGIN
    return np.array(
        [
            1.0,
            own[~large].mean() if (~large).any() else 0.0,
            own[large].mean() if large.any() else 0.0,
            min(MOST_MARGIN, margin),
            float(np.mean(agreeing)),
            np.log(max(0.05, float(np.mean(weakest)))) if weakest else np.log(0.05),
            np.log(max(4.0, min(height_px, 40.0)) / 16),
            max(0, 6 - len(text)),
            max(0, len(text) - 8),
            float(not any(character.isdigit() for character in text)),
            min(2, sum(character in "OQI" for character in text)),
        ]
    )


def load_chances(path: Path) -> Chances:
    """Coefficients from a JSON file {"alone": {feature: weight}, "both": {...}}; UNFITTED without the file."""
    if not path.exists():
        return UNFITTED
    data = json.loads(path.read_text())
    return Chances(dict(data["alone"]), dict(data["both"]))

"""One text out of several views of a plate by several readers, and what speaks for it being right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .boxes import Floats
from .ctc import alternatives, best_path, look_alikes, pair_probabilities

SMALL, LARGE = "small", "large"
FLOOR = 1e-4  # what a view leaves to a text that it does not believe in
LARGE_WEIGHT = 0.45  # the large reader's share where both have looked
MOST_TEXTS, SWAPPED = 40, 2
LEAST, MOST = 3, 10
SERIES_LETTER = re.compile(r"(\d{1,5})[ABDHWTYJ](\d{1,2})")


@dataclass(frozen=True, slots=True)
class View:
    """What one reader made of one cut of a plate: log probabilities (steps, 37), and which reader it was."""

    log_p: Floats
    reader: str


@dataclass(frozen=True, slots=True)
class Ranked:
    """Candidate texts, best first; `scores` are mean log probabilities of the views, weighted by reader.

    `by_view` is (views, texts): each view's own log probability, not above 0, not below log FLOOR.
    """

    texts: tuple[str, ...]
    scores: npt.NDArray[np.float64]
    by_view: npt.NDArray[np.float64]
    views: tuple[View, ...]

    @property
    def shares(self) -> npt.NDArray[np.float64]:
        """The texts' shares of belief among each other; they add up to 1."""
        odds = np.exp(self.scores - self.scores.max())
        return np.asarray(odds / odds.sum())


def rank(groups: Sequence[Sequence[View]]) -> list[Ranked | None]:
    """Ranks the texts of several plates, each seen in some views; None where no view shows any text."""
    texts = [_candidates(views) for views in groups]
    wanted = [
        (view, text) for views, own in zip(groups, texts, strict=True) for view in views for text in own
    ]
    logs = dict(zip([(id(v), t) for v, t in wanted], _log_probabilities(wanted), strict=True))
    return [_ranked(views, own, logs) if own else None for views, own in zip(groups, texts, strict=True)]


def _candidates(views: Sequence[View]) -> list[str]:
    found = list(dict.fromkeys(text for view in views for text in alternatives(view.log_p, 8)))
    bests = list(dict.fromkeys(best_path(view.log_p)[0] for view in views))[: SWAPPED + 1]
    found = list(dict.fromkeys([*found, *(swap for best in bests for swap in look_alikes(best))]))
    return [text for text in found if LEAST <= len(text) <= MOST][:MOST_TEXTS]


def _log_probabilities(wanted: Sequence[tuple[View, str]]) -> list[float]:
    found = [0.0] * len(wanted)
    for steps in {len(view.log_p) for view, _ in wanted}:
        rows = [k for k, (view, _) in enumerate(wanted) if len(view.log_p) == steps]
        views = list({id(wanted[k][0]): wanted[k][0] for k in rows}.values())
        index = {id(view): number for number, view in enumerate(views)}
        pairs = [(index[id(wanted[k][0])], wanted[k][1]) for k in rows]
        stack = np.stack([view.log_p for view in views])
        chances = pair_probabilities(stack, pairs)
        # A reader that knows no transliteration cannot object to a letter of another script between digits.
        series = [
            (n, SERIES_LETTER.fullmatch(wanted[k][1]))
            for n, k in enumerate(rows)
            if wanted[k][0].reader == LARGE
        ]
        bare = [(n, shape[1] + shape[2]) for n, shape in series if shape]
        if bare:
            others = pair_probabilities(stack, [(pairs[n][0], text) for n, text in bare])
            for (n, _), other in zip(bare, others, strict=True):
                chances[n] = max(chances[n], other)
        for k, chance in zip(rows, chances, strict=True):
            found[k] = float(np.log(min(1.0, max(FLOOR, chance))))
    return found


def _ranked(views: Sequence[View], texts: Sequence[str], logs: dict[tuple[int, str], float]) -> Ranked:
    by_view = np.array([[logs[id(view), text] for text in texts] for view in views])
    large = np.array([view.reader == LARGE for view in views])
    if large.all() or not large.any():
        scores = by_view.mean(0)
    else:
        scores = LARGE_WEIGHT * by_view[large].mean(0) + (1 - LARGE_WEIGHT) * by_view[~large].mean(0)
    order = np.argsort(-scores, kind="stable")
    return Ranked(tuple(texts[k] for k in order), scores[order], by_view[:, order], tuple(views))


def character_confidences(ranked: Ranked, whole: float) -> tuple[float, ...]:
    """Chance of each character of the best text, none below the whole text's.

    What is missing to certainty is laid on the characters in which the other candidates differ.
    """
    text, shares = ranked.texts[0], ranked.shares
    rivals = [(t, float(s)) for t, s in zip(ranked.texts[1:], shares[1:], strict=True) if len(t) == len(text)]
    total = max(1e-9, float(1 - shares[0]))
    wrong = [sum(s for t, s in rivals if t[k] != character) / total for k, character in enumerate(text)]
    lost = (1 - sum(s for _, s in rivals) / total) / len(text)
    return tuple(round(min(1.0, max(whole, 1 - (1 - whole) * (share + lost))), 4) for share in wrong)

"""Readings against labels: which reading counts for which plate, and the figures that follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from waysight.evaluation.formats import LabelledPicture, Xyxy
from waysight.evaluation.statistics import rate, reliability, upper_bound, wilson

SAME_PLATE = 0.5  # least share of the smaller of two boxes that lies within the other
ALIKE = str.maketrans("OI", "01")


@dataclass(frozen=True, slots=True)
class Reading:
    """A plate as read: canonical text, the stated chance (0..1) that it is right, box xyxy in pixels."""

    text: str
    confidence: float
    box: Xyxy


@dataclass(frozen=True, slots=True)
class Outcome:
    """One labelled plate: what it says, and the reading at its place (None: none there)."""

    picture: LabelledPicture
    truth: str
    box: Xyxy | None
    reading: Reading | None

    @property
    def exact(self) -> bool:
        """Whether the reading is the truth, letter by letter."""
        return self.reading is not None and self.reading.text == self.truth

    @property
    def exact_merged(self) -> bool:
        """The same with O and 0, I and 1 taken as one."""
        return self.reading is not None and self.reading.text.translate(ALIKE) == self.truth.translate(ALIKE)

    @property
    def confidence(self) -> float:
        """The stated confidence; 0 where nothing was read."""
        return self.reading.confidence if self.reading else 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One analysed picture: outcomes of its labelled plates, the readings left over, the surest of all; ms."""

    outcomes: tuple[Outcome, ...]
    extra: tuple[Reading, ...]
    best: Reading | None
    wall_ms: float
    cpu_ms: float | None
    error: str = ""


def judged(
    picture: LabelledPicture,
    readings: Sequence[Reading],
    wall_ms: float,
    cpu_ms: float | None,
    error: str = "",
) -> Seen:
    """Every labelled plate with the reading whose box covers it best, each reading for one plate only."""
    left = list(readings)
    outcomes = []
    for plate in picture.plates:
        near = [r for r in left if plate.box is None or covered(plate.box, r.box) >= SAME_PLATE]
        chosen = max(near, key=lambda r: (_overlap(plate.box, r.box), r.confidence), default=None)
        if chosen is not None:
            left.remove(chosen)
        outcomes.append(Outcome(picture, plate.text, plate.box, chosen))
    best = max(readings, key=lambda r: r.confidence, default=None)
    return Seen(tuple(outcomes), tuple(left), best, wall_ms, cpu_ms, error)


def figures(seen: Sequence[Seen], gates: Mapping[str, float]) -> dict[str, Any]:
    """The figures of some pictures, for the keys see docs/evaluation.md; `gates` are name -> least confidence."""
    outcomes = [outcome for one in seen for outcome in one.outcomes]
    total = len(outcomes)
    exact, alike = sum(o.exact for o in outcomes), sum(o.exact_merged for o in outcomes)
    length = sum(len(o.truth) for o in outcomes)
    right = sum(max(0, len(o.truth) - edits(o.reading.text if o.reading else "", o.truth)) for o in outcomes)
    at_gates = {name: _gate(outcomes, seen, gate) for name, gate in gates.items()}
    enforcement = at_gates.get("enforcement", _gate(outcomes, seen, 1.0))
    read = [o for o in outcomes if o.reading is not None]
    return {
        "images": len(seen),
        "plates": total,
        **_counted("exact", exact, total),
        **_counted("exact_merged", alike, total),
        "characters": round(right / length, 4) if length else None,
        "characters_interval": list(wilson(right, length)),
        "characters_total": length,
        **_times(seen),
        **{key: enforcement[key] for key in ("accepted", "accepted_exact", "accepted_exact_merged")},
        "found": rate(len(read), total),
        "errors": {
            "missed": total - len(read),
            "wrong": len(read) - exact,
            "wrong_merged": len(read) - alike,
            "extra": sum(len(one.extra) for one in seen),
            "unusable_pictures": sum(bool(one.error) for one in seen),
        },
        "gates": at_gates,
        "best": _best(seen, gates.get("enforcement", 1.0)),
        "reliability": reliability([o.confidence for o in read], [o.exact for o in read]) if read else None,
        "reliability_merged": reliability([o.confidence for o in read], [o.exact_merged for o in read])
        if read
        else None,
    }


def edits(one: str, other: str) -> int:
    """Levenshtein distance: insertions, deletions and changes of single characters."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        above, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (a != b))
    return row[-1]


def covered(one: Xyxy, other: Xyxy) -> float:
    """The share of the smaller box that lies within the other, 0..1."""
    least = min(_area(one), _area(other))
    return _shared(one, other) / least if least > 0 else 0.0


def _overlap(one: Xyxy | None, other: Xyxy) -> float:
    if one is None:
        return 1.0
    shared = _shared(one, other)
    return shared / max(_area(one) + _area(other) - shared, 1e-9)


def _shared(one: Xyxy, other: Xyxy) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    return max(0.0, width) * max(0.0, min(one[3], other[3]) - max(one[1], other[1]))


def _area(box: Xyxy) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _counted(name: str, count: int, total: int) -> dict[str, Any]:
    found = rate(count, total)
    return {name: count, f"{name}_rate": found["rate"], f"{name}_interval": found["interval"]}


def _gate(outcomes: Sequence[Outcome], seen: Sequence[Seen], gate: float) -> dict[str, Any]:
    """Accepted plates and how many are right, with the one-sided upper 95 % bound of the error rate."""
    accepted = [o for o in outcomes if o.reading and o.confidence >= gate]
    exact, alike = sum(o.exact for o in accepted), sum(o.exact_merged for o in accepted)
    count = len(accepted)
    return {
        "gate": gate,
        "accepted": count,
        "accepted_share": rate(count, len(outcomes)),
        "accepted_exact": exact,
        "accepted_exact_merged": alike,
        "error_rate_upper_95": upper_bound(count - exact, count),
        "error_rate_merged_upper_95": upper_bound(count - alike, count),
        "extra_accepted": sum(r.confidence >= gate for one in seen for r in one.extra),
    }


def _best(seen: Sequence[Seen], gate: float) -> dict[str, Any]:
    """The surest reading anywhere on each picture with exactly one labelled plate, wherever its box is."""
    single = [(one.outcomes[0].truth, one.best) for one in seen if len(one.outcomes) == 1]
    exact = [b is not None and b.text == truth for truth, b in single]
    alike = [b is not None and b.text.translate(ALIKE) == truth.translate(ALIKE) for truth, b in single]
    sure = [b is not None and b.confidence >= gate for _, b in single]
    return {
        "images": len(single),
        **_counted("exact", sum(exact), len(single)),
        **_counted("exact_merged", sum(alike), len(single)),
        "accepted": sum(sure),
        "accepted_exact": sum(s and e for s, e in zip(sure, exact, strict=True)),
        "accepted_exact_merged": sum(s and e for s, e in zip(sure, alike, strict=True)),
    }


def _times(seen: Sequence[Seen]) -> dict[str, Any]:
    return spread("ms", [one.wall_ms for one in seen]) | spread("cpu_ms", [one.cpu_ms for one in seen])


def spread(name: str, values: Sequence[float | None]) -> dict[str, float | None]:
    """`NAME_per_image_median` and `_p95`; None where nothing was measured."""
    measured = [value for value in values if value is not None]
    median, high = (
        (round(float(np.percentile(measured, share)), 2) for share in (50, 95)) if measured else (None, None)
    )
    return {f"{name}_per_image_median": median, f"{name}_per_image_p95": high}

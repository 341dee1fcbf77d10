"""Did a rate change? Ratios of Poisson rates with log-normal 95 % intervals, widened where months scatter more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_Z = 1.959963984540054
Months = Sequence[tuple[float, float]]  # of each month (or other period) the count and its exposure


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio with its 95 % interval; `dispersion` is by how much the variance exceeds Poisson's (at least 1)."""

    value: float
    low: float
    high: float
    dispersion: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves 1 out."""
        return self.high < 1 or self.low > 1


def change(before: Months, after: Months) -> Ratio | None:
    """Rate after over rate before; None without exposure on a side."""
    return _ratio([after], [before])


def change_against(
    before: Months, after: Months, control_before: Months, control_after: Months
) -> Ratio | None:
    """A site's change over its control sites' change: difference in differences on the log scale.

    The comparison-group method (Hauer 1997): what happened at the controls would have happened at the site too.
    None where one of the four has no exposure.
    """
    return _ratio([after, control_before], [before, control_after])


def _ratio(above: Sequence[Months], below: Sequence[Months]) -> Ratio | None:
    cells = [*above, *below]
    if any(sum(exposure for _, exposure in cell) <= 0 for cell in cells):
        return None
    counts = [sum(count for count, _ in cell) for cell in cells]
    # Haldane and Anscombe: a half in every cell where one is empty, so that the logarithm exists.
    extra = 0.5 if any(count <= 0 for count in counts) else 0.0
    logs = [
        math.log((count + extra) / sum(exposure for _, exposure in cell))
        for count, cell in zip(counts, cells, strict=True)
    ]
    centre = sum(logs[: len(above)]) - sum(logs[len(above) :])
    widening = dispersion(cells)
    spread = _Z * math.sqrt(widening * sum(1 / (count + extra) for count in counts))
    return Ratio(math.exp(centre), math.exp(centre - spread), math.exp(centre + spread), widening)


def dispersion(cells: Sequence[Months]) -> float:
    """Pearson's chi-square of the months around their cell's rate, over its degrees of freedom; at least 1.

    Quasi-Poisson: crashes and thefts come in bunches, and an interval that ignores it is too narrow.
    """
    chi, freedom = 0.0, 0
    for cell in cells:
        exposure = sum(e for _, e in cell)
        rate = sum(c for c, _ in cell) / exposure if exposure else 0.0
        expected = [(count, rate * e) for count, e in cell if rate * e > 0]
        chi += sum((count - mean) ** 2 / mean for count, mean in expected)
        freedom += max(len(expected) - 1, 0)
    return max(1.0, chi / freedom) if freedom else 1.0

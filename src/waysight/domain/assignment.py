"""The cheapest one-to-one assignment of rows to columns."""

from __future__ import annotations

import math
from collections.abc import Sequence

_CLOSED = 1e9


def assign(costs: Sequence[Sequence[float]], most: float) -> list[tuple[int, int]]:
    """Pairs (row, column) of least total cost in which no pair costs more than `most`; infinite = forbidden.

    Shortest augmenting paths with potentials (Jonker and Volgenant, Computing 38, 1987), O(n³). Leaving a
    row alone costs `most`, so that a dear pair is never taken for the sake of another.

    >>> assign([[1.0, 2.0], [1.5, 9.0]], 5.0)
    [(0, 1), (1, 0)]
    """
    rows, columns = len(costs), len(costs[0]) if costs else 0
    if not rows or not columns:
        return []
    padded = [
        [min(c, _CLOSED) if c <= most else _CLOSED for c in row]
        + [most if j == i else _CLOSED for j in range(rows)]
        for i, row in enumerate(costs)
    ]
    found = _shortest_paths(padded)
    return [(i, j) for i, j in enumerate(found) if j < columns and costs[i][j] <= most]


def _shortest_paths(costs: list[list[float]]) -> list[int]:
    n, m = len(costs), len(costs[0])
    u, v = [0.0] * (n + 1), [0.0] * (m + 1)
    owner, way = [0] * (m + 1), [0] * (m + 1)
    for i in range(1, n + 1):
        owner[0], j0 = i, 0
        least, used = [math.inf] * (m + 1), [False] * (m + 1)
        while True:
            used[j0] = True
            i0, delta, j1 = owner[j0], math.inf, 0
            for j in range(1, m + 1):
                if not used[j]:
                    reduced = costs[i0 - 1][j - 1] - u[i0] - v[j]
                    if reduced < least[j]:
                        least[j], way[j] = reduced, j0
                    if least[j] < delta:
                        delta, j1 = least[j], j
            for j in range(m + 1):
                if used[j]:
                    u[owner[j]] += delta
                    v[j] -= delta
                else:
                    least[j] -= delta
            j0 = j1
            if owner[j0] == 0:
                break
        while j0:
            owner[j0] = owner[way[j0]]
            j0 = way[j0]
    found = [-1] * n
    for j in range(1, m + 1):
        if owner[j]:
            found[owner[j] - 1] = j - 1
    return found

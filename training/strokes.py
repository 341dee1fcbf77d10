"""Endless plate faces drawn from our own skeletons: stroke width, proportion and roundness vary per face.

Dies for number plates are mostly built from straight strokes and rounded corners of one width, which is
what these skeletons say. A point is (x, y) in 0..1, y down; a third element 0 marks a corner kept sharp.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

GLYPH_PX = 96
FACES = 160
PREFIX = "strokes:"
Point = tuple[float, ...]
Glyph = list[list[Point]]

_BOX: list[Point] = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]
_SIX: list[Point] = [(1, 0.2), (1, 0), (0, 0), (0, 1), (1, 1), (1, 0.43), (0, 0.43)]
_STRAIGHT_SIX: list[Point] = [(0.75, 0), (0, 0.62), (0, 1), (1, 1), (1, 0.45), (0.05, 0.45)]
SKELETONS: dict[str, list[Glyph]] = {
    "0": [[_BOX]] * 15 + [[_BOX, [(0.15, 0.85), (0.85, 0.15)]]],
    "1": [
        [[(0.5, 0), (0.5, 1)]],
        [[(0, 0.25), (0.6, 0, 0), (0.6, 1)]],
        [[(0.1, 0.22), (0.5, 0, 0), (0.5, 1)], [(0, 1), (1, 1)]],
    ],
    "2": [
        [[(0, 0.22), (0, 0), (1, 0), (1, 0.5), (0, 1, 0), (1, 1)]],
        [[(0, 0.22), (0, 0), (1, 0), (1, 0.52), (0, 0.6), (0, 1, 0), (1, 1)]],
    ],
    "3": [
        [
            [(0, 0.2), (0, 0), (1, 0), (1, 0.48), (0.4, 0.48)],
            [(0.4, 0.48), (1, 0.48), (1, 1), (0, 1), (0, 0.8)],
        ],
        [[(0, 0), (1, 0, 0), (0.45, 0.42, 0), (1, 0.42), (1, 1), (0, 1), (0, 0.8)]],
    ],
    "4": [
        [[(0.75, 1), (0.75, 0, 0), (0, 0.7, 0), (1, 0.7)]],
        [[(0.45, 0), (0, 0.7, 0), (1, 0.7)], [(0.75, 0.4), (0.75, 1)]],
        [[(0, 0), (0, 0.55, 0), (1, 0.55)], [(0.9, 0), (0.9, 1)]],
    ],
    "5": [[[(0.95, 0), (0.05, 0, 0), (0.05, 0.42, 0), (1, 0.42), (1, 1), (0, 1), (0, 0.8)]]],
    "6": [[_SIX], [_SIX], [_STRAIGHT_SIX]],
    "7": [[[(0, 0), (1, 0, 0), (0.35, 1)]], [[(0, 0), (1, 0, 0), (1, 0.15), (0.4, 0.5), (0.4, 1)]]],
    "8": [
        [
            [(0.05, 0), (0.95, 0), (0.95, 0.47), (0.05, 0.47), (0.05, 0)],
            [(0, 0.47), (1, 0.47), (1, 1), (0, 1), (0, 0.47)],
        ]
    ],
    "9": [],
    "A": [
        [[(0, 1), (0.5, 0, 0), (1, 1)], [(0.2, 0.68), (0.8, 0.68)]],
        [[(0, 1), (0.38, 0, 0), (0.62, 0, 0), (1, 1)], [(0.15, 0.68), (0.85, 0.68)]],
        [[(0, 1), (0, 0), (1, 0), (1, 1)], [(0, 0.55), (1, 0.55)]],
    ],
    "B": [
        [
            [(0, 0, 0), (0.92, 0), (0.92, 0.47), (0, 0.47)],
            [(0, 0.47), (1, 0.47), (1, 1), (0, 1, 0), (0, 0, 0), (0.2, 0)],
        ]
    ],
    "C": [[[(1, 0.24), (1, 0), (0, 0), (0, 1), (1, 1), (1, 0.76)]]],
    "D": [[[(0.3, 0), (0, 0, 0), (0, 1, 0), (1, 1), (1, 0), (0.3, 0)]]],
    "E": [[[(1, 0), (0, 0, 0), (0, 1, 0), (1, 1)], [(0, 0.5), (0.85, 0.5)]]],
    "F": [[[(1, 0), (0, 0, 0), (0, 1)], [(0, 0.5), (0.85, 0.5)]]],
    "G": [
        [[(1, 0.22), (1, 0), (0, 0), (0, 1), (1, 1), (1, 0.55, 0), (0.55, 0.55)]],
        [[(1, 0.22), (1, 0), (0, 0), (0, 1), (1, 1, 0), (1, 0.55, 0), (0.6, 0.55)]],
    ],
    "H": [[[(0, 0), (0, 1)], [(1, 0), (1, 1)], [(0, 0.5), (1, 0.5)]]],
    "I": [[[(0.5, 0), (0.5, 1)]], [[(0.5, 0), (0.5, 1)], [(0, 0), (1, 0)], [(0, 1), (1, 1)]]],
    "J": [[[(1, 0), (1, 1), (0, 1), (0, 0.68)]], [[(0.35, 0), (1, 0, 0), (1, 1), (0, 1), (0, 0.68)]]],
    "K": [[[(0, 0), (0, 1)], [(1, 0), (0, 0.62)], [(0.35, 0.4), (1, 1)]]],
    "L": [[[(0, 0), (0, 1, 0), (1, 1)]]],
    "M": [
        [[(0, 1), (0, 0, 0), (0.5, 0.62, 0), (1, 0, 0), (1, 1)]],
        [[(0, 1), (0, 0, 0), (0.5, 0.4, 0), (1, 0, 0), (1, 1)]],
        [[(0, 1), (0, 0, 0), (0.5, 1, 0), (1, 0, 0), (1, 1)]],
    ],
    "N": [[[(0, 1), (0, 0, 0), (1, 1, 0), (1, 0)]]],
    "O": [[_BOX]],
    "P": [[[(0, 1), (0, 0, 0), (1, 0), (1, 0.53), (0, 0.53)]]],
    "Q": [[_BOX, [(0.55, 0.72), (1, 1)]], [_BOX, [(0.5, 0.8), (0.95, 0.98)]]],
    "R": [
        [[(0, 1), (0, 0, 0), (1, 0), (1, 0.52), (0, 0.52)], [(0.45, 0.52), (1, 1)]],
        [[(0, 1), (0, 0, 0), (1, 0), (1, 0.5), (0, 0.5)], [(0.6, 0.5), (1, 0.58), (1, 1)]],
    ],
    "S": [[[(1, 0.22), (1, 0), (0, 0), (0, 0.49), (1, 0.49), (1, 1), (0, 1), (0, 0.78)]]],
    "T": [[[(0, 0), (1, 0)], [(0.5, 0), (0.5, 1)]]],
    "U": [[[(0, 0), (0, 1), (1, 1), (1, 0)]]],
    "V": [[[(0, 0), (0.5, 1, 0), (1, 0)]], [[(0, 0), (0.42, 1, 0), (0.58, 1, 0), (1, 0)]]],
    "W": [
        [[(0, 0), (0.25, 1, 0), (0.5, 0.3, 0), (0.75, 1, 0), (1, 0)]],
        [[(0, 0), (0.1, 1, 0), (0.5, 0.45, 0), (0.9, 1, 0), (1, 0)]],
        [[(0, 0), (0, 1, 0), (0.5, 0.4, 0), (1, 1, 0), (1, 0)]],
    ],
    "X": [[[(0, 0), (1, 1)], [(1, 0), (0, 1)]]],
    "Y": [[[(0, 0), (0.5, 0.52, 0), (1, 0)], [(0.5, 0.52), (0.5, 1)]]],
    "Z": [[[(0, 0), (1, 0, 0), (0, 1, 0), (1, 1)]]],
}
SKELETONS["9"] = [
    [[(1 - p[0], 1 - p[1], *p[2:]) for p in stroke] for stroke in glyph] for glyph in SKELETONS["6"]
]


def stroke_faces() -> tuple[str, ...]:
    """Names of the drawn faces, as `stroke_mask` takes them."""
    return tuple(f"{PREFIX}{index}" for index in range(FACES))


@lru_cache(maxsize=FACES * 40)
def stroke_mask(face: str, character: str) -> npt.NDArray[np.uint8]:
    """Coverage mask of one glyph of a drawn face, uint8 (96, w); the same for the same face at any time."""
    rng = np.random.default_rng(int(face.removeprefix(PREFIX)) + 4_000)
    width = float(rng.uniform(0.40, 0.72))
    stroke = float(rng.uniform(0.1, 0.19)) * min(1.0, width / 0.5)
    roundness = float(rng.uniform(0.3, 1.0))
    waist, blunt, even = float(rng.normal(0, 0.02)), bool(rng.random() < 0.6), bool(rng.random() < 0.5)
    picks = rng.random(36)
    round_o = float(rng.choice([1.0, 1.0, 0.7, 1.3]))
    options = SKELETONS[character]
    glyph = options[int(picks["0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".index(character)] * len(options))]
    if character in "0OQ":
        # Squarer bowls are D's.
        roundness = max(roundness, 0.6)
    if character in "MW":
        width, stroke = width * (1.05 if even else 1.3), stroke * (0.8 if even else 1.0)
    elif character in "1I" and len(glyph) < 2:
        width = stroke if len(glyph[0]) == 2 else width * 0.6
    elif character in "1IJL":
        width *= 0.75 if character in "1I" else 0.9
    elif character == "O":
        width, roundness = width * (1.0 if round_o <= 1 else 1.12), roundness * min(1.0, round_o)
    return _drawn(glyph, width, stroke, roundness, waist, blunt)


def _drawn(
    glyph: Glyph, width: float, stroke: float, roundness: float, waist: float, blunt: bool
) -> npt.NDArray[np.uint8]:
    thick = max(3, round(stroke * GLYPH_PX))
    size = np.array([max(thick, round(width * GLYPH_PX)), GLYPH_PX], np.float64)
    image = np.zeros((int(size[1]), int(size[0])), np.uint8)
    room = size - thick
    radius = roundness * min(room[0], room[1] / 2) / 2
    for points in glyph:
        places = np.array([[p[0], p[1] + waist * np.sin(np.pi * p[1])] for p in points]) * room + thick / 2
        if blunt:
            for end, inner in ((0, 1), (-1, -2)):
                along = places[end] - places[inner]
                at_edge = np.isclose(points[end][0] % 1, 0) and abs(along[0]) > abs(along[1])
                at_edge = at_edge or (np.isclose(points[end][1] % 1, 0) and abs(along[1]) > abs(along[0]))
                if at_edge and points[0] != points[-1]:
                    places[end] += along / max(1e-6, np.linalg.norm(along)) * thick / 2
        closed = points[0] == points[-1]
        path = _rounded(places, [len(p) == 2 for p in points], radius, closed)
        cv2.polylines(image, [np.rint(path * 16).astype(np.int32)], closed, 255, thick, cv2.LINE_AA, 4)
    return image


def _rounded(
    places: npt.NDArray[np.float64], soft: list[bool], radius: float, closed: bool
) -> npt.NDArray[np.float64]:
    """The path with its soft corners turned into arcs."""
    count = len(places) - 1 if closed else len(places)
    path: list[npt.NDArray[np.float64]] = []
    for k in range(count):
        here = places[k]
        if not soft[k] or (not closed and k in (0, count - 1)):
            path.append(here)
            continue
        before, after = places[(k - 1) % count], places[(k + 1) % count]
        start = here + (before - here) * min(0.5, radius / max(1e-6, np.linalg.norm(before - here)))
        end = here + (after - here) * min(0.5, radius / max(1e-6, np.linalg.norm(after - here)))
        # Between a chord's parabola and a circle: control points at 0.55 of the way to the corner.
        first, second = start + 0.55 * (here - start), end + 0.55 * (here - end)
        path.extend(
            (1 - t) ** 3 * start + 3 * (1 - t) ** 2 * t * first + 3 * (1 - t) * t**2 * second + t**3 * end
            for t in np.linspace(0, 1, 7)
        )
    return np.array(path)

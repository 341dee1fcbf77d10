"""Where the simulated month's other cameras look: zones and lines on the road plane, and what was marked out there."""

from __future__ import annotations

from typing import Any

import numpy as np

from waysight.simulate.town import STOP_LINE_M, VIEW

Box = tuple[float, float, float, float]  # x from, x to, y from, y to, m
RIGHT_EDGE: Box = (3.4, 5.8, 12.5, 62.0)
RIGHT_LANE: Box = (0.2, 3.3, 12.5, 62.0)
LEFT_LANE: Box = (-3.5, -0.2, 12.5, 62.0)
HOURS, HOURS_DAYS, HOURS_FROM_TO = "mon-fri 07:00-19:00", range(5), (7, 19)
MOST_S = {"no_stopping": 10, "no_parking": 300, "box": 10, "double_parking": 60}
# Camera kind → purposes, zones by kind, lines by kind.
SITES: dict[str, dict[str, Any]] = {
    "lane": {"zones": {"bus_lane": RIGHT_EDGE, "one_way": RIGHT_LANE, "no_overtaking": LEFT_LANE}},
    "edge": {"zones": {"shoulder": RIGHT_EDGE, "restricted_hours": RIGHT_LANE}},
    "walk": {"zones": {"pavement": RIGHT_EDGE, "crossing": (-6.0, 3.3, 20.5, 29.5)}},
    "stand": {
        "zones": {
            "no_stopping": (3.0, 7.0, 15.0, 21.0), "no_parking": (3.0, 8.0, 24.0, 31.0),
            "double_parking": (-3.6, -0.4, 22.0, 30.0), "box": (-2.5, 2.5, 33.0, 45.0),
        },
    },
    "line": {"lines": {"solid": ((0.0, 14.0), (0.0, 60.0), "both")}},
    "turn": {"lines": {"turn": ((-4.0, 30.0), (4.0, 30.0), "right_to_left")}},
    "mute": {"more": ["no_plate", "no_insurance", "no_inspection"]},
    "stop": {"more": ["stop_line", "red_light"]},
}  # fmt: skip
PURPOSE_OF = {
    "no_stopping": "illegal_stopping", "no_parking": "illegal_parking", "box": "box_junction", "one_way": "wrong_way",
    "no_overtaking": "overtaking", "crossing": "pedestrian_priority", "solid": "solid_line", "turn": "illegal_turn",
}  # fmt: skip
_TOWARDS = {"one_way": [0.0, 1.0], "no_overtaking": [0.0, -1.0]}
_LABELS = {"bus_lane": ["car", "truck", "motorcycle"], "restricted_hours": ["truck"]}


def site(kind: str, district: str) -> dict[str, Any]:
    """What a camera of a kind is told to watch (keys of the camera file)."""
    here = SITES[kind]
    zones, lines = here.get("zones", {}), here.get("lines", {})
    found: dict[str, Any] = {
        "traffic": "both",
        "purposes": ["count", *here.get("more", ()), *(PURPOSE_OF.get(k, k) for k in (*zones, *lines))],
        "zones": [_zone(k, box) for k, box in zones.items()],
        "lines": [
            {"id": k, "kind": k, "image": _image([a, b]), "forbidden": sense}
            for k, (a, b, sense) in lines.items()
        ],
    }
    if kind == "stop":
        found["junction"] = {"id": district, "signal_group": "main"}
        found["stop_line"] = {"ground_y_m": STOP_LINE_M, "ground_x_m": [-8.0, 8.0]}
    return found


def _zone(kind: str, box: Box) -> dict[str, Any]:
    left, right, near, far = box
    zone: dict[str, Any] = {
        "id": kind.replace("_", "-"), "kind": kind, "image": _image([(left, near), (right, near), (right, far), (left, far)]),
    }  # fmt: skip
    more = {
        "labels": _LABELS.get(kind), "towards": _TOWARDS.get(kind), "max_dwell_s": MOST_S.get(kind),
        "hours": HOURS if kind == "restricted_hours" else None,
    }  # fmt: skip
    return zone | {name: value for name, value in more.items() if value is not None}


def _image(points: list[tuple[float, float]]) -> list[list[float]]:
    pixels, _ = VIEW.project(np.array([[x, y, 0.0] for x, y in points]))
    return [[round(float(u), 3), round(float(v), 3)] for u, v in pixels]

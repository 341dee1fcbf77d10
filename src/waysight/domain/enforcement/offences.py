"""Every offence: what a camera must have for it, and which rule judges its passes. One row each.

`lacking` is what `cameras check` and `cameras import` refuse a camera for; `able` is what `enforce` goes by, so that a rule
never runs where its need is not met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from waysight.domain.enforcement import (
    closed_lane,
    line_crossing,
    no_plate,
    restricted_zone,
    standing,
    wrong_way,
)
from waysight.domain.enforcement.case import Law, OffenceName
from waysight.domain.scene import Scene
from waysight.messages.enforcement import Violation
from waysight.messages.perception import Sighting

Judge = Callable[[Law, Scene, Sighting], Iterable[Violation]]
How = Literal["pass", "speed", "section", "lamp", "company", "register"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a camera must have: pictures a second, calibration, and what its rule is about.

    `video` is false for what devices or the register can prove alone; `certificate` says that no fine rests on the
    offence without papers in force; violations are found all the same.
    """

    fps: float = 0.0
    calibration: bool = False
    limit: bool = False
    section: bool = False
    signals: bool = False
    stop_line: bool = False
    zone: str = ""
    line: str = ""
    video: bool = True
    certificate: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Has:
    """What a camera has; `devices` where a certified device of its own measures speeds."""

    fps: float = 0.0
    calibration: bool = False
    limit: bool = False
    section: bool = False
    signals: bool = False
    stop_line: bool = False
    zones: frozenset[str] = frozenset()
    lines: frozenset[str] = frozenset()
    video: bool = True
    devices: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Offence:
    """One offence: its name in the law, what it needs, and how passes are judged.

    `judge` is set for what one pass decides by itself (`how` is "pass"); the rest waits for a lamp or sign, another
    camera, another pass, or the register.
    """

    name: OffenceName
    needs: Needs
    how: How = "pass"
    judge: Judge | None = None


def _closed(kind: closed_lane.Closed) -> Judge:
    return lambda law, scene, sighting: closed_lane.judge(law, scene, sighting, kind)


def _standing(offence: standing.Standing) -> Judge:
    return lambda law, scene, sighting: standing.judge(law, scene, sighting, offence)


def _crossing(offence: line_crossing.Crossed) -> Judge:
    return lambda law, scene, sighting: line_crossing.judge(law, scene, sighting, offence)


# By purpose of the camera file.
OFFENCES: Final[dict[str, Offence]] = {
    "spot_speed": Offence(name="spot_speed", how="speed", needs=Needs(fps=5, calibration=True, limit=True)),
    "section_control": Offence(name="average_speed", how="section", needs=Needs(section=True, video=False)),
    "red_light": Offence(
        name="red_light", how="lamp", needs=Needs(fps=5, calibration=True, stop_line=True, signals=True)
    ),
    "stop_line": Offence(
        name="stop_line", how="lamp", needs=Needs(fps=5, calibration=True, stop_line=True, signals=True)
    ),
    "restricted_zone": Offence(
        name="restricted_zone", needs=Needs(zone="restricted"), judge=restricted_zone.judge
    ),
    "bus_lane": Offence(name="bus_lane", needs=Needs(fps=2, zone="bus_lane"), judge=_closed("bus_lane")),
    "shoulder": Offence(name="shoulder", needs=Needs(fps=2, zone="shoulder"), judge=_closed("shoulder")),
    "pavement": Offence(name="pavement", needs=Needs(fps=2, zone="pavement"), judge=_closed("pavement")),
    "restricted_hours": Offence(
        name="restricted_hours", needs=Needs(zone="restricted_hours"), judge=_closed("restricted_hours")
    ),
    "illegal_stopping": Offence(
        name="illegal_stopping", needs=Needs(zone="no_stopping"), judge=_standing("illegal_stopping")
    ),
    "illegal_parking": Offence(
        name="illegal_parking", needs=Needs(zone="no_parking"), judge=_standing("illegal_parking")
    ),
    "box_junction": Offence(name="box_junction", needs=Needs(zone="box"), judge=_standing("box_junction")),
    "wrong_way": Offence(
        name="wrong_way", needs=Needs(fps=2, calibration=True, zone="one_way"), judge=wrong_way.judge
    ),
    "illegal_turn": Offence(
        name="illegal_turn",
        needs=Needs(fps=5, calibration=True, line="turn"),
        judge=_crossing("illegal_turn"),
    ),
    "solid_line": Offence(
        name="solid_line", needs=Needs(fps=5, calibration=True, line="solid"), judge=_crossing("solid_line")
    ),
    "pedestrian_priority": Offence(
        name="pedestrian_priority", how="company", needs=Needs(fps=5, calibration=True, zone="crossing")
    ),
    "overtaking": Offence(
        name="overtaking", how="company", needs=Needs(fps=5, calibration=True, zone="no_overtaking")
    ),
    "double_parking": Offence(
        name="double_parking", how="company", needs=Needs(calibration=True, zone="double_parking")
    ),
    "no_plate": Offence(name="no_plate", needs=Needs(fps=2, certificate=False), judge=no_plate.judge),
    "no_insurance": Offence(name="no_insurance", how="register", needs=Needs(video=False)),
    "no_inspection": Offence(name="no_inspection", how="register", needs=Needs(video=False)),
}


def lacking(purpose: str, has: Has) -> list[str]:
    """What a camera lacks for a purpose, in the words of the camera file; empty when it may be used for it."""
    offence = OFFENCES.get(purpose)
    if offence is None:
        return []
    needs = offence.needs
    by_device = purpose == "spot_speed" and has.devices
    found = [
        (needs.video and not has.video and not by_device, "source: pictures of it"),
        (needs.fps > has.fps and not by_device, f"sampling: {{fps: {needs.fps:g}}} or more"),
        (needs.calibration and not has.calibration and not by_device, "calibration"),
        (needs.limit and not has.limit, "speed_limit_kmh"),
        (needs.stop_line and not has.stop_line, "stop_line"),
        (needs.signals and not has.signals, "junction"),
        (needs.section and not has.section, "section"),
        (bool(needs.zone) and needs.zone not in has.zones, f"a zone of kind {needs.zone}"),
        (bool(needs.line) and needs.line not in has.lines, f"a line of kind {needs.line}"),
    ]
    return [what for missing, what in found if missing]


def what_has(scene: Scene) -> Has:
    """What a camera in service has."""
    return Has(
        fps=scene.fps or 0.0,
        calibration=scene.homography is not None,
        limit=scene.speed_limit_kmh is not None or scene.variable_limit,
        section=bool(scene.section_id),
        signals=bool(scene.junction_id),
        stop_line=scene.stop_line is not None,
        zones=frozenset(z.kind for z in scene.zones),
        lines=frozenset(n.kind for n in scene.lines),
        video=scene.video,
        devices=any(d.measures_speed for d in scene.devices),
    )


@lru_cache(maxsize=4096)
def able(scene: Scene) -> frozenset[str]:
    """Purposes that a camera is meant for and has everything for."""
    has = what_has(scene)
    return frozenset(p for p in scene.purposes if p in OFFENCES and not lacking(p, has))


def by_pass(scene: Scene) -> tuple[Judge, ...]:
    """The rules by which one pass of a camera is judged by itself."""
    return tuple(o.judge for p in sorted(able(scene)) if (o := OFFENCES[p]).judge is not None)

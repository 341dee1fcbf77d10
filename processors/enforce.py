"""enforce: passes + signals + reads of devices → violations and tallies. Logic: domain/enforcement/, one rule per module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from waysight import metrics
from waysight.adapters.broadcast import Broadcast
from waysight.adapters.dead_letters import dead_letter_output
from waysight.adapters.registry import ConfluentRegistry
from waysight.authority.rulepacks import all_packs
from waysight.cameras.scenes import Scenes, plate_formats
from waysight.codec import Codec
from waysight.domain.clocks import Clocks
from waysight.domain.enforcement import (
    average_speed,
    company,
    device_plates,
    external,
    offences,
    red_light,
    shown,
    spot_speed,
    stop_line,
)
from waysight.domain.enforcement.average_speed import SectionState
from waysight.domain.enforcement.case import Law
from waysight.domain.enforcement.company import Company
from waysight.domain.enforcement.red_light import Crossing
from waysight.domain.enforcement.shown import KEEP_MS, Shown
from waysight.domain.exemptions import Exemptions
from waysight.domain.scene import Scene, SectionPlan
from waysight.domain.sightings import is_vehicle
from waysight.domain.watermarks import Progress, merge
from waysight.engine import Followed, Message, Output, PartitionState
from waysight.errors import BadMessage
from waysight.messages import (
    CameraRecord,
    ClockCheck,
    Exemption,
    ExternalRead,
    Sighting,
    Signal,
    Violation,
    Watermark,
)
from waysight.settings import Settings
from waysight.streaming import device_plates as plates
from waysight.streaming import device_speeds, findings
from waysight.streaming import waiting as waits
from waysight.streaming.envelopes import Fences, Flush, decoded
from waysight.streaming.pass_columns import PassColumns, Short
from waysight.streaming.pass_screening import may_offend
from waysight.streaming.passes import sighting_of
from waysight.topics import partition_for

_SWEEP_MS = 60_000
_LAMP_RULES = {red_light.PURPOSE: red_light.crossing, stop_line.PURPOSE: stop_line.overrun}


class EnforceLogic:
    """Applies every rule that a camera may be used for; watermarks go on once nothing earlier can follow."""

    name = "enforce"
    inputs = ("passes", "signals", "external-reads")
    outputs = ("violations", "tallies", "dead-letters")

    def __init__(
        self,
        codec: Codec,
        scenes: Scenes,
        law: Law,
        partitions: int,
        tables: Sequence[Followed] = (),
        exemptions: Exemptions | None = None,
        clocks: Clocks | None = None,
    ) -> None:
        self._codec, self._scenes, self._law = codec, scenes, law
        self._exemptions, self._clocks = exemptions or Exemptions(), clocks or Clocks()
        self._partitions, self.tables = partitions, tables

    async def start(self) -> None:
        """Nothing to open but its tables, which the engine starts."""

    async def step(self, state: PartitionState, messages: Sequence[Message]) -> list[Output]:
        flush, fences = Flush(self._codec, self._partitions), Fences(state)
        passes = [m for m in messages if m.topic == "passes"]
        columns = PassColumns(self._codec, passes, self.name, flush.outputs)
        worth = columns.new(fences) & may_offend(self._law, self._scenes.scene, columns)
        items: dict[int, list[int | Watermark]] = {}
        for number, item in columns.in_order(np.flatnonzero(worth)):
            items.setdefault(columns.messages[number].offset, []).append(item)
        for message in messages:
            flush.reading(message)
            if message.topic == "signals":
                signal: Signal | None = decoded(self._codec, message, self.name, flush.outputs)
                if signal is not None:
                    self._signal(state, flush, signal)
                continue
            if message.topic == "external-reads":
                read: ExternalRead | None = decoded(self._codec, message, self.name, flush.outputs)
                if read is not None:
                    self._read(state, flush, read)
                continue
            for item in items.get(message.offset, ()):
                if isinstance(item, Watermark):
                    self._time(state, flush, item)
                else:
                    self._pass(state, flush, message, columns.short(item))
        fences.save()
        return flush.finish()

    def _pass(self, state: PartitionState, flush: Flush, message: Message, one: Short) -> None:
        try:
            sighting = sighting_of(self._codec, one)
        except BadMessage as error:
            flush.outputs.append(dead_letter_output(self._codec, message, error.reason, self.name))
        else:
            scene = self._scenes.scene(sighting.camera_id)
            if device_plates.awaits(scene) and is_vehicle(sighting.label):
                plates.enter(state, scene, one.key, sighting)
                self._whose_plates_are_known(state, flush, scene)
            else:
                self._judge(state, flush, one.key, sighting)

    def _time(self, state: PartitionState, flush: Flush, mark: Watermark) -> None:
        """How far a camera's passes have come; where devices read plates, what is behind them learns it later."""
        scene, reached = self._scenes.scene(mark.camera_id), Progress(mark.captured_ms, mark.end)
        if device_plates.awaits(scene):
            plates.reached(state, scene, reached)
            self._whose_plates_are_known(state, flush, scene)
        else:
            self._watermark(state, flush, mark.camera_id, reached)

    def _whose_plates_are_known(self, state: PartitionState, flush: Flush, scene: Scene) -> None:
        ready, reached = plates.leave(state, self._law, scene)
        for key, sighting in ready:
            self._judge(state, flush, key, sighting)
        if reached is not None:
            self._watermark(state, flush, scene.camera_id, reached)

    def _judge(self, state: PartitionState, flush: Flush, key: str, sighting: Sighting) -> None:
        place, _, name = key.partition(":")
        scene = self._scenes.scene(sighting.camera_id)
        if place == "section":
            self._section(state, flush, name, sighting)
        elif place == "junction":
            for purpose, crossing in _LAMP_RULES.items():
                crossed = crossing(scene, sighting) if purpose in scene.purposes else None
                if crossed is not None:
                    lamp = f"{name}|{scene.signal_group}"
                    self._await(state, flush, lamp, replace(sighting, path=()), crossed)
        else:
            self._alone(state, flush, scene, sighting)

    def _alone(self, state: PartitionState, flush: Flush, scene: Scene, sighting: Sighting) -> None:
        """Judge a pass by what its own camera saw; rules of two wait for the other."""
        if offences.able(scene) & company.JUDGES.keys():
            before = state.get("company", scene.camera_id, Company) or Company()
            after = company.joined(before, scene, offences.able(scene), sighting)
            if after is not before:
                state.put("company", scene.camera_id, after)
        if is_vehicle(sighting.label):
            if scene.variable_limit or external.awaits(scene):
                if external.awaits(scene):
                    device_speeds.passed(state, scene, sighting)
                measured = spot_speed.measured_during(scene, sighting)
                if measured is not None:
                    span = Crossing(*measured, sighting.clock_error_ms)
                    self._await(state, flush, f"camera:{scene.camera_id}", sighting, span)
            else:
                speeding = spot_speed.judge(self._law, scene, sighting)
                findings.keep(state, [speeding] if speeding else [])
            for judge in offences.by_pass(scene):
                findings.keep(state, judge(self._law, scene, sighting))

    def _accompanied(self, state: PartitionState, camera_id: str, reached: Progress) -> None:
        """Judge the passes about whose company everything is known at a camera's time."""
        before = state.get("company", camera_id, Company)
        if before is None:
            return
        scene = self._scenes.scene(camera_id)
        after, found = company.decided(self._law, scene, before, reached.captured_ms, reached.end)
        if not after.members:
            state.delete("company", camera_id)
        elif after is not before:
            state.put("company", camera_id, after)
        findings.keep(state, found)

    def _await(
        self, state: PartitionState, flush: Flush, key: str, sighting: Sighting, span: Crossing
    ) -> None:
        waiting = waits.at(state, key)
        waits.put(state, key, (*waiting.items, (sighting, span)))
        self._release(state, flush, key)

    def _section(self, state: PartitionState, flush: Flush, section_id: str, sighting: Sighting) -> None:
        plan = self._scenes.plan(section_id)
        if plan is None:
            return
        before = state.get("sections", section_id, SectionState) or SectionState()
        ends = self._scenes.scene(plan.entry), self._scenes.scene(plan.exit)
        state.put("sections", section_id, average_speed.seen(self._law, plan, *ends, before, sighting))
        self._decide(state, flush, plan)

    def _decide(self, state: PartitionState, flush: Flush, plan: SectionPlan) -> None:
        """Judge what a section's cameras and sign have come far enough for."""
        section = state.get("sections", plan.section_id, SectionState)
        if section is None:
            return
        ends = self._scenes.scene(plan.entry), self._scenes.scene(plan.exit)
        known = [state.get("progress", camera_id, waits.Reached) for camera_id in (plan.entry, plan.exit)]
        entered, left = (k.passes if k else None for k in known)
        place = f"section:{plan.section_id}"
        sign = state.get("lamps", place, Shown) or Shown()
        decided = average_speed.decided(self._law, plan, *ends, section, (entered, left), sign)
        if decided.state is section:
            return
        if decided.state == SectionState():
            state.delete("sections", plan.section_id)
        else:
            state.put("sections", plan.section_id, decided.state)
        if decided.undecided:
            metrics.UNDECIDED.labels(place).inc(decided.undecided)
        findings.keep(state, decided.found)
        self._forward(state, flush, plan.exit)

    def _signal(self, state: PartitionState, flush: Flush, signal: Signal) -> None:
        key = shown.place_of(signal)
        plan = self._scenes.plan(key.removeprefix("section:")) if key.startswith("section:") else None
        keep_ms = average_speed.keep_sign_ms(plan) if plan else 2 * KEEP_MS
        before = state.get("lamps", key, Shown) or Shown()
        state.put("lamps", key, shown.changed(before, signal, keep_ms))
        if plan is not None:
            self._decide(state, flush, plan)
        self._release(state, flush, key)

    def _read(self, state: PartitionState, flush: Flush, read: ExternalRead) -> None:
        scene = self._scenes.scene(read.camera_id)
        if device_plates.awaits(scene):
            plates.read(state, self._law, scene, read)
            self._whose_plates_are_known(state, flush, scene)
        if external.awaits(scene):
            device_speeds.told(state, scene, read)
            self._release(state, flush, f"camera:{read.camera_id}")

    def _settled(self, state: PartitionState, key: str, lamp: Shown, item: tuple[Sighting, Crossing]) -> bool:
        """Whether all is known that a waiting pass is judged by: lamp or sign, and the devices beside the camera."""
        sighting, span = item
        scene = self._scenes.scene(sighting.camera_id)
        if not key.startswith("camera:"):
            return red_light.settled(lamp, span)
        if scene.variable_limit and not red_light.settled(lamp, span):
            return False
        passes = self._passes(state, scene.camera_id)
        return not external.awaits(scene) or device_speeds.settled(state, scene, passes, sighting)

    @staticmethod
    def _passes(state: PartitionState, camera_id: str) -> Progress | None:
        reached = state.get("progress", camera_id, waits.Reached)
        return reached.passes if reached else None

    def _release(self, state: PartitionState, flush: Flush, key: str) -> None:
        lamp = state.get("lamps", key, Shown) or Shown()
        waiting = waits.at(state, key)
        ready = [i for i in waiting.items if self._settled(state, key, lamp, i)]
        if not ready:
            return
        self._decided(state, flush, key, lamp, waiting, ready)

    def _decided(
        self,
        state: PartitionState,
        flush: Flush,
        key: str,
        lamp: Shown,
        waiting: waits.Waiting,
        ready: Sequence[tuple[Sighting, Crossing]],
    ) -> None:
        waits.put(state, key, [i for i in waiting.items if i not in ready])
        for sighting, span in ready:
            found = self._by_what_was_shown(state, key, lamp, sighting, span)
            findings.keep(state, [found] if found else [])
        for camera_id in dict.fromkeys(s.camera_id for s, _ in ready):
            self._forward(state, flush, camera_id)

    def _by_what_was_shown(
        self, state: PartitionState, key: str, lamp: Shown, sighting: Sighting, span: Crossing
    ) -> Violation | None:
        scene = self._scenes.scene(sighting.camera_id)
        if not key.startswith("camera:"):
            if not red_light.reaches_back(lamp, span):
                metrics.UNDECIDED.labels(scene.junction_id).inc()
            judge = stop_line.judge if span.rule == stop_line.PURPOSE else red_light.judge
            return judge(self._law, scene, sighting, span, lamp)
        measured = device_speeds.measured(state, scene, sighting) if external.awaits(scene) else None
        if not scene.variable_limit:
            return spot_speed.judge(self._law, scene, sighting, measured=measured)
        posted = scene.speed_limit_kmh or 0.0
        limit = shown.highest_limit_kmh(
            lamp, posted, span.earliest_ms - span.error_ms, span.latest_ms + span.error_ms
        )
        if limit is None:
            metrics.UNDECIDED.labels(key).inc()
            return None
        return spot_speed.judge(self._law, scene, sighting, limit, measured)

    def _watermark(self, state: PartitionState, flush: Flush, camera_id: str, now: Progress) -> None:
        scene, known = self._scenes.scene(camera_id), state.get("progress", camera_id, waits.Reached)
        passes = merge(known.passes if known else None, now)
        state.put("progress", camera_id, waits.Reached(passes, known.told if known else None))
        if external.awaits(scene):  # what is known is judged before what is silent, also where time leaps
            self._release(state, flush, f"camera:{camera_id}")
        self._sweep(state, flush, scene, now.captured_ms)
        self._accompanied(state, camera_id, passes)
        for plan in self._scenes.plans_of(camera_id):
            self._decide(state, flush, plan)
        if external.awaits(scene):
            waiting = waits.at(state, f"camera:{camera_id}")
            oldest_ms = min([passes.captured_ms, *(seen.first_ms for seen, _ in waiting.items)])
            device_speeds.forget(state, scene, Progress(oldest_ms))
        self._forward(state, flush, camera_id)
        self._forget(state, camera_id, now.captured_ms)

    def _forward(self, state: PartitionState, flush: Flush, camera_id: str) -> None:
        reached = state.get("progress", camera_id, waits.Reached)
        if reached is None:
            return
        held = self._held(state, camera_id)
        ready = reached.passes
        if held:
            ready = Progress(min(ready.captured_ms, min(held) - 1))
        findings.tell(state, flush, camera_id, ready, self._stands)
        told = reached.told
        if told is not None and (ready.captured_ms, ready.end) <= (told.captured_ms, told.end):
            return
        state.put("progress", camera_id, waits.Reached(reached.passes, ready))
        partition = partition_for(f"camera:{camera_id}", self._partitions)
        flush.watermark("tallies", partition, camera_id, ready.captured_ms, ready.end)

    def _stands(self, violation: Violation) -> Violation:
        """A violation with what speaks against a fine at the time it is told: exemptions, clocks found worse than stated."""
        plan = self._scenes.plan(violation.section_id)
        scenes = map(self._scenes.scene, (violation.camera_id, *((plan.entry,) if plan else ())))
        bounds = {s.camera_id: s.clock_error_ms for s in scenes if s.video}
        return self._clocks.applied(self._exemptions.applied(violation), bounds)

    def _held(self, state: PartitionState, camera_id: str) -> list[int]:
        """When what still waits in this partition may turn out to have occurred."""
        held = company.held_ms(state.get("company", camera_id, Company) or Company())
        for key in waits.asked_by(self._scenes.scene(camera_id)):
            waiting = waits.at(state, key)
            held += [int(span.earliest_ms) for s, span in waiting.items if s.camera_id == camera_id]
        for plan in self._scenes.plans_of(camera_id):
            section = state.get("sections", plan.section_id, SectionState)
            if plan.exit == camera_id and section is not None:
                held += [e.at_ms for e in section.exits]
        return held

    def _sweep(self, state: PartitionState, flush: Flush, scene: Scene, now_ms: int) -> None:
        camera_id = scene.camera_id
        for key in waits.asked_by(scene):
            waiting = waits.at(state, key)
            oldest = now_ms - KEEP_MS
            kept = [i for i in waiting.items if i[0].camera_id != camera_id or i[1].latest_ms >= oldest]
            silent = [i for i in waiting.items if i not in kept]
            if silent and key.startswith("camera:") and external.awaits(scene):
                lamp = state.get("lamps", key, Shown) or Shown()
                self._decided(state, flush, key, lamp, waiting, silent)  # the picture's word stands
            elif silent:
                metrics.UNDECIDED.labels(key.partition("|")[0]).inc(len(waiting.items) - len(kept))
                waits.put(state, key, kept)

    def _forget(self, state: PartitionState, camera_id: str, now_ms: int) -> None:
        """After all was told that a watermark allows, drop what nothing to come can go on from."""
        if now_ms >= (state.get("swept", camera_id, int) or 0) + _SWEEP_MS:
            state.put("swept", camera_id, now_ms)
            findings.sweep(state, camera_id, now_ms)
            longest_ms = [average_speed.longest_ms(plan) for plan in self._scenes.plans_of(camera_id)]
            plates.sweep(state, camera_id, now_ms - max([0, *longest_ms]) - 3 * KEEP_MS)


def build(settings: Settings) -> EnforceLogic:
    """The processor against the real engines."""
    codec, scenes = Codec(ConfluentRegistry(settings.registry)), Scenes()
    cameras = Broadcast[CameraRecord](settings, codec, "cameras", scenes.apply)
    law = Law(packs=all_packs(), formats=plate_formats(), enforcement_gate=settings.enforcement_gate)
    exemptions = Exemptions()
    exempt = Broadcast[Exemption](settings, codec, "exemptions", exemptions.apply)
    clocks = Clocks()
    checks = Broadcast[ClockCheck](settings, codec, "clock-checks", clocks.apply)
    return EnforceLogic(
        codec, scenes, law, settings.partitions, (cameras, exempt, checks), exemptions, clocks
    )

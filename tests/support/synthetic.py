"""A small world for tests: pinhole cameras over a straight road, vehicles with plates, boxes with noise."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from waysight.domain.geometry import Matrix
from waysight.domain.scene import Scene
from waysight.messages import DetectedObject, Detections, PlateCandidate, PlateRead

START_MS = 1_794_891_600_000
SIZE = (1920, 1080)
HEIGHT_M = {"car": 1.5, "truck": 3.4, "bus": 3.2, "motorcycle": 1.5, "person": 1.7}
WIDTH_M = {"car": 1.8, "truck": 2.5, "bus": 2.5, "motorcycle": 0.8, "person": 0.6}


@dataclass(frozen=True)
class Pinhole:
    """Camera `height_m` above the road, looking along Y and down by `pitch_deg`."""

    focal_px: float
    height_m: float
    pitch_deg: float

    def pixel(self, x_m: float, y_m: float, z_m: float = 0.0) -> tuple[float, float]:
        """Image px of a point of the world."""
        p = math.radians(self.pitch_deg)
        up = z_m - self.height_m
        depth = y_m * math.cos(p) - up * math.sin(p)
        down = -up * math.cos(p) - y_m * math.sin(p)
        return SIZE[0] / 2 + self.focal_px * x_m / depth, SIZE[1] / 2 + self.focal_px * down / depth

    def homography(self) -> Matrix:
        """Image px → road m."""
        p = math.radians(self.pitch_deg)
        f, h = self.focal_px, self.height_m
        to_image = np.array(
            [
                [f, SIZE[0] / 2 * math.cos(p), SIZE[0] / 2 * h * math.sin(p)],
                [
                    0.0,
                    SIZE[1] / 2 * math.cos(p) - f * math.sin(p),
                    (SIZE[1] / 2 * math.sin(p) + f * math.cos(p)) * h,
                ],
                [0.0, math.cos(p), h * math.sin(p)],
            ]
        )
        a, b, c, d, e, g, i, j, k = (float(v) for v in np.linalg.inv(to_image).ravel())
        return a, b, c, d, e, g, i, j, k


@dataclass(frozen=True)
class Ride:
    """A vehicle before a camera: Y(t) = y_m + speed · t from `at_ms` on (ms since START_MS)."""

    camera_id: str
    plate: str
    at_ms: int
    y_m: float
    speed_mps: float
    x_m: float = 1.75
    label: str = "car"
    legible_m: float = 95.0

    def place(self, now_ms: int) -> tuple[float, float]:
        """Where its contact with the road is."""
        return self.x_m, self.y_m + self.speed_mps * (now_ms - self.at_ms) / 1000


@dataclass(frozen=True)
class Eye:
    """A camera of the world: its scene, optics, and what it samples."""

    scene: Scene
    optics: Pinhole
    interval_ms: int
    seconds: int = 60

    def detections(self, rides: list[Ride], seed: int, noise_px: float = 1.0) -> Iterator[Detections]:
        """Its stream from the first frame to the end, with a watermark each second."""
        rng = random.Random(seed)
        seq = 0
        for now_ms in range(0, self.seconds * 1000, self.interval_ms):
            mine = [r for r in rides if r.camera_id == self.scene.camera_id and now_ms >= r.at_ms]
            objects = [o for r in mine if (o := self._object(r, now_ms, rng, noise_px)) is not None]
            yield self._record("frame", seq, now_ms, tuple(objects))
            seq += 1
            if now_ms % 1000 == 0:
                yield self._record("watermark", seq, now_ms)
                seq += 1
        yield self._record("end", seq, self.seconds * 1000)

    def _object(self, ride: Ride, now_ms: int, rng: random.Random, noise_px: float) -> DetectedObject | None:
        x, y = ride.place(now_ms)
        if y < 3.0 or y > 160.0 or rng.random() < 0.02:
            return None
        half, tall = WIDTH_M[ride.label] / 2, HEIGHT_M[ride.label]
        left, bottom = self.optics.pixel(x - half, y)
        right, _ = self.optics.pixel(x + half, y)
        _, top = self.optics.pixel(x, y, tall)
        box = [v + rng.gauss(0.0, noise_px) for v in (left, top, right, bottom)]
        box = [
            min(max(box[0], 0.0), SIZE[0]),
            min(max(box[1], 0.0), SIZE[1]),
            min(box[2], SIZE[0]),
            min(box[3], SIZE[1]),
        ]
        if box[2] - box[0] < 8 or box[3] - box[1] < 8:
            return None
        plate = None
        if ride.plate and y <= ride.legible_m and bottom < SIZE[1]:
            a, b = self.optics.pixel(x - 0.26, y, 0.6), self.optics.pixel(x + 0.26, y, 0.48)
            text = _misread(ride.plate, rng)
            sure = rng.uniform(0.9, 0.98) if text == ride.plate else rng.uniform(0.4, 0.7)
            plate = plate_read(text, sure, (*a, *b))
        return DetectedObject(
            label=ride.label,  # type: ignore[arg-type]
            score=rng.uniform(0.7, 0.95),
            x1=box[0],
            y1=box[1],
            x2=box[2],
            y2=box[3],
            colour="white",
            colour_confidence=0.8,
            plate=plate,
        )

    def _record(
        self, kind: str, seq: int, now_ms: int, objects: tuple[DetectedObject, ...] = ()
    ) -> Detections:
        picture = kind == "frame"
        return Detections(
            camera_id=self.scene.camera_id,
            epoch="e1",
            seq=seq,
            kind=kind,  # type: ignore[arg-type]
            captured_ms=START_MS + now_ms,
            clock_error_ms=self.scene.clock_error_ms,
            width=SIZE[0] if picture else 0,
            height=SIZE[1] if picture else 0,
            evidence_ref=f"frames/{self.scene.camera_id}/{seq}.jpg" if objects else "",
            evidence_sha256="0" * 64 if objects else "",
            analysed_ms=START_MS + now_ms + 50,
            models="test=1",
            objects=objects,
            origin_partition=0,
            origin_offset=0,
            ordinal=0,
        )


def plate_read(text: str, confidence: float, box: tuple[float, float, float, float]) -> PlateRead:
    """A plate read with even confidences."""
    return PlateRead(
        text=text,
        confidence=confidence,
        confidences=(confidence,) * len(text),
        candidates=(PlateCandidate(text=text, confidence=confidence),),
        x1=box[0],
        y1=box[1],
        x2=box[2],
        y2=box[3],
        score=0.9,
        reader="small",
    )


def merged_streams(eyes: list[Eye], rides: list[Ride], seed: int, noise_px: float = 1.0) -> list[Detections]:
    """All cameras' records in capture order, each with the origin that detect would give it."""
    found = [d for i, e in enumerate(eyes) for d in e.detections(rides, seed * 100 + i, noise_px)]
    ordered = sorted(found, key=lambda d: (d.captured_ms, d.camera_id, d.seq))
    return [replace(d, origin_offset=i) for i, d in enumerate(ordered)]


def _misread(plate: str, rng: random.Random) -> str:
    if rng.random() < 0.9:
        return plate
    place = rng.randrange(len(plate))
    return plate[:place] + rng.choice("8B3E") + plate[place + 1 :]


def camera_frame(
    seq: int, at_ms: int, objects: Iterable[DetectedObject], kind: str = "frame", epoch: str = "e"
) -> Detections:
    """What camera "c" saw `at_ms` after START_MS, as `detect` tells it."""
    return Detections(
        camera_id="c",
        epoch=epoch,
        seq=seq,
        kind=kind,  # type: ignore[arg-type]
        captured_ms=START_MS + at_ms,
        clock_error_ms=20,
        width=1280,
        height=720,
        evidence_ref=f"f{seq}",
        evidence_sha256="",
        analysed_ms=0,
        models="",
        objects=tuple(objects),
        origin_partition=0,
        origin_offset=seq,
        ordinal=0,
    )

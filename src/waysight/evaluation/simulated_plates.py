"""Passes of simulated vehicles: a plate seen in two or three frames, read as production reads, voted as a track.

Every pass draws a plate of the simulator's designs (Kazakhstan, Peru, Morocco), then looks at it from frames that
differ in distance, blur, light, noise and box. What hides a character (dirt, a bolt) stays over the frames of a
pass. Accepted is a pass whose voted plate is past the enforcement gate and read so in at least two frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from waysight.adapters.pictures import Picture
from waysight.domain import voting
from waysight.domain.enforcement.case import LEAST_AGREEING_FRAMES
from waysight.domain.plates import PlateFormats, canonical
from waysight.evaluation.plate_scores import ALIKE
from waysight.evaluation.plates import formats_of
from waysight.evaluation.reference import Reference
from waysight.evaluation.statistics import rate, reliability, upper_bound
from waysight.simulate.plates import find_design, list_designs, random_text, render_plate
from waysight.triton_models.vision.parcel import pack

COUNTRIES = ("kz", "pe", "ma")
DRAWN_PX = 96
THIRD_FRAME_SHARE, DIRT_SHARE = 0.3, 0.15
WIDTHS_PX = (42.0, 170.0)
MOST_TOLD = 50
Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Pass:
    """One simulated pass: country, text, and what the detector cut out of its frames (BGR uint8)."""

    country: str
    text: str
    crops: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a pass: the frames' readings, the voted plate, whether it would carry a fine."""

    seen: Pass
    reads: tuple[voting.Read, ...]
    voted: voting.VotedPlate
    accepted: bool

    @property
    def right(self) -> bool:
        """Whether the voted text is the plate's, letter by letter."""
        return self.voted.text == self.seen.text


def a_pass(rng: Rng, country: str) -> Pass:
    """A plate of the country on two or three frames of increasing size."""
    designs = [name for name in list_designs() if find_design(name).country == country]
    design = str(rng.choice(designs))
    text = _text(design, country, rng)
    plate = _soiled(render_plate(design, text, DRAWN_PX), rng)
    frames = LEAST_AGREEING_FRAMES + (rng.random() < THIRD_FRAME_SHARE)
    near, light = np.exp(rng.uniform(*np.log(WIDTHS_PX))), rng.normal(0, 0.25)
    slant = rng.normal(0, 0.05, (4, 2))
    crops = tuple(_frame(plate, rng, near * 0.88 ** (frames - 1 - k), light, slant) for k in range(frames))
    return Pass(country, text, crops)


def decide(
    seen: Pass, answers: Sequence[dict[str, Any] | None], formats: Sequence[PlateFormats], gate: float
) -> Verdict:
    """Vote over the frames' readings as a track does; accept past the gate with two frames that read so."""
    reads = tuple(_read(answer) for answer in answers if answer)
    voted = voting.vote(reads, formats, (seen.country,))
    return Verdict(seen, reads, voted, voted.confidence >= gate and voted.votes >= LEAST_AGREEING_FRAMES)


def run(
    worker: Reference,
    passes: int,
    seed: int,
    countries: Sequence[str],
    gate: float,
    done: Callable[[], None],
) -> tuple[dict[str, Any], list[Verdict]]:
    """Simulate that many passes; returns the figures and the accepted passes that were read wrong."""
    formats = formats_of(COUNTRIES)
    tallies: dict[str, list[tuple[float, bool, bool, bool]]] = {country: [] for country in countries}
    wrong: list[Verdict] = []
    cpu_ms = 0.0
    single = [0, 0]
    for number in range(passes):
        country = countries[number % len(countries)]
        seen = a_pass(np.random.default_rng([seed, number]), country)
        answer = worker.analyse(pack(seen.crops))
        cpu_ms += answer.cpu_ms
        verdict = decide(seen, answer.result or [], formats, gate)
        alike = verdict.voted.text.translate(ALIKE) == seen.text.translate(ALIKE)
        tallies[country].append((verdict.voted.confidence, verdict.right, alike, verdict.accepted))
        sure = [read for read in verdict.reads if read.confidence >= gate]
        single = [single[0] + len(sure), single[1] + sum(read.text != seen.text for read in sure)]
        if verdict.accepted and not verdict.right:
            wrong.append(verdict)
        done()
    everything = [row for rows in tallies.values() for row in rows]
    report = _figures(everything) | {
        "gate": gate,
        "agreeing_frames": LEAST_AGREEING_FRAMES,
        "seed": seed,
        "countries": {country: _figures(rows) for country, rows in tallies.items() if rows},
        "single_frames": {
            "accepted": single[0], "wrong": single[1], "error_rate_upper_95": upper_bound(single[1], single[0])
        },
        "reliability": reliability([row[0] for row in everything if row[0]], [row[1] for row in everything if row[0]])
        if any(row[0] for row in everything)
        else None,
        "cpu_ms_per_pass": round(cpu_ms / max(1, passes), 2),
        "wrong_passes": [_told(verdict) for verdict in wrong[:MOST_TOLD]],
    }  # fmt: skip
    return report, wrong


def worker_words(repository: Path) -> list[str]:
    """The words that make `reference_worker` read plates with a repository's networks."""
    return ["-m", "vision.worker", "plates", str(repository.resolve())]


def _figures(rows: Sequence[tuple[float, bool, bool, bool]]) -> dict[str, Any]:
    accepted = [row for row in rows if row[3]]
    exact, alike = sum(row[1] for row in accepted), sum(row[2] for row in accepted)
    return {
        "passes": len(rows),
        "exact": rate(sum(row[1] for row in rows), len(rows)),
        "accepted": len(accepted),
        "accepted_share": rate(len(accepted), len(rows)),
        "accepted_exact": exact,
        "wrong": len(accepted) - exact,
        "wrong_merged": len(accepted) - alike,
        "error_rate": rate(len(accepted) - exact, len(accepted)),
        "error_rate_upper_95": upper_bound(len(accepted) - exact, len(accepted)),
    }


def _told(verdict: Verdict) -> dict[str, Any]:
    reads = [{"text": read.text, "confidence": read.confidence} for read in verdict.reads]
    return {"plate": verdict.seen.text, "country": verdict.seen.country, "voted": verdict.voted.text,
            "confidence": verdict.voted.confidence, "reads": reads}  # fmt: skip


def _read(answer: dict[str, Any]) -> voting.Read:
    candidates = tuple((canonical(c["text"]), float(c["confidence"])) for c in answer["candidates"])
    return voting.Read(
        canonical(answer["text"]), answer["confidence"], tuple(answer["confidences"]), candidates
    )


def _text(design: str, country: str, rng: Rng) -> str:
    """A text of the design that the country issues: designs do not know that Morocco's prefectures end at 89."""
    formats = _formats(country)
    while not formats.has(text := random_text(design, rng)):
        pass
    return text


@lru_cache
def _formats(country: str) -> PlateFormats:
    return formats_of([country])[0]


def _soiled(plate: Picture, rng: Rng) -> Picture:
    """Now and then with dirt, a bolt or a scratch, the same in every frame of the pass."""
    if rng.random() >= DIRT_SHARE:
        return plate
    soiled, (height, width) = plate.copy(), plate.shape[:2]
    for _ in range(int(rng.integers(1, 4))):
        centre = int(rng.integers(width)), int(rng.integers(height))
        size = int(rng.uniform(0.03, 0.14) * height)
        cv2.circle(soiled, centre, max(1, size), [int(rng.integers(30, 160))] * 3, cv2.FILLED, cv2.LINE_AA)
    return soiled


def _frame(plate: Picture, rng: Rng, width_px: float, light: float, slant: Any) -> Picture:
    """The plate on one frame, cut out by a box that errs."""
    height, width = plate.shape[:2]
    scale = width_px / width
    left, right = rng.normal(0.05, 0.035, 2)
    top, bottom = rng.normal(0.08, 0.07, 2)
    size = max(12, round(width_px * (1 + left + right))), max(8, round(height * scale * (1 + top + bottom)))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    shaken = slant + rng.normal(0, 0.012, (4, 2))
    placed = (corners + shaken * height) * scale + np.array([left * width, top * height]) * scale
    ground = np.full((size[1], size[0], 3), int(rng.integers(15, 200)), np.uint8)
    matrix = cv2.getPerspectiveTransform(corners, placed.astype(np.float32))
    softened = cv2.GaussianBlur(plate, (0, 0), max(0.01, 0.42 / scale)) if scale < 1 else plate
    image = cv2.warpPerspective(softened, matrix, size, dst=ground, borderMode=cv2.BORDER_TRANSPARENT)
    return _exposed(np.asarray(image, np.uint8), rng, light)


def _exposed(image: Picture, rng: Rng, light: float) -> Picture:
    """Blur, motion, light, noise and JPEG of one frame."""
    if rng.random() < 0.5:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.2, 1.1)), np.uint8)
    if rng.random() < 0.3:
        length = int(rng.integers(2, 5))
        image = np.asarray(cv2.blur(image, (length, 1) if rng.random() < 0.7 else (1, length)), np.uint8)
    gain, lift = np.exp(light + rng.normal(0, 0.1)), rng.normal(0, 8)
    noisy = image * gain + lift + rng.normal(0, rng.uniform(1, 9), image.shape)
    _, data = cv2.imencode(
        ".jpg", np.clip(noisy, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 96))]
    )
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)

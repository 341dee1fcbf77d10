"""Plates and objects of waysight's analysis against what a user would install instead, picture by picture in turn.

python -m bench models: on the shared photographs (folder shared/data beside the checkout; evaluation only) reads every
plate photograph with waysight (Triton, as production), with rapidocr (whole picture, the best plate-like text) and
with HyperLPR's y5fu detector followed by rapidocr's recogniser, and detects objects on the CCTV stills with waysight
and with YOLOX-nano. CPU time is counted alike for all: this process, and the model's processes, one thread each.
Figures are given for all pictures, and for the halves that were tuned on and that stayed sealed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from bench.stack import save
from waysight.domain.plates import canonical
from waysight.errors import BadConfiguration
from waysight.evaluation.detection import LEAST_SCORE, objects_of
from waysight.evaluation.detection_scores import curve
from waysight.evaluation.engine import Engine, analysis_engine
from waysight.evaluation.formats import LabelledPicture, half, photographs
from waysight.evaluation.plate_scores import Outcome, Reading, Seen, figures, judged
from waysight.evaluation.plates import as_jpeg, gates_of, readings_of
from waysight.evaluation.reference import Answer, Reference, reference_detector, reference_worker
from waysight.evaluation.scenes import voc
from waysight.evaluation.statistics import upper_bound
from waysight.settings import get_settings

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
READERS = str(ROOT / "bench" / "readers.py")
GROUPS = ("eu", "us", "br")
MERGED = ("eu",)  # these labels do not tell O from 0 consistently
SHORTEST, LONGEST = 4, 10
HALVES = {"all": "all", "tuned": "even", "sealed": "odd"}
Turn = Callable[[LabelledPicture, bytes], Seen]


def main() -> dict[str, Any]:
    """Measure, write out/bench/models.json, and return what was written."""
    if not DATA.is_dir():
        raise BadConfiguration(f"{DATA} is missing: the photographs that the models are compared on")
    settings = get_settings()
    logs = settings.out_dir / "bench"
    logs.mkdir(parents=True, exist_ok=True)
    networks = DATA / "models"
    workers = {
        "rapidocr": [READERS, "rapidocr"],
        "chain": [READERS, "chain", str(networks / "y5fu_640x_sim.onnx")],
        "yolox": reference_detector(networks / "yolox_nano.onnx", LEAST_SCORE),
    }
    with ExitStack() as stack:
        engine = stack.enter_context(analysis_engine(settings, print, private=True))
        others = {
            name: stack.enter_context(reference_worker(settings, words, logs / f"{name}.log"))
            for name, words in workers.items()
        }
        result = {
            "plates": _plates(engine, others["rapidocr"], others["chain"]),
            "detection": _detection(engine, others["yolox"]),
            **engine.about(),
        }
    return save("models", result)


def plate_like(answer: Answer) -> list[Reading]:
    """The texts of an OCR that may be a plate: 4 to 10 letters and digits, with a digit; of those the surest.

    One that has letters too goes before one that has digits only: dates and clocks are burnt into pictures.
    """
    found = []
    for text, score, x1, y1, x2, y2 in answer.result or []:
        plain = canonical(text)
        if SHORTEST <= len(plain) <= LONGEST and any(c.isdigit() for c in plain):
            found.append(Reading(plain, score, (x1, y1, x2, y2)))
    return sorted(found, key=lambda r: (r.text.isdigit(), -r.confidence))[:1]


def _plates(engine: Engine, rapidocr: Reference, chain: Reference) -> dict[str, Any]:
    pictures = [p for group in GROUPS for p in photographs(DATA / "plates" / group)]
    turns: dict[str, Turn] = {
        "waysight": _ours(engine),
        "rapidocr": _theirs(rapidocr),
        "chain": _theirs(chain),
    }
    seen: dict[str, list[Seen]] = {name: [] for name in turns}
    for picture in pictures:
        payload = as_jpeg(picture.path)
        for name, turn in turns.items():
            seen[name].append(turn(picture, payload))
    result: dict[str, Any] = {}
    for label, which in HALVES.items():
        chosen = {id(picture) for picture in half(pictures, which)}
        parts = {
            name: [one for one, p in zip(found, pictures, strict=True) if id(p) in chosen]
            for name, found in seen.items()
        }
        result[label] = {name: _summary(found) for name, found in parts.items()}
        result[label]["gate"] = pooled_gate([o for one in parts["waysight"] for o in one.outcomes])
        result[label]["cpu_ratio"] = cpu_ratio(parts["rapidocr"], parts["waysight"])
    return result


def pooled_gate(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Plates accepted at the enforcement gate over all folders, O/0 and I/1 merged where labels do not tell them."""
    gate = get_settings().enforcement_gate
    accepted = [o for o in outcomes if o.reading and o.confidence >= gate]
    wrong = [o for o in accepted if not (o.exact_merged if o.picture.group in MERGED else o.exact)]
    return {
        "gate": gate,
        "plates": len(outcomes),
        "accepted": len(accepted),
        "accepted_share": round(len(accepted) / max(1, len(outcomes)), 4),
        "wrong": len(wrong),
        "error_rate_upper_95": upper_bound(len(wrong), len(accepted)),
    }


def cpu_ratio(theirs: Sequence[Seen], ours: Sequence[Seen]) -> dict[str, float]:
    """How many times our CPU time theirs is: of the medians, and the median of the ratios picture by picture."""
    pairs = [(t.cpu_ms or 0.0, o.cpu_ms or 0.0) for t, o in zip(theirs, ours, strict=True)]
    return {
        "of_medians": round(median(t for t, _ in pairs) / median(o for _, o in pairs), 2),
        "median_of_ratios": round(median(t / o for t, o in pairs), 2),
    }


def _ours(engine: Engine) -> Turn:
    def turn(picture: LabelledPicture, payload: bytes) -> Seen:
        measured = engine.analyse(payload, "jpeg")
        readings = readings_of(measured.analysis)
        return judged(picture, readings, measured.wall_ms, measured.cpu_ms, measured.analysis.error)

    return turn


def _theirs(reference: Reference) -> Turn:
    def turn(picture: LabelledPicture, payload: bytes) -> Seen:
        answer = reference.analyse(payload)
        return judged(picture, plate_like(answer), answer.wall_ms, answer.cpu_ms, answer.error)

    return turn


def _summary(seen: Sequence[Seen]) -> dict[str, Any]:
    """Per folder: the surest plate-like text of each picture against its label, and at the labelled place; CPU ms."""
    gates = gates_of(get_settings())
    result: dict[str, Any] = {}
    for group in GROUPS:
        found = figures([one for one in seen if one.outcomes[0].picture.group == group], gates)
        keys = ("exact", "exact_interval", "exact_merged", "exact_merged_interval")
        best = {f"best_{key}": found["best"][key] for key in keys}
        result[group] = {"images": found["images"], **{key: found[key] for key in keys}, **best}
    everything = figures(seen, gates)
    times = {key: everything[key] for key in everything if key.startswith(("ms_", "cpu_ms_"))}
    return result | times | {"reliability": everything["reliability"]}


def _detection(engine: Engine, yolox: Reference) -> dict[str, Any]:
    scenes = voc(DATA / "detection" / "cctv")
    found: dict[str, list[Any]] = {"waysight": [], "yolox_nano": []}
    cpu: dict[str, list[float]] = {"waysight": [], "yolox_nano": []}
    for scene in scenes:
        payload = as_jpeg(scene.path)
        ours, theirs = engine.analyse(payload, f"jpeg;objects={LEAST_SCORE}"), yolox.analyse(payload)
        found["waysight"].append(objects_of(ours.analysis))
        found["yolox_nano"].append(theirs.objects)
        cpu["waysight"].append(ours.cpu_ms or 0.0)
        cpu["yolox_nano"].append(theirs.cpu_ms)
    return {
        name: {
            "images": len(scenes),
            "ap50_class_agnostic": curve(things, scenes).ap,
            "ap50": {label: curve(things, scenes, label).ap for label in ("car", "motorcycle", "truck")},
            "cpu_ms_per_image_median": round(median(cpu[name]), 2),
        }
        for name, things in found.items()
    }

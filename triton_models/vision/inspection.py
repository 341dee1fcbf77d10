"""Opens a model's weights as production does and says what they are: `python -m vision.inspection < jobs`.

Runs in Triton's environment, in a process of its own, so that a file that crashes the runtime harms nothing.
In: a JSON list of jobs {"weights": path, "contract": {"input", "output"} of models.yaml, "description": text of
a detector.json or ""}; weights "" are those of the large reader. Out: a JSON list of {"error": "" or a sentence, "inputs", "outputs", "description"}.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from .boxes import Floats
from .detectors import BadDescription, Description, input_size, parse_description
from .sessions import NetworkFailed, large_reader_path, open_network, open_recogniser, open_session
from .yolox import YoloxDetector, grid, is_decoded

FREE_SIDES = {"n": 2, "h": 176, "w": 208}  # what a contract leaves open, for a trial run
TRIAL_PX = (640, 360)


def inspect(job: Mapping[str, Any]) -> dict[str, Any]:
    """One job's answer; never raises for weights that are unusable."""
    answer: dict[str, Any] = {"error": "", "inputs": [], "outputs": [], "description": None}
    try:
        if not job["weights"]:
            _against_contract(open_recogniser(large_reader_path()), job["contract"])
            return answer
        weights = Path(job["weights"])
        session = open_session(weights)
        for key, tensors in (("inputs", session.get_inputs()), ("outputs", session.get_outputs())):
            answer[key] = [{"name": t.name, "shape": list(t.shape), "type": t.type} for t in tensors]
        if len(answer["inputs"]) != 1 or len(answer["outputs"]) != 1:
            raise BadDescription(
                f"it has {len(answer['inputs'])} inputs and {len(answer['outputs'])} outputs, not one each"
            )
        if answer["inputs"][0]["type"] != "tensor(float)":
            raise BadDescription(f"its input is {answer['inputs'][0]['type']}, not tensor(float)")
        description = parse_description(job["description"]) if job["description"] else Description()
        if description.kind == "yolox":
            answer["description"] = asdict(_yolox(weights, description))
        else:
            _against_contract(open_network(weights), job["contract"])
    except (BadDescription, ValueError, FileNotFoundError, NetworkFailed) as problem:
        answer["error"] = " ".join(str(problem).split()) or type(problem).__name__
    return answer


def _yolox(weights: Path, wanted: Description) -> Description:
    width, height = input_size(weights, wanted.input_px)
    network = open_network(weights)
    trial = np.random.default_rng(0).integers(0, 255, (1, 3, height, width)).astype(np.float32)
    rows = network(trial)
    if rows.ndim != 3 or rows.shape[2] < 6:
        raise BadDescription(f"its output {list(rows.shape)} is not (n, rows, 5 + classes)")
    grid(width, height, rows.shape[1])
    classes = rows.shape[2] - 5
    if classes != len(wanted.labels):
        raise BadDescription(f"it has {classes} classes, the list of classes has {len(wanted.labels)}")
    if rows[..., 4:].min() < 0 or rows[..., 4:].max() > 1:
        raise BadDescription(
            "its scores are not between 0 and 1; export it with the sigmoid inside, as YOLOX does"
        )
    in_pixels = is_decoded(rows[0], width, height)
    detector = YoloxDetector(network, (width, height), wanted.labels, in_pixels=in_pixels)
    blank = np.full((TRIAL_PX[1], TRIAL_PX[0], 3), 128, np.uint8)
    if len(detector([blank, blank])) != 2:
        raise BadDescription("two blank pictures gave no two answers")
    return replace(wanted, input_px=(width, height), boxes="pixels" if in_pixels else "offsets")


def _against_contract(network: Callable[[Floats], Floats], contract: Mapping[str, Any]) -> None:
    sides = dict(FREE_SIDES)
    trial = np.zeros([_side(side, sides) for side in contract["input"]["shape"]], np.float32)
    shape = network(trial).shape
    expected = contract["output"]["shape"]
    if not fits(expected, shape, sides):
        raise BadDescription(f"from {list(trial.shape)} it makes {list(shape)}, not {expected}")


def fits(pattern: Sequence[int | str], shape: Sequence[int], sides: Mapping[str, int]) -> bool:
    """Whether a shape is that of a contract such as [n, 5, h/8, w/8]; names not in `sides` stand for any length."""
    if len(pattern) != len(shape):
        return False
    return all(_side(side, sides) in (length, 0) for side, length in zip(pattern, shape, strict=True))


def _side(side: int | str, sides: Mapping[str, int]) -> int:
    if isinstance(side, int):
        return side
    name, _, divisor = side.partition("/")
    return sides.get(name, 0) // int(divisor or 1)


if __name__ == "__main__":
    print(json.dumps([inspect(job) for job in json.load(sys.stdin)]))

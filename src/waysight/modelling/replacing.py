"""Putting other weights in a model's place: tried first, then copied with a description and a configuration."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from waysight.digests import sha256_of, sha256_of_folder
from waysight.errors import BadConfiguration
from waysight.modelling.catalogue import Catalogue, Contract, Tensor
from waysight.modelling.contracts import CONFIG, read_config, rewritten
from waysight.modelling.overlay import DESCRIPTION, WEIGHTS, Replacement
from waysight.modelling.trial import Outcome, job_for, try_weights
from waysight.settings import Settings
from waysight.triton_models.vision.objects import OBJECT_LABELS, label_of

DETECTOR = "vehicle_detector"
KINDS = {DETECTOR: ("waysight", "yolox")}
OWN_KIND = ("waysight",)


class Request(msgspec.Struct, frozen=True):
    """What a user wants in a model's place; `input_px` (0, 0): as the file says; `score` None: the kind's own."""

    model: str
    weights: Path
    kind: str
    classes: str = "coco"
    input_px: tuple[int, int] = (0, 0)
    score: float | None = None
    licence: str = ""
    source: str = ""
    trained_on: str = ""


def check_request(catalogue: Catalogue, request: Request) -> Contract:
    """The contract of the model to replace; raises BadConfiguration when it cannot be replaced so."""
    contract = catalogue.models.get(request.model)
    replaceable = [name for name, entry in catalogue.models.items() if entry.sha256]
    if contract is None or request.model not in replaceable:
        raise BadConfiguration(
            f"{request.model!r} is no model with weights of ours; these can be replaced: {', '.join(replaceable)}"
        )
    kinds = KINDS.get(request.model, OWN_KIND)
    if request.kind not in kinds:
        raise BadConfiguration(
            f"{request.model} takes weights of kind {' or '.join(kinds)}, not {request.kind!r}"
        )
    if not request.weights.is_file():
        raise BadConfiguration(f"{request.weights} is no file; give the path of an ONNX file")
    return contract


def read_classes(classes: str) -> list[str] | None:
    """Our label for each class of a network, "" for those that are of no interest; None for COCO's 80.

    A file has one class name a line, in the network's order; `name = label` maps a name that we do not know.
    Raises BadConfiguration naming file and line.
    """
    if classes == "coco":
        return None
    path = Path(classes)
    labels = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        name, equals, label = (part.strip() for part in line.partition("="))
        if not name:
            raise BadConfiguration(
                f"{path}:{number}: empty; each line names one class of the network, in its order"
            )
        if equals and label and label not in OBJECT_LABELS:
            raise BadConfiguration(f"{path}:{number}: {label!r} is none of {', '.join(OBJECT_LABELS)}")
        labels.append(label if equals else label_of(name))
    if not any(labels):
        raise BadConfiguration(
            f"{path}: none of its classes is one of ours ({', '.join(OBJECT_LABELS)}); map some: `name = label`"
        )
    return labels


def describe(request: Request) -> dict[str, Any]:
    """The content of the `detector.json` for a request; empty for weights of our own kind."""
    if request.kind == "waysight":
        return {}
    wanted = {"kind": request.kind, "labels": read_classes(request.classes), "score": request.score,
              "input_px": request.input_px if any(request.input_px) else None}  # fmt: skip
    return {key: value for key, value in wanted.items() if value is not None}


def replace_model(
    settings: Settings, repository: Path, request: Request, contract: Contract, now_ms: int, actor: str
) -> Replacement:
    """Try the weights, then write what takes the model's place into the models folder.

    It is in force once `overlay.write_overlay` records it. Raises BadConfiguration when they do not fit.
    """
    outcome = try_weights(settings, repository, job_for(contract, request.weights, describe(request) or ""))
    if outcome.error:
        raise BadConfiguration(f"{request.weights} cannot take the place of {request.model}: {outcome.error}")
    digest = sha256_of(request.weights)
    given, made = tensors(contract, outcome)
    name = f"{request.model}-{digest[:12]}"
    target = settings.models_folder / name
    fresh = target.with_name(f"{name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    (fresh / WEIGHTS).parent.mkdir(parents=True)
    shutil.copyfile(request.weights, fresh / WEIGHTS)
    for companion in companions(repository / request.model, request.weights):
        shutil.copyfile(companion, fresh / "1" / companion.name)
    if outcome.description:
        (fresh / DESCRIPTION).write_text(json.dumps(outcome.description), encoding="utf-8")
        labels = [label or f"class-{k}" for k, label in enumerate(outcome.description["labels"])]
        (fresh / "labels.txt").write_text("\n".join(labels) + "\n", encoding="utf-8")
    config = read_config(repository / request.model / CONFIG)
    (fresh / CONFIG).write_text(rewritten(config, request.model, given, made), encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    return Replacement(
        kind=request.kind,
        folder=name,
        sha256=digest,
        files=sha256_of_folder(target),
        licence=request.licence or "not stated",
        source=request.source or request.weights.name,
        trained_on=request.trained_on or "not stated",
        used_ms=now_ms,
        used_by=actor,
        input=shape_text(given),
        output=shape_text(made),
    )


def companions(model: Path, weights: Path) -> list[Path]:
    """Files beside the weights that are named as the model's own data are, such as a reader's calibration."""
    names = {path.name for path in (model / "1").glob("*.json")} - {Path(DESCRIPTION).name}
    return [path for name in sorted(names) if (path := weights.parent / name).is_file()]


def tensors(contract: Contract, outcome: Outcome) -> tuple[Tensor, Tensor]:
    """Input and output of tried weights; those of the contract where the weights are of our own kind."""
    if outcome.description is None:
        return contract.input, contract.output
    width, height = outcome.description["input_px"]
    return (
        Tensor(name=outcome.inputs[0].name, type="float32", shape=("n", 3, height, width)),
        Tensor(
            name=outcome.outputs[0].name, type="float32", shape=("n", *_free(outcome.outputs[0].shape[1:]))
        ),
    )


def shape_text(tensor: Tensor) -> str:
    """A tensor as a person reads it, e.g. `images float32 n x 3 x 416 x 416`."""
    return f"{tensor.name} {tensor.type} {' x '.join(str(side) for side in tensor.shape)}"


def _free(shape: Sequence[int | str | None]) -> list[int | str]:
    return ["free" if side is None else side for side in shape]

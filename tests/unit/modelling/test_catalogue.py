"""The catalogue and Triton's configurations agree, and what disagrees is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from waysight.triton_models.vision.objects import OBJECT_LABELS

from waysight.digests import sha256_of
from waysight.errors import BadConfiguration
from waysight.local.triton import model_names, repository
from waysight.modelling.catalogue import Tensor, production_model, read_catalogue
from waysight.modelling.contracts import config_faults, read_config, rewritten
from waysight.modelling.replacing import Request, check_request, describe, read_classes


def test_the_shipped_catalogue_fits_the_shipped_models() -> None:
    catalogue = read_catalogue(repository())
    assert set(catalogue.models) == set(model_names(repository()))
    for name, contract in catalogue.models.items():
        assert config_faults(read_config(repository() / name / "config.pbtxt"), name, contract) == []
        if contract.sha256:
            assert sha256_of(repository() / contract.weights) == contract.sha256
    assert {model.replaces for model in catalogue.production.values()} <= set(catalogue.models)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"images"', '"pictures"', "input"),
        ("416", "640", "dims"),
        ('"vehicle_detector"', '"detector"', "named"),
        ("dims: [ 3", "data_x: [ 3", "config.pbtxt"),
    ],
)
def test_a_configuration_that_differs_is_named(tmp_path: Path, old: str, new: str, fault: str) -> None:
    text = (repository() / "vehicle_detector" / "config.pbtxt").read_text()
    assert old in text
    path = tmp_path / "config.pbtxt"
    path.write_text(text.replace(old, new, 1))
    contract = read_catalogue(repository()).models["vehicle_detector"]
    if fault == "config.pbtxt":
        with pytest.raises(BadConfiguration, match=fault):
            read_config(path)
    else:
        assert any(
            fault in sentence for sentence in config_faults(read_config(path), "vehicle_detector", contract)
        )


def test_a_configuration_is_rewritten_for_other_tensors(tmp_path: Path) -> None:
    own = read_catalogue(repository()).models["vehicle_detector"]
    other = own.model_copy(
        update={
            "input": Tensor(name="x", type="float32", shape=("n", 3, 640, 640)),
            "output": Tensor(name="y", type="float32", shape=("n", 8400, 85)),
        }
    )
    config = read_config(repository() / "vehicle_detector" / "config.pbtxt")
    path = tmp_path / "config.pbtxt"
    path.write_text(rewritten(config, "vehicle_detector", other.input, other.output))
    assert config_faults(read_config(path), "vehicle_detector", other) == []
    assert read_config(path).dynamic_batching == config.dynamic_batching


@pytest.mark.parametrize("damage", ["sha256: x", "weight: a", "models: 3", "["])
def test_a_damaged_catalogue_names_its_file(tmp_path: Path, damage: str) -> None:
    text = (repository() / "models.yaml").read_text()
    key = damage.split(":")[0]
    lines = [damage if line.startswith("models:") else line for line in text.splitlines()] if key in ("models", "[") else (
        text.replace("    licence: Apache-2.0\n", f"    licence: Apache-2.0\n    {damage}\n", 1).splitlines())  # fmt: skip
    (tmp_path / "models.yaml").write_text("\n".join(lines))
    with pytest.raises(BadConfiguration, match=r"models\.yaml"):
        read_catalogue(tmp_path)


def test_classes_come_from_coco_or_from_a_file(tmp_path: Path) -> None:
    assert read_classes("coco") is None
    path = tmp_path / "classes.txt"
    path.write_text("rickshaw = motorcycle\nmotorbike\ntrain\nvan =\n")
    assert read_classes(str(path)) == ["motorcycle", "motorcycle", "", ""]
    assert json.loads(json.dumps(describe(Request("vehicle_detector", path, "yolox", str(path), (640, 384), 0.4)))) == {
        "kind": "yolox", "labels": ["motorcycle", "motorcycle", "", ""], "score": 0.4, "input_px": [640, 384],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "fault"), [("car\n\nbus", ":2:"), ("car = wagon", "wagon"), ("tree\nhouse", OBJECT_LABELS[0])]
)
def test_a_file_of_classes_with_a_fault_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "classes.txt"
    path.write_text(text)
    with pytest.raises(BadConfiguration, match=fault):
        read_classes(str(path))


@pytest.mark.parametrize(
    ("model", "kind", "fault"),
    [
        ("frame_analysis", "waysight", "no model with weights of ours"),
        ("plate_reader", "yolox", "kind waysight, not 'yolox'"),
        ("vehicle_detector", "detr", "waysight or yolox"),
        ("vehicle_detector", "yolox", "no file"),
    ],
)
def test_what_cannot_be_replaced_so_is_said(tmp_path: Path, model: str, kind: str, fault: str) -> None:
    with pytest.raises(BadConfiguration, match=fault):
        check_request(read_catalogue(repository()), Request(model, tmp_path / "absent.onnx", kind))


def test_an_unknown_production_model_names_those_there_are() -> None:
    with pytest.raises(BadConfiguration, match="yolox_tiny"):
        production_model(read_catalogue(repository()), "yolox_xxl")

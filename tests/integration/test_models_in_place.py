"""Other networks in a model's place, on a running stack: taken over at once, recorded, and taken back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import pytest
import tritonclient.grpc as grpc
from tritonclient.utils import InferenceServerException
from workers import said

from waysight.adapters.inference import Analysis, TritonAnalyser
from waysight.digests import sha256_of
from waysight.errors import BadConfiguration
from waysight.local import control
from waysight.local.triton import repository
from waysight.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def settings(full_stack: Settings) -> Iterator[Settings]:
    """The full stack; our own models are back in force afterwards."""
    yield full_stack
    said(full_stack, "models", "use", "vehicle_detector", "own")


def analyse(settings: Settings, *payloads: tuple[bytes, str]) -> list[Analysis]:
    """All payloads at once through `frame_analysis`."""

    async def together() -> list[Analysis]:
        analyser = TritonAnalyser(settings)
        await analyser.start()
        answers = await asyncio.gather(*(analyser.analyse(*payload) for payload in payloads))
        await analyser.close()
        return list(answers)

    return asyncio.run(together())


def jpeg(image: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", image)[1].tobytes()


def test_a_yolox_takes_the_detectors_place_and_ours_comes_back(settings: Settings, shared_data: Path) -> None:
    weights, still = (
        shared_data / "models" / "yolox_nano.onnx",
        sorted((shared_data / "detection").rglob("*.jpg"))[0],
    )
    own = f"vehicle_detector@{sha256_of(repository() / 'vehicle_detector/1/model.onnx')[:12]}"
    assert own in analyse(settings, (still.read_bytes(), "jpeg"))[0].models
    use = ("models", "use", "vehicle_detector")
    done = said(settings, *use, str(weights), "--kind", "yolox", "--licence", "Apache-2.0")
    assert (done["reloaded"], done["audited"], done["before"]) == (True, True, "own")

    [seen] = analyse(settings, (still.read_bytes(), "jpeg"))
    assert f"vehicle_detector@{sha256_of(weights)[:12]}" in seen.models
    labels = [str(thing.label) for thing in seen.objects]
    assert labels.count("car") + labels.count("motorcycle") >= 3
    assert all(0 <= o.x1 < o.x2 <= seen.width and 0 <= o.y1 < o.y2 <= seen.height for o in seen.objects)

    with grpc.InferenceServerClient(f"127.0.0.1:{settings.triton_grpc_port}") as client:
        metadata = client.get_model_metadata("vehicle_detector", as_json=True)
        tensor = grpc.InferInput("images", [2, 3, 416, 416], "FP32")
        tensor.set_data_from_numpy(np.zeros((2, 3, 416, 416), np.float32))
        rows = client.infer("vehicle_detector", [tensor]).as_numpy("output")
    assert metadata["inputs"][0]["shape"] == ["-1", "3", "416", "416"]
    assert rows.shape == (2, 3549, 85)

    checked = said(settings, "models", "check")
    assert {line["model"]: line["kind"] for line in checked["models"]}["vehicle_detector"] == "yolox"
    assert set(checked["triton"].values()) == {"READY"}
    in_force = {line["model"]: line for line in said(settings, "models", "list")["in_force"]}
    assert in_force["vehicle_detector"]["licence"] == "Apache-2.0"

    said(settings, "models", "use", "vehicle_detector", "own")
    assert own in analyse(settings, (still.read_bytes(), "jpeg"))[0].models
    events = said(settings, "audit", "list", "--action", "models.use")
    assert [json.loads(event["detail"])["weights"] for event in events[-2:]] == [sha256_of(weights), "own"]


def test_weights_that_do_not_fit_change_nothing(settings: Settings, tmp_path: Path) -> None:
    junk = tmp_path / "junk.onnx"
    junk.write_bytes(b"no network")
    reader = repository() / "plate_reader" / "1" / "model.onnx"
    before = said(settings, "models", "list")
    for weights, kind, fault in (
        (junk, "yolox", "cannot take the place"),
        (reader, "yolox", r"not \(n, 3, height, width\)"),
        (reader, "waysight", "cannot take the place"),
    ):
        with pytest.raises(BadConfiguration, match=fault):
            said(settings, "models", "use", "vehicle_detector", str(weights), "--kind", kind)
    assert said(settings, "models", "list") == before
    assert analyse(settings, (jpeg(np.full((90, 160, 3), 90, np.uint8)), "jpeg"))[0].error == ""


def test_a_users_own_reader_takes_the_readers_place(settings: Settings, tmp_path: Path) -> None:
    # Other bytes of the same network: an ONNX file may end with any unknown field.
    weights = tmp_path / "reader.onnx"
    weights.write_bytes((repository() / "plate_reader" / "1" / "model.onnx").read_bytes() + b"\x9a\x06\x01x")
    said(settings, "models", "use", "plate_reader", str(weights), "--kind", "waysight")
    grey = jpeg(np.full((90, 160, 3), 90, np.uint8))
    assert f"plate_reader@{sha256_of(weights)[:12]}" in analyse(settings, (grey, "jpeg"))[0].models
    said(settings, "models", "use", "plate_reader", "own")
    assert f"plate_reader@{sha256_of(weights)[:12]}" not in analyse(settings, (grey, "jpeg"))[0].models


def test_bad_pictures_among_good_ones_harm_neither_them_nor_the_instance(settings: Settings) -> None:
    rng = np.random.default_rng(3)
    good = jpeg(rng.integers(0, 255, (240, 320, 3)).astype(np.uint8))
    huge = bytearray(jpeg(np.zeros((64, 64, 3), np.uint8)))
    at = huge.find(b"\xff\xc0") + 5
    huge[at : at + 4] = (60_000).to_bytes(2) + (60_000).to_bytes(2)
    noise = rng.integers(0, 255, 4000).astype(np.uint8).tobytes()
    bad = [
        b"",
        b"\xff\xd8",
        noise,
        good[: len(good) // 9],
        bytes(huge),
        jpeg(np.zeros((1, 1, 3), np.uint8)),
        b"GIF89a",
    ]
    instances = processes(settings)
    mixed = [(payload, codec) for payload in bad for codec in ("jpeg", "h264", "hevc", "jpeg;objects", "bmp")]
    payloads = [pair for one in mixed for pair in ((good, "jpeg"), one)]
    answers = analyse(settings, *payloads)
    assert [answer.error for answer in answers[::2]] == [""] * len(mixed)
    assert all(answer.width == 320 for answer in answers[::2])
    assert sum(bool(answer.error) for answer in answers[1::2]) >= len(mixed) - 4
    assert all(len(answer.error) < 400 for answer in answers)
    assert not processes(settings) - instances  # one that died would have been started anew


def test_a_shape_that_a_network_refuses_fails_alone(settings: Settings) -> None:
    def ask(client: Any, height: int) -> np.ndarray:
        tensor = grpc.InferInput("image", [1, 3, height, 96], "FP32")
        tensor.set_data_from_numpy(np.zeros((1, 3, height, 96), np.float32))
        return client.infer("plate_detector", [tensor]).as_numpy("map")  # type: ignore[no-any-return]

    with grpc.InferenceServerClient(f"127.0.0.1:{settings.triton_grpc_port}") as client:
        with pytest.raises(InferenceServerException, match="the analysis failed"):
            ask(client, 40)  # its layers halve the sides four times
        assert ask(client, 96).shape == (1, 5, 12, 12)


def processes(settings: Settings) -> set[int]:
    """Pids of Triton's model processes."""
    server = psutil.Process(control.status(settings)["children"]["triton"]["pid"])
    return {child.pid for child in server.children(recursive=True)}

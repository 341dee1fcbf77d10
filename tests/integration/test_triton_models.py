"""The Triton models as production calls them: real server, real weights."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
import pytest
import tritonclient.grpc as grpc
import yaml
from waysight.triton_models.vision.corners import find_lines

from waysight.local.triton import repository
from waysight.settings import Settings
from waysight.simulate.plates import load_designs, render_plate

pytestmark = pytest.mark.integration
OWN = ("vehicle_detector", "plate_detector", "plate_corners", "plate_reader", "vehicle_looks")


@pytest.fixture(scope="module")
def client(full_stack: Settings) -> grpc.InferenceServerClient:
    return grpc.InferenceServerClient(f"127.0.0.1:{full_stack.triton_grpc_port}")


def analyse(client: grpc.InferenceServerClient, payload: bytes, codec: str) -> dict[str, Any]:
    inputs = []
    for name, value in (("PAYLOAD", payload), ("CODEC", codec.encode())):
        tensor = grpc.InferInput(name, [1, 1], "BYTES")
        tensor.set_data_from_numpy(np.array([[value]], dtype=object))
        inputs.append(tensor)
    result = client.infer("frame_analysis", inputs, client_timeout=300).as_numpy("RESULT")
    return dict(json.loads(result[0, 0]))


def jpeg(image: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


def keyframe(image: np.ndarray, encoder: str) -> bytes:
    context = av.CodecContext.create(encoder, "w")
    context.height, context.width = image.shape[:2]
    context.pix_fmt, context.time_base = "yuv420p", Fraction(1, 25)
    context.options = {"crf": "18", "preset": "veryfast"}
    frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format="yuv420p")
    return b"".join(bytes(packet) for packet in context.encode(frame) + context.encode(None))


def scene(text: str, design: str = "kz_2012", width_px: int = 110) -> np.ndarray:
    """A plate on a dark panel in an empty picture, uint8 BGR (720, 1280, 3)."""
    image = np.full((720, 1280, 3), (120, 125, 122), np.uint8)
    image[300:520, 480:800] = (60, 40, 30)
    plate = render_plate(design, text, 128)
    plate = cv2.resize(
        plate, (width_px, round(width_px * plate.shape[0] / plate.shape[1])), interpolation=cv2.INTER_AREA
    )
    image[420 : 420 + plate.shape[0], 580 : 580 + plate.shape[1]] = plate
    return cv2.GaussianBlur(image, (0, 0), 0.6)


def texts(result: dict[str, Any]) -> list[str]:
    plates = [thing["plate"] for thing in result["objects"] if thing["plate"]] + result["orphan_plates"]
    return [plate["text"] for plate in plates]


@pytest.mark.parametrize(
    ("design", "text"), [("kz_2012", "482KTA05"), ("pe_2010", "B7X413"), ("ma_2000", "48213B6")]
)
def test_a_rendered_plate_is_read_from_a_jpeg(
    client: grpc.InferenceServerClient, design: str, text: str
) -> None:
    result = analyse(client, jpeg(scene(text, design)), "jpeg")
    assert result["error"] is None
    assert (result["width"], result["height"]) == (1280, 720)
    assert texts(result) == [text]


@pytest.mark.parametrize(
    ("design", "text"), [("kz_2012", "482KTA05"), ("pe_2010", "B7X413"), ("ma_2000_two_line", "48213B6")]
)
def test_the_lines_of_a_rendered_plate_are_found(
    client: grpc.InferenceServerClient, design: str, text: str
) -> None:
    def network(batch: np.ndarray) -> np.ndarray:
        tensor = grpc.InferInput("image", list(batch.shape), "FP32")
        tensor.set_data_from_numpy(batch)
        return client.infer("plate_corners", [tensor], client_timeout=300).as_numpy("lines")

    plate = load_designs()[design]
    scale = 110 / plate.size_mm[0]
    box = (580.0, 420.0, 690.0, 420 + plate.size_mm[1] * scale)
    (found,) = find_lines(network, [(scene(text, design), box)])
    parts = np.array([part["box"] for part in plate.fields]) * scale + np.array([580, 420, 580, 420])
    assert found.legible > 0.9
    assert (found.two_line > 0.5) == plate.two_line
    for line, members in enumerate((parts[:1], parts[1:]) if plate.two_line else (parts,)):
        height = members[:, 3].max() - members[:, 1].min()
        upper_left, lower_right = found.quads[line, 0], found.quads[line, 2]
        assert upper_left[1] == pytest.approx(members[:, 1].min(), abs=0.25 * height)
        assert lower_right[1] == pytest.approx(members[:, 3].max(), abs=0.25 * height)
        # Glyphs do not fill their fields sideways: the line lies inside them.
        assert upper_left[0] > members[:, 0].min() - 0.3 * height
        assert lower_right[0] < members[:, 2].max() + 0.3 * height
        assert lower_right[0] - upper_left[0] > 0.6 * (members[:, 2].max() - members[:, 0].min())


@pytest.mark.parametrize(("encoder", "codec"), [("libx264", "h264"), ("libx265", "hevc")])
def test_a_keyframe_reads_as_its_jpeg_does(
    client: grpc.InferenceServerClient, encoder: str, codec: str
) -> None:
    result = analyse(client, keyframe(scene("917MBE02"), encoder), codec)
    assert result["error"] is None
    assert texts(result) == ["917MBE02"]


def test_a_blanked_plate_is_no_reading(client: grpc.InferenceServerClient) -> None:
    result = analyse(client, jpeg(scene("")), "jpeg")
    plates = [thing["plate"] for thing in result["objects"] if thing["plate"]] + result["orphan_plates"]
    assert all(plate["confidence"] < 0.3 for plate in plates)


@pytest.mark.parametrize(
    ("payload", "codec", "reason"),
    [
        (b"", "jpeg", "empty"),
        (jpeg(scene("1"))[:300] + b"\x00" * 200, "jpeg", "decoded"),
        (b"\x00\x00\x00\x01\x67" + b"a" * 400, "h264", "access unit"),
        (jpeg(np.zeros((4, 4, 3), np.uint8)), "jpeg", "too small"),
        (b"GIF89a", "gif", "not one of"),
    ],
)
def test_a_bad_payload_is_answered_and_the_next_good_one_too(
    client: grpc.InferenceServerClient, payload: bytes, codec: str, reason: str
) -> None:
    assert reason in analyse(client, payload, codec)["error"]
    assert analyse(client, jpeg(scene("482KTA05")[..., 0]), "jpeg")["error"] is None


def test_contracts_are_those_of_models_yaml(client: grpc.InferenceServerClient) -> None:
    listed = yaml.safe_load((repository() / "models.yaml").read_text(encoding="utf-8"))["models"]
    for name, entry in listed.items():
        metadata = client.get_model_metadata(name, as_json=True)
        assert [tensor["name"] for tensor in metadata["inputs"]] == entry["input"]["name"].split(", ")
        assert [tensor["name"] for tensor in metadata["outputs"]] == [entry["output"]["name"]]
    result = analyse(client, jpeg(scene("1")), "jpeg")
    for name in OWN:
        assert listed[name]["sha256"].startswith(result["models"][name])
        weights = (repository() / listed[name]["weights"]).read_bytes()
        assert hashlib.sha256(weights).hexdigest() == listed[name]["sha256"]

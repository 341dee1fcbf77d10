"""Payloads: pictures come out whole, and whatever is no picture is refused with a reason."""

import io
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from waysight.triton_models.vision.pictures import Unreadable, decode, jpeg_size


def picture(width: int = 96, height: int = 64) -> np.ndarray:
    ramp = np.linspace(30, 220, width, dtype=np.float32)[None, :, None]
    return np.broadcast_to(ramp, (height, width, 3)).astype(np.uint8).copy()


def jpeg(image: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", image)[1].tobytes()


def access_unit(image: np.ndarray, encoder: str = "libx264", pixels: str = "yuv420p") -> bytes:
    context = av.CodecContext.create(encoder, "w")
    context.height, context.width = image.shape[:2]
    context.pix_fmt, context.time_base = pixels, Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format=pixels)
    return b"".join(bytes(packet) for packet in context.encode(frame) + context.encode(None))


def test_a_jpeg_comes_out_as_it_went_in() -> None:
    assert np.abs(decode(jpeg(picture()), "jpeg").astype(int) - picture()).mean() < 3
    assert jpeg_size(jpeg(picture())) == (96, 64)


def test_a_grey_jpeg_has_three_channels() -> None:
    assert decode(jpeg(picture()[..., 0]), "jpeg").shape == (64, 96, 3)


@pytest.mark.parametrize(
    ("encoder", "pixels"), [("libx264", "yuv420p"), ("libx264", "yuv420p10le"), ("libx264", "yuvj420p")]
)
def test_a_keyframe_comes_out_as_it_went_in(encoder: str, pixels: str) -> None:
    image = decode(access_unit(picture(), encoder, pixels), "h264")
    assert image.shape == (64, 96, 3)
    assert np.abs(image.astype(int) - picture()).mean() < 6


@pytest.mark.parametrize(
    ("payload", "codec", "reason"),
    [
        (b"", "jpeg", "empty"),
        (b"\x89PNG....", "jpeg", "does not begin as a JPEG"),
        (jpeg(picture())[:120], "jpeg", "JPEG"),
        (jpeg(picture(8, 8)), "jpeg", "too small"),
        (b"\x00\x00\x00\x01\x65broken", "h264", "access unit"),
        (jpeg(picture()), "gif", "not one of"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_reason(payload: bytes, codec: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        decode(payload, codec)


def test_a_huge_picture_is_refused_before_it_is_decoded() -> None:
    header = bytearray(jpeg(picture()))
    at = header.index(b"\xff\xc0")
    header[at + 5 : at + 9] = (60_000).to_bytes(2) * 2
    with pytest.raises(Unreadable, match="too large"):
        decode(bytes(header), "jpeg")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["jpeg", "h264"]))
def test_any_bytes_give_a_picture_or_one_kind_of_error(payload: bytes, codec: str) -> None:
    try:
        image = decode(b"\xff\xd8" + payload if codec == "jpeg" else payload, codec)
    except Unreadable:
        return
    assert image.ndim == 3


def stills() -> dict[str, bytes]:
    """Pictures that people really send, though none is an ordinary colour JPEG."""
    noise = np.random.default_rng(3).integers(0, 255, (90, 120, 3)).astype(np.uint8)
    whole = cv2.imencode(".jpg", noise)[1].tobytes()
    cmyk, palette, moving = io.BytesIO(), io.BytesIO(), io.BytesIO()
    Image.fromarray(noise).convert("CMYK").save(cmyk, "JPEG")
    Image.fromarray(noise).convert("P").save(palette, "PNG")
    frames = [Image.fromarray(noise), Image.fromarray(255 - noise)]
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:])
    return {
        "cmyk": cmyk.getvalue(),
        "palette png": palette.getvalue(),
        "16 bit png": cv2.imencode(".png", noise.astype(np.uint16) * 200)[1].tobytes(),
        "truncated": whole[: len(whole) // 2],
        "animated": moving.getvalue(),
        "one pixel": cv2.imencode(".jpg", noise[:1, :1])[1].tobytes(),
        "empty": b"",
    }


def test_a_printers_jpeg_is_a_picture() -> None:
    picture = decode(stills()["cmyk"], "jpeg")
    assert picture.dtype == np.uint8
    assert picture.shape == (90, 120, 3)


@pytest.mark.parametrize("name", sorted(set(stills()) - {"cmyk"}))
def test_odd_stills_are_refused_with_a_reason(name: str) -> None:
    with pytest.raises(Unreadable, match=r"\w+ \w+ \w+"):
        decode(stills()[name], "jpeg")

"""Several small pictures as one run of bytes, for processes that hand each other crops."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .boxes import Bgr

SIDE_BYTES = 2


def pack(pictures: Iterable[Bgr]) -> bytes:
    """Pictures uint8 BGR (h, w, 3), sides below 65,536 px, as bytes: h, w (big endian), pixels; one after the other."""
    parts = []
    for picture in pictures:
        sides = b"".join(int(side).to_bytes(SIDE_BYTES) for side in picture.shape[:2])
        parts += [sides, np.ascontiguousarray(picture, np.uint8).tobytes()]
    return b"".join(parts)


def unpack(parcel: bytes) -> list[Bgr]:
    """The pictures of `pack`; raises ValueError when bytes are missing."""
    pictures, at = [], 0
    while at < len(parcel):
        height, width = (int.from_bytes(parcel[at + k : at + k + SIDE_BYTES]) for k in (0, SIDE_BYTES))
        at += 2 * SIDE_BYTES
        pixels = np.frombuffer(parcel[at : at + height * width * 3], np.uint8)
        pictures.append(pixels.reshape(height, width, 3))
        at += height * width * 3
    return pictures

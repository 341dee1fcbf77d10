"""H.264 and HEVC bytes: NAL units, parameter sets, and where a picture begins.

Sources: ITU-T H.264 (7.3.1, 7.3.3, 7.4.1, Annex B), ITU-T H.265 (7.3.1, 7.3.6, Annex B),
ISO/IEC 14496-15 (avcC, hvcC).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

START = b"\x00\x00\x00\x01"
PARAMETER_SETS: dict[str, tuple[int, ...]] = {"h264": (7, 8), "hevc": (32, 33, 34)}


def nal_units(data: bytes) -> Iterator[bytes]:
    """The NAL units of an Annex B byte stream, without start codes and trailing zeros."""
    begin = data.find(b"\x00\x00\x01")
    while begin >= 0:
        begin += 3
        end = data.find(b"\x00\x00\x01", begin)
        unit = data[begin : end if end >= 0 else len(data)].rstrip(b"\x00")
        if unit:
            yield unit
        begin = end


def nal_type(codec: str, unit: bytes) -> int:
    """The type of one NAL unit (non-empty)."""
    return unit[0] & 0x1F if codec == "h264" else (unit[0] >> 1) & 0x3F


def begins_picture(codec: str, data: bytes) -> bool | None:
    """Whether the first slice in an Annex B chunk is a picture's first; None without any slice."""
    for unit in nal_units(data[:4096]):
        kind = nal_type(codec, unit)
        if codec == "h264" and 1 <= kind <= 5 and len(unit) > 1:
            return bool(unit[1] & 0x80)  # first_mb_in_slice = 0 is the single bit 1
        if codec == "hevc" and kind < 32 and len(unit) > 2:
            return bool(unit[2] & 0x80)  # first_slice_segment_in_pic_flag
    return None


def sets_of_extradata(codec: str, extradata: bytes) -> dict[int, list[bytes]]:
    """Parameter sets by NAL type from codec extradata: Annex B, avcC or hvcC; {} when there are none."""
    wanted = PARAMETER_SETS[codec]
    if extradata.startswith((b"\x00\x00\x01", START)):
        units = list(nal_units(extradata))
    elif extradata:
        try:
            units = _avcc(extradata) if codec == "h264" else _hvcc(extradata)
        except (struct.error, IndexError):
            units = []
    else:
        units = []
    found: dict[int, list[bytes]] = {}
    for unit in units:
        if unit and (kind := nal_type(codec, unit)) in wanted:
            found.setdefault(kind, []).append(unit)
    return found


@dataclass(slots=True)
class ParameterSets:
    """Remembers a stream's parameter sets and gives every access unit its own."""

    codec: str
    known: dict[int, list[bytes]] = field(default_factory=dict)

    def complete(self, unit: bytes) -> bytes | None:
        """The access unit (Annex B) with every parameter set in front; None when one was never seen."""
        wanted, own = PARAMETER_SETS[self.codec], dict[int, list[bytes]]()
        for nal in nal_units(unit):
            kind = nal_type(self.codec, nal)
            if kind in wanted:
                own.setdefault(kind, []).append(nal)
        self.known.update(own)
        missing = [kind for kind in wanted if kind not in own]
        if any(kind not in self.known for kind in missing):
            return None
        if not missing:
            return unit
        ahead = [s for kind in wanted for s in self.known[kind]]  # all of them, so that their order is right
        return b"".join(START + s for s in ahead) + unit


def _avcc(data: bytes) -> list[bytes]:
    units, at = [], 6
    for _ in range(data[5] & 0x1F):
        unit, at = _sized(data, at)
        units.append(unit)
    count, at = data[at], at + 1
    for _ in range(count):
        unit, at = _sized(data, at)
        units.append(unit)
    return units


def _hvcc(data: bytes) -> list[bytes]:
    units, at = [], 23
    for _ in range(data[22]):
        (count,) = struct.unpack_from(">H", data, at + 1)
        at += 3
        for _ in range(count):
            unit, at = _sized(data, at)
            units.append(unit)
    return units


def _sized(data: bytes, at: int) -> tuple[bytes, int]:
    (size,) = struct.unpack_from(">H", data, at)
    return data[at + 2 : at + 2 + size], at + 2 + size

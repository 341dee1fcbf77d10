"""Plates as numbers: up to twelve characters of a canonical plate fit losslessly into 64 bits, many at a time.

A key is the plate itself, written to the base 37 from the left (0 is "no more characters"), so that equal plates
are equal numbers, a changed character is a sum, and a sorted array is an index. The folded key of a plate is that of
the plate with O as 0 and I as 1: plates that `plates.resolved` takes for one another always share it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

LONGEST = 12
BASE = 37
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
FOLDED = str.maketrans("OI", "01")
POWERS = np.array([BASE ** (LONGEST - 1 - i) for i in range(LONGEST)], np.uint64)

ALL_CODES = np.arange(1, BASE, dtype=np.uint64)

Keys = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]

_INVALID = 255
_BITS_PER_KEY = 32
_STEP = 16_384  # rows that are worked on at once, so that they stay in the cache
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)


def _table(fold: bool) -> Codes:
    table = np.full(128, _INVALID, np.uint8)
    table[0] = 0
    for code, character in enumerate(ALPHABET, 1):
        table[ord(character)] = code
    if fold:
        table[ord("O")], table[ord("I")] = table[ord("0")], table[ord("1")]
    return table


_CODES = {fold: {c: int(_table(fold)[ord(c)]) for c in ALPHABET} for fold in (False, True)}
_TABLES = {fold: _table(fold) for fold in (False, True)}


def pack(plates: Sequence[str], *, fold: bool = False) -> Keys:
    """Keys (n,) of canonical plates; 0 for an empty one and for what does not fit (longer, other characters)."""
    if not len(plates):
        return np.zeros(0, np.uint64)
    points = np.array(plates, f"U{LONGEST + 1}").view(np.uint32).reshape(len(plates), LONGEST + 1)
    return _packed(points, fold)


def pack_one(plate: str, *, fold: bool = False) -> int:
    """`pack` of one plate."""
    if len(plate) > LONGEST:
        return 0
    codes, key = _CODES[fold], 0
    for character in plate:
        code = codes.get(character)
        if code is None:
            return 0
        key = key * BASE + code
    return int(key * BASE ** (LONGEST - len(plate)))


def pack_utf8(text: npt.NDArray[np.uint8], offsets: npt.NDArray[np.integer], *, fold: bool = False) -> Keys:
    """The same of plates that lie one behind the other: plate n is text[offsets[n]:offsets[n + 1]] (Arrow's layout)."""
    parts = [
        _packed(padded(text, offsets[begin : begin + _STEP + 1], LONGEST + 1), fold)
        for begin in range(0, len(offsets) - 1, _STEP)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint64)


def padded(
    text: npt.NDArray[np.uint8], offsets: npt.NDArray[np.integer], width: int
) -> npt.NDArray[np.uint8]:
    """Bytes (n, width) of texts in Arrow's layout, cut or filled with zeros."""
    begin, lengths = offsets[:-1].astype(np.int64), np.diff(offsets)
    if len(lengths) and width == lengths[0] and (lengths == width).all():
        return text[begin[0] : begin[0] + width * len(lengths)].reshape(-1, width)
    places = np.arange(width)
    there = places < lengths[:, None]
    if not text.size:
        return np.zeros(there.shape, np.uint8)
    return np.where(there, text[np.minimum(begin[:, None] + places, text.size - 1)], 0).astype(np.uint8)


def codes_of(keys: Keys) -> Codes:
    """Characters (n, 12) of keys: 0 is none, 1..36 are 0-9 and A-Z."""
    codes = np.empty((len(keys), LONGEST), np.uint8)
    rest = keys
    for place in range(LONGEST - 1, -1, -1):
        higher = rest // np.uint64(BASE)
        codes[:, place] = rest - higher * np.uint64(BASE)
        rest = higher
    return codes


def key_of(codes: Codes) -> Keys:
    """Keys of characters (n, 12); the inverse of `codes_of`."""
    keys = np.zeros(len(codes), np.uint64)
    for place in range(LONGEST):
        keys = keys * np.uint64(BASE) + codes[:, place]
    return keys


def text_of(key: int) -> str:
    """The plate of a key."""
    found = []
    while key:
        key, code = divmod(key, BASE)
        found.append(ALPHABET[code - 1] if code else "")
    return "".join(reversed(found))


def hashes(text: npt.NDArray[np.uint8], offsets: npt.NDArray[np.integer]) -> Keys:
    """64-bit hashes (n,) of texts in Arrow's layout; the same in every process, 0 for an empty text.

    Two of ten million texts share one with a chance of 3 in a million.
    """
    lengths = np.diff(offsets)
    found = np.zeros(len(lengths), np.uint64)
    for begin in range(0, len(lengths), _STEP):
        part = lengths[begin : begin + _STEP]
        width = -(-int(part.max(initial=0)) // 8) * 8
        words = padded(text, offsets[begin : begin + _STEP + 1], width).view("<u8") if width else None
        total = part.astype(np.uint64)
        for column in range(width // 8):
            assert words is not None
            # Words beyond a text's own length must not count: the hash may not depend on its neighbours.
            mixed = _mixed((total ^ words[:, column]) * _GOLDEN)
            total = np.where(part > column * 8, mixed, total)
        found[begin : begin + _STEP] = total
    return found


def hash_of(text: str) -> int:
    """`hashes` of one text."""
    raw = np.frombuffer(text.encode(), np.uint8)
    return int(hashes(raw, np.array([0, len(raw)]))[0])


def in_arrow_layout(texts: Sequence[str]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Texts one behind the other, and their offsets (n + 1)."""
    raw = [t.encode() for t in texts]
    offsets = np.zeros(len(raw) + 1, np.int64)
    np.cumsum([len(r) for r in raw], out=offsets[1:])
    return np.frombuffer(b"".join(raw), np.uint8), offsets


class KeyFilter:
    """A set of keys that may say yes wrongly (3 times in 100 when full) and never no: one bit a key, 4 bytes each."""

    def __init__(self, capacity: int) -> None:
        bits = max(10, (max(1, capacity) * _BITS_PER_KEY - 1).bit_length())
        self._shift = np.uint64(64 - bits)
        self._bytes = np.zeros(1 << (bits - 3), np.uint8)

    @property
    def nbytes(self) -> int:
        """Its memory."""
        return self._bytes.nbytes

    def add(self, keys: Keys) -> None:
        """Put keys in."""
        place = self._places(keys)
        np.bitwise_or.at(self._bytes, (place >> np.uint64(3)).astype(np.intp), self._bit(place))

    def may_hold(self, keys: Keys) -> Flags:
        """Which keys may be in it; key 0 is none."""
        place = self._places(keys)
        found = self._bytes[(place >> np.uint64(3)).astype(np.intp)] & self._bit(place)
        return np.asarray((found != 0) & (keys != 0), bool)

    def _places(self, keys: Keys) -> Keys:
        return (_mixed(keys * _GOLDEN)) >> self._shift

    @staticmethod
    def _bit(place: Keys) -> npt.NDArray[np.uint8]:
        return np.left_shift(np.uint8(1), (place & np.uint64(7)).astype(np.uint8))


def rows_of(sorted_keys: Keys, key: int) -> range:
    """The places of one key in a sorted array."""
    wanted = np.uint64(key)
    begin = end = int(sorted_keys.searchsorted(wanted))
    while end < len(sorted_keys) and sorted_keys[end] == wanted:
        end += 1
    return range(begin, end)


def exchanged(plate: str, places: Sequence[int], *, fold: bool = False) -> Keys:
    """Keys (36 x places,) of a plate with any character in one of the places; itself is among them, 36 to a place."""
    key, codes = pack_one(plate, fold=fold), _CODES[fold]
    if not key or not len(places):
        return np.zeros(0, np.uint64)
    powers = [BASE ** (LONGEST - 1 - place) for place in places]
    without = [key - codes[plate[place]] * power for place, power in zip(places, powers, strict=True)]
    keys: Keys = np.array(without, np.uint64)[:, None] + ALL_CODES * np.array(powers, np.uint64)[:, None]
    return keys.ravel()


def _packed(characters: npt.NDArray[np.unsignedinteger], fold: bool) -> Keys:
    codes = _TABLES[fold].take(
        characters, mode="clip"
    )  # whatever is beyond the table is what its last place says
    fits = (codes[:, LONGEST] == 0) & (codes.max(axis=1) != _INVALID)
    return np.where(fits, key_of(codes[:, :LONGEST]), np.uint64(0))


def _mixed(value: Keys) -> Keys:
    value = (value ^ (value >> _HALF)) * _MIX
    return np.asarray(value ^ (value >> _HALF), np.uint64)

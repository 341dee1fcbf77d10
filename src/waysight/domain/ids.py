"""Deterministic ids: a hash of what a record derives from, so that replays give the same rows."""

from __future__ import annotations

import hashlib


def derive_id(kind: str, *parts: str | int) -> str:
    """32 hexadecimal digits from the kind and its parts; floats are refused by the type, on purpose.

    >>> derive_id("sighting", "cam-1", "e1", 25, 0) == derive_id("sighting", "cam-1", "e1", 25, 0)
    True
    """
    text = "\x1f".join([kind, *(str(p) for p in parts)])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

"""Which accepted violations another officer looks at again: a share of all, the same for everybody who asks."""

from __future__ import annotations

from waysight.domain.ids import derive_id

_RANGE = 16**12


def drawn(violation_id: str, share: float, seed: int) -> bool:
    """Whether a violation is in the sample of this share (0..1) and seed; a larger share contains a smaller one."""
    return int(derive_id("sample", seed, violation_id)[:12], 16) < share * _RANGE

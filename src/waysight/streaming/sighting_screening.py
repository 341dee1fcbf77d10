"""Screening of sightings: one mask for a whole step, from columns, says which may meet anything at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waysight.domain.authorisations import OWNER_WARRANT
from waysight.domain.lookalikes import UNSURE
from waysight.domain.matching import PURPOSE, Known
from waysight.domain.places import covers
from waysight.domain.scene import Scene
from waysight.messages import WatchlistEntry

Flags = npt.NDArray[np.bool_]


def screened(
    known: Known,
    scene_of: Callable[[str], Scene],
    records: pa.StructArray | None,
    followed: frozenset[str] = frozenset(),
) -> Flags:
    """Which sightings (n,) may meet anything; `matching.findings` decides. What nobody asks for costs nothing.

    `followed` are canonical plates whose every sighting is wanted.
    """
    if records is None or not len(records):
        return np.zeros(0, bool)
    cameras = records.field("camera_id").dictionary_encode()
    at, scenes = cameras.indices.to_numpy(), [scene_of(c) for c in cameras.dictionary.to_pylist()]
    plates: list[str] = records.field("plate").to_pylist()
    confidences = records.field("plate_confidence").to_numpy().astype(np.float64)
    usable = np.array([PURPOSE in s.purposes for s in scenes], bool)[at]
    sure = usable & (confidences >= known.gate) & np.array([p != "" for p in plates], bool)
    watchlist = known.watchlist
    same = watchlist.possible(plates)
    found: Flags = sure & same
    if watchlist.has_approximate:
        found |= usable & same
        rows = np.flatnonzero(usable & (least(records.field("plate_confidences")) < UNSURE))
        found[rows] |= watchlist.possible_approximate(*_doubted(records.take(pa.array(rows))))
    for mode, rows in (("permit_list", sure), ("description", usable & ~sure)):
        entries = watchlist.of_mode(mode)  # type: ignore[arg-type]
        if entries:
            found |= rows & _within(entries, scenes)[at]
    if known.owners is not None and known.authorisations.of(OWNER_WARRANT):
        found |= sure & known.owners.possible(plates)
    if followed:
        found |= sure & np.array([p in followed for p in plates], bool)
    return found


def least(lists: pa.ListArray) -> npt.NDArray[np.float64]:
    """The least number of each list (n,); 1 of an empty one."""
    offsets, found = lists.offsets.to_numpy(), np.ones(len(lists))
    full = np.flatnonzero(np.diff(offsets))
    if len(full):
        # Empty lists begin where the next one does, so that the full ones alone cover all values.
        values = lists.flatten().to_numpy().astype(np.float64)
        found[full] = np.minimum.reduceat(values, offsets[full] - offsets[0])
    return found


def _doubted(records: pa.StructArray) -> tuple[list[str], list[list[float]], list[list[str]]]:
    """Plates, the confidences of their characters, and their N-best."""
    texts = [[c["text"] for c in of] for of in records.field("plate_candidates").to_pylist()]
    return records.field("plate").to_pylist(), records.field("plate_confidences").to_pylist(), texts


def _within(entries: Sequence[WatchlistEntry], scenes: Sequence[Scene]) -> Flags:
    return np.array([any(covers(e.area, scene) for e in entries) for scene in scenes], bool)

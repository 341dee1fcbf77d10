"""Screening of sightings: one mask for a whole step, from columns, says which may meet anything at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waysight.domain.authorisations import OWNER_WARRANT
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
        characters, candidates = (records.field(n) for n in ("plate_confidences", "plate_candidates"))
        texts = [[c["text"] for c in of] for of in candidates.to_pylist()]
        found |= usable & watchlist.possible_approximate(plates, characters.to_pylist(), texts)
    for mode, rows in (("permit_list", sure), ("description", usable & ~sure)):
        entries = watchlist.of_mode(mode)  # type: ignore[arg-type]
        if entries:
            found |= rows & _within(entries, scenes)[at]
    if known.owners is not None and known.authorisations.of(OWNER_WARRANT):
        found |= sure & known.owners.possible(plates)
    if followed:
        found |= sure & np.array([p in followed for p in plates], bool)
    return found


def _within(entries: Sequence[WatchlistEntry], scenes: Sequence[Scene]) -> Flags:
    return np.array([any(covers(e.area, scene) for e in entries) for scene in scenes], bool)

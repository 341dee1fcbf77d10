"""The law as persons have confirmed it so far: rule packs and the topic of confirmations, followed live."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from waysight.domain.fines.facts import Law
from waysight.domain.ids import derive_id
from waysight.messages import Confirmation


class Confirmations(Protocol):
    """The newest record of each confirmation; `version` changes with every change."""

    version: int

    def snapshot(self) -> dict[str, Confirmation]:
        """All of them."""


class LawBook:
    """Laws by country. `current` leaves out what was revoked; `ever` does not: what an issued fine learnt stays.

    `digest` names what is confirmed, the same in every process.
    """

    def __init__(
        self,
        make: Callable[[Iterable[Confirmation]], Mapping[str, Law]],
        confirmations: Confirmations | None = None,
    ) -> None:
        self._make, self._confirmations, self._version = make, confirmations, -1
        self.digest = ""
        self.current: Mapping[str, Law] = {}
        self.ever: Mapping[str, Law] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read what was confirmed or revoked since; cheap when nothing was."""
        version = self._confirmations.version if self._confirmations else 0
        if version == self._version:
            return
        found = list(self._confirmations.snapshot().values()) if self._confirmations else []
        standing = [c for c in found if not c.revoked]
        self.current = self._make(standing)
        self.ever = self._make([replace(c, revoked=False) for c in found])
        self.digest = derive_id("law", *sorted(c.confirmation_id for c in standing))
        self._version = version

"""One offence of the simulated month as it was committed, and how it is told apart."""

from __future__ import annotations

from dataclasses import dataclass

Key = tuple[str, tuple[str, ...], bool]  # offence, sightings, whether an officer mended its plate
NOBODY = -1


@dataclass(frozen=True)
class Deed:
    """An offence as it was committed.

    `over_kmh` is what is left over the limit after all that speaks for the driver (None: not about speed; for sections
    something in the same step); `owner` is NOBODY where no fine may follow; `known_ms` when the register knew the owner.
    Deeds of one `act` are one act, of which the one with the greatest `weight` stands. `verdict` is what officers say
    (`habits`), `fate` what becomes of the notice (`fates`), `other` the person (by number) who takes part in that.
    One whose plate was misread is told twice: with the plate that an officer reads instead (`mended_to`), and under
    that plate (`mended`).
    """

    offence: str
    sightings: tuple[str, ...]
    camera_id: str
    plate: str
    occurred_ms: int
    over_kmh: float | None
    enforceable: bool
    owner: int
    known_ms: int = 0
    act: str = ""
    weight: tuple[float, ...] = ()
    verdict: str = ""
    fate: str = ""
    other: int = NOBODY
    mended_to: str = ""
    mended: bool = False

    @property
    def key(self) -> Key:
        """What makes it one."""
        return self.offence, self.sightings, self.mended

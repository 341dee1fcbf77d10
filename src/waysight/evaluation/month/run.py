"""A simulated month through the real processors, in this process: what they found against what truly happened.

What they put out is stored; found is what exports of the store say.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from pathlib import Path

from waysight.adapters.registry import MemoryRegistry
from waysight.authority.laws import laws_of
from waysight.authority.rulepacks import all_packs
from waysight.cameras.models import CameraFile
from waysight.cameras.scenes import Scenes, plate_formats
from waysight.codec import Codec
from waysight.domain.confirming import confirmation_of, unsure_values
from waysight.domain.counting import CountingRules
from waysight.domain.enforcement.case import Law
from waysight.domain.exemptions import Exemptions
from waysight.engine import Logic, Message
from waysight.evaluation.month.clerk import Clerk
from waysight.evaluation.month.exports import read_found
from waysight.evaluation.month.score import Score, scored
from waysight.evaluation.month.store import MemoryShelf, Shelf, Storing, write_exports
from waysight.messages import Confirmation
from waysight.processing import PROCESSORS
from waysight.replaying.scratch import Scratch
from waysight.settings import Settings
from waysight.simulate.month.streets import Streets
from waysight.simulate.month.tariffs import NATIONS
from waysight.simulate.month.traffic import Traffic

PARTITIONS = 4
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Order:
    """Which month of which city."""

    country: str
    start: date
    days: int
    passes: int
    seed: int


def run_month(
    order: Order,
    settings: Settings,
    progress: Progress = lambda _done, _of: None,
    shelf: Shelf | None = None,
    folder: Path | None = None,
) -> Score:
    """The month of an order, judged; memory grows by what is found, not by passes, where the shelf is an engine's.

    Exports stay in `folder` where one is given. Raises BadMessage for an export that is not what its manifest says.
    """
    streets = Streets(NATIONS[order.country], order.start)
    traffic = Traffic(streets, order.passes, order.days, order.seed)
    file = CameraFile.model_validate(streets.camera_file())
    codec, shelf = Codec(MemoryRegistry()), shelf or MemoryShelf()
    clerk, storing = Clerk(codec, traffic.truth, PARTITIONS), Storing(codec, shelf)
    clerk.open(traffic, file)
    logics = logics_of(settings, codec, Scenes.of_file(file), clerk.exemptions)
    run = Scratch([*logics, storing], _Same())

    def keep(made: list[Message]) -> None:
        clerk.keep(made)
        progress(traffic.truth.passes, order.passes)

    async def whole() -> None:
        await run.run(clerk, keep)
        keep([Message(o.topic, 0, 0, None, o.value) for o in await storing.finish()])

    with ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waysight-month-")))
        asyncio.run(whole())
        write_exports(shelf, place)
        return scored(traffic.truth, read_found(place), clerk.letters)


class _Same(dict[str, int]):
    """Every topic has as many partitions here."""

    def __missing__(self, topic: str) -> int:
        return PARTITIONS


def confirmations() -> list[Confirmation]:
    """What an authority must confirm before a country's fines can be issued, confirmed by an invented person."""
    wanted = {"pe": ("offences.", "tolerances."), "ma": ("offences.", "tolerances.", "repeats.")}
    return [
        confirmation_of(pack, value.path, "", "A. Confirmer", "legal department", "simulation", 0)
        for pack in all_packs().values()
        for value in unsure_values(pack)
        if value.path.startswith(wanted.get(pack.country, ("-",))) and ".points" not in value.path
    ]


def logics_of(settings: Settings, codec: Codec, scenes: Scenes, exemptions: Exemptions) -> list[Logic]:
    """The processors that judge, price and count, in the order of the flow."""
    law = Law(packs=all_packs(), formats=plate_formats(), enforcement_gate=settings.enforcement_gate)
    names = ("edge", "enforce", "papers", "fine", "count")
    edge, enforce, papers, fine, count = (import_module(PROCESSORS[n][0]) for n in names)
    return [
        edge.EdgeLogic(codec, scenes, PARTITIONS),
        enforce.EnforceLogic(codec, scenes, law, PARTITIONS, exemptions=exemptions),
        papers.PapersLogic(codec, scenes, law, exemptions=exemptions),
        fine.FineLogic(codec, laws_of(settings, confirmations())),
        count.CountLogic(codec, CountingRules(), PARTITIONS, scene=scenes.scene),
    ]

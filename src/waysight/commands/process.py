"""`waysight process NAME…`: one worker process with one processor or several."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from typing import Annotated

import typer

from waysight import metrics
from waysight.errors import BadConfiguration
from waysight.processing import PROCESSORS, build
from waysight.settings import Settings, get_settings

Names = Annotated[list[str] | None, typer.Argument(help=f"Processors: {', '.join(PROCESSORS)}.")]
All = Annotated[bool, typer.Option("--all", help="Every processor.")]
Instance = Annotated[
    str,
    typer.Option(
        help="Name of this worker; restarted under the same name it gets its partitions back at once."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("process")(process)


def process(names: Names = None, all_: All = False, instance: Instance = "") -> None:
    """Run processors until stopped (SIGTERM or Ctrl-C finishes the batch and commits)."""
    chosen = list(PROCESSORS) if all_ else list(dict.fromkeys(names or []))
    if not chosen:
        raise BadConfiguration(f"name at least one processor of {', '.join(PROCESSORS)}, or --all")
    settings = get_settings()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("aiokafka", "faust", "mode"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    metrics.serve(settings.metrics_port)
    run_processors(settings, chosen, instance)


def run_processors(settings: Settings, names: list[str], instance: str) -> None:
    """Build the processors and run them on one event loop."""
    import uvloop

    from waysight.adapters.faust_engine import FaustEngine, Tuning, run_engines

    async def main() -> None:
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        tuning = Tuning(instance=instance)
        engines = [FaustEngine(settings, build(name, settings), tuning) for name in names]
        # Batches are made of many short-lived objects without cycles: collect seldom, and not what start-up made.
        gc.set_threshold(50_000, 20, 50)
        await run_engines(engines, stopping, on_started=gc.freeze)

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(main())

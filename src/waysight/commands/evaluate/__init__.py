"""`waysight evaluate …`: the models and methods of production, measured on a city's own labelled material.

Every module of this package with a `register(group)` adds one command.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import typer


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Measure the production code on your own labelled pictures, tracks and speeds.",
        no_args_is_help=True,
    )
    for module in sorted(m.name for m in iter_modules(__path__)):
        add = getattr(import_module(f"{__name__}.{module}"), "register", None)
        if add:
            add(group)
    app.add_typer(group, name="evaluate")

"""The `waysight` command: wires the sub-commands and turns errors into exit codes."""

from __future__ import annotations

import errno
import sys
from importlib import import_module
from pkgutil import iter_modules

import typer

from waysight import commands
from waysight.errors import BadConfiguration, EngineDown, WaysightError

app = typer.Typer(
    name="waysight",
    help="Turns camera feeds into traffic enforcement and public-safety work, lawfully.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)


@app.callback()
def _group() -> None:
    """Keep the sub-command's name necessary even where only one is registered."""


def build(command: str = "") -> typer.Typer:
    """The application with every sub-command registered; a named one alone starts several times faster."""
    modules = sorted(m.name for m in iter_modules(commands.__path__))
    named = command.replace("-", "_")
    for module in [named] if named in modules else modules:
        register = getattr(import_module(f"waysight.commands.{module}"), "register", None)
        if register:
            register(app)
    return app


def main() -> None:
    """Entry point; a WaysightError prints one line and ends with its exit code."""
    try:
        build(next(iter(sys.argv[1:]), ""))()
    except WaysightError as error:
        print(f"error: {error}", file=sys.stderr)
        if isinstance(error, EngineDown):
            print("hint: `waysight status` shows the stack, `waysight up` starts it, `waysight doctor` checks "
                  "this machine", file=sys.stderr)  # fmt: skip
        sys.exit(error.exit_code)
    except OSError as error:
        where, mend = error.filename, "correct the path or its rights"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            where, mend = where or "a file that is written", "make room there and repeat the command"
        elif where is None:
            raise
        print(f"error: {where}: {error.strerror}; {mend}", file=sys.stderr)
        sys.exit(BadConfiguration.exit_code)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()

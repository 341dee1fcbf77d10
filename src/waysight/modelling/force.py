"""Making a change of models true: recorded, and taken over by the local Triton if one runs."""

from __future__ import annotations

from waysight.adapters.model_control import load_models, states
from waysight.errors import WaysightError
from waysight.local import control, triton
from waysight.modelling.overlay import Replacement, build_model, read_overlay, write_overlay
from waysight.settings import Settings

CODE = "vision"  # what the processes of models import from the repository
# It runs the other networks in its own process, so it is loaded again with any of them.
ANALYSIS = "frame_analysis"


def records_acts(settings: Settings) -> bool:
    """Whether an audit log can be written: the local broker and registry are up, or others are configured."""
    children = control.status(settings)["children"]
    local = all(children.get(name, {}).get("state") == "healthy" for name in ("kafka", "registry"))
    return local or bool(settings.kafka_bootstrap and settings.registry_url)


def runs_triton(settings: Settings) -> bool:
    """Whether the local Triton is up."""
    return bool(control.status(settings)["children"].get(triton.NAME, {}).get("state") == "healthy")


def served_states(settings: Settings) -> dict[str, str]:
    """The state of each model of the local Triton; empty when none runs. Raises EngineDown."""
    return states(_address(settings)) if runs_triton(settings) else {}


def put_in_force(settings: Settings, entries: dict[str, Replacement], model: str) -> bool:
    """Record the replacements and have the local Triton load `model` anew; False when none runs.

    When it cannot load it, everything is as before and the error is raised.
    """
    before = read_overlay(settings.models_folder)
    write_overlay(settings.models_folder, entries)
    if not runs_triton(settings):
        return False
    try:
        _reload(settings, model)
    except WaysightError:
        write_overlay(settings.models_folder, before)
        _reload(settings, model)
        raise
    return True


def _reload(settings: Settings, model: str) -> None:
    served = triton.served_repository(settings)
    for name in (CODE, model, ANALYSIS):
        # Copied anew, it is newer than what is loaded: Triton loads only what has changed.
        build_model(triton.repository(), settings.models_folder, served, name)
    load_models(_address(settings), (model, ANALYSIS))


def _address(settings: Settings) -> str:
    return f"127.0.0.1:{settings.triton_grpc_port}"
